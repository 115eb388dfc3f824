"""Parsing a command from left to right: the tokens of RFC 9051 §9.

A command is one text, in which each literal appears as its count and a line end (`{5}` CRLF), and
separately the octets of the literals in order. Every method parses one thing at the cursor or raises Malformed
with a text for the client; nothing is parsed twice, and runs are possessive: what an expression has read it does not
try to read in another way. SP is exactly one space (RFC 9051 §9, rule 2; `spaces` has what is forgiven).
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, TypeVar

from pillarbox.mail import flags, mailbox_name
from pillarbox.mail.number_set import LARGEST, STAR, NumberSet
from pillarbox.protocol.imap import limits, response_codes
from pillarbox.protocol.imap.limits import Argument
from pillarbox.protocol.imap.sequence_set import SequenceSet

T = TypeVar("T")

LARGEST_64: Final = 2**63 - 1
"""RFC 9051 §9, number64."""

# RFC 9051 §9: ATOM-CHAR leaves out ( ) { SP CTL % * " \ ]; ASTRING-CHAR takes ] back, list-char takes % and
# * too
_ATOM: Final = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]++")
_WORD: Final = re.compile(rb"[A-Za-z0-9.\-=+_]{1,64}+")
_PLAIN: Final = rb'[^"\\\r\n\x00]*+'
_QUOTED_OR_LITERAL: Final = rb'"(%b(?:\\["\\]%b)*)"|(~?)\{\d++\+?\}\r\n' % (_PLAIN, _PLAIN)
_STRING: Final = re.compile(rb"()" + _QUOTED_OR_LITERAL)
_ASTRING: Final = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\]++)|" + _QUOTED_OR_LITERAL)
_LIST_MAILBOX: Final = re.compile(rb"([^\x00-\x20\x7f-\xff(){\"\\]++)|" + _QUOTED_OR_LITERAL)
_ESCAPED: Final = re.compile(rb"\\(.)")
_PENDING_LITERAL: Final = re.compile(rb"~?\{\d++\+?\}\Z")
_NUMBER: Final = re.compile(rb"\d{1,20}")
_FLAG: Final = rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]++"
_FLAGS: Final = re.compile(_FLAG + rb"(?: " + _FLAG + rb")*")
_SET: Final = re.compile(rb"[0-9*:,$]++")
_NZ_NUMBER: Final = rb"(?:[1-9]\d{0,9}+|\*)"
_RANGE: Final = _NZ_NUMBER + rb"(?::" + _NZ_NUMBER + rb")?"
_SEQUENCE_SET: Final = re.compile(rb"(?:%b|\$)(?:,(?:%b|\$))*" % (_RANGE, _RANGE))
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*+={0,2}+")


class Malformed(ValueError):
    """Not in the grammar; the text gives the client the reason. Answered with BAD."""


class UnsupportedArgument(ValueError):
    """In the grammar, but not to be had; answered with NO, the code and the text."""

    def __init__(self, code: bytes, text: str) -> None:
        super().__init__(text)
        self.code = code


class TooLong(UnsupportedArgument):
    """An argument is beyond its limit."""

    def __init__(self, argument: Argument) -> None:
        super().__init__(response_codes.LIMIT, f"{argument.name} longer than {argument.octets} octets")


class AwaitsLiteral(Malformed):
    """The text ends in the count of a literal whose octets have not come (yet)."""


class Cursor:
    """A place in a command's text."""

    __slots__ = ("_literals", "_next_literal", "at", "enabled", "text")

    def __init__(
        self,
        text: bytes,
        literals: Sequence[bytes] = (),
        *,
        enabled: frozenset[bytes] = frozenset(),
        at: int = 0,
    ) -> None:
        self.text = text
        self.at = at
        self.enabled = enabled
        """What ENABLE has switched on (`capabilities`)."""
        self._literals = literals
        self._next_literal = 0

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8 now, no longer modified UTF-7 (RFC 9051 §5.1, RFC 6855 §3)."""
        return b"IMAP4REV2" in self.enabled or b"UTF8=ACCEPT" in self.enabled

    # --- the cursor

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Read what the pattern matches here, if it does."""
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    def skip(self, octets: bytes) -> bool:
        """Read exactly these octets, if they are here."""
        if self.text.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def sees(self, octets: bytes) -> bool:
        """Whether these octets come next; reads nothing."""
        return self.text.startswith(octets, self.at)

    def skip_word(self, word: bytes) -> bool:
        """Read this word in any letter case, if it is here."""
        stop = self.at + len(word)
        if self.text[self.at : stop].upper() == word:
            self.at = stop
            return True
        return False

    def expect(self, octets: bytes, *, sentence: str) -> None:
        """Read exactly these octets."""
        if not self.skip(octets):
            raise Malformed(sentence)

    def space(self) -> None:
        """SP, which is exactly one."""
        if not self.skip(b" "):
            raise Malformed("Expected a space and another argument")

    def end(self) -> None:
        """The end of the command."""
        if self.at != len(self.text):
            raise Malformed("Too many arguments")

    # --- tokens

    def atom(self) -> bytes:
        """RFC 9051 §9, atom."""
        if found := self.match(_ATOM):
            return _within(found[0], limits.MAX_ATOM)
        raise Malformed("Expected an atom")

    def word(self) -> bytes:
        """A keyword of the protocol, upper-case."""
        if found := self.match(_WORD):
            return found[0].upper()
        raise Malformed("Expected a word")

    def astring(self, argument: Argument) -> bytes:
        """RFC 9051 §9, astring. Raises TooLong, as all that read an `Argument`."""
        return self._text(_ASTRING, argument)

    def string(self, argument: Argument) -> bytes:
        """RFC 9051 §9, string: quoted or literal."""
        return self._text(_STRING, argument)

    def nstring(self, argument: Argument) -> bytes | None:
        """RFC 9051 §9, nstring."""
        return None if self.skip_word(b"NIL") else self.string(argument)

    def list_mailbox(self) -> bytes:
        """RFC 9051 §9, list-mailbox: an astring that may hold wildcards."""
        return self._text(_LIST_MAILBOX, limits.MAX_PATTERN)

    def number(self, *, least: int = 0, most: int = LARGEST) -> int:
        """RFC 9051 §9, number; nz-number with `least=1`, number64 with `most=LARGEST_64`."""
        if (found := self.match(_NUMBER)) and least <= (value := int(found[0])) <= most:
            return value
        raise Malformed("Expected a number in range")

    def base64(self) -> bytes:
        """RFC 9051 §9, base64, decoded."""
        found = self.match(_BASE64)
        return decode_base64(found[0] if found else b"")

    def items(
        self,
        item: Callable[[], T],
        *,
        most: int = limits.MAX_OPTIONS,
        names: str = "options",
        empty: bool = False,
    ) -> list[T]:
        """A parenthesized list: `(` one, or several with a space between `)`. `most`: of these `names`, beyond: BAD."""
        self.expect(b"(", sentence="Expected a parenthesized list")
        found: list[T] = []
        if empty and self.skip(b")"):
            return found
        while len(found) < most:
            found.append(item())
            if self.skip(b")"):
                return found
            self.space()
        raise Malformed(f"More than {most} {names}")

    # --- values

    def text_utf8(self, argument: Argument) -> str:
        """An astring that is UTF-8."""
        return decode_utf8(self.astring(argument))

    def mailbox(self) -> str:
        """RFC 9051 §9, mailbox, canonical. Raises UnsupportedArgument where the name is invalid."""
        try:
            return _mailbox(self.astring(limits.MAX_MAILBOX), self.utf8)
        except mailbox_name.InvalidMailboxName as wrong:
            raise UnsupportedArgument(b"CANNOT", f"Mailbox {wrong}") from None

    def mailbox_pattern(self, *, wildcards: bool) -> str | None:
        """A LIST reference, or with wildcards a LIST pattern; decoded, not canonical. None where no name can match."""
        octets = self.list_mailbox() if wildcards else self.astring(limits.MAX_MAILBOX)
        try:
            return _name(octets, self.utf8)
        except mailbox_name.InvalidMailboxName:
            return None

    def sequence_set(self) -> SequenceSet:
        """RFC 9051 §9, sequence-set."""
        if found := self.match(_SET):
            return parse_sequence_set(_within(found[0], limits.MAX_SEQUENCE_SET))
        raise Malformed("Expected a sequence set")

    def flags(self) -> str:
        """RFC 9051 §9, flag-list, or (only STORE has them) flags without parentheses; canonical."""
        listed = self.skip(b"(")
        found = self.match(_FLAGS)
        if listed:
            self.expect(b")", sentence="Expected a list of flags")
        elif not found:
            raise Malformed("Expected flags")
        if found and found[0].count(b" ") >= limits.MAX_FLAGS:
            raise UnsupportedArgument(response_codes.LIMIT, f"More than {limits.MAX_FLAGS} flags")
        try:
            return flags.canonical(found[0].decode("ascii").split(" ") if found else ())
        except flags.InvalidFlag as wrong:
            raise Malformed(f"Flag refused: {wrong}") from None
        except flags.TooManyFlags as too_many:
            raise UnsupportedArgument(b"LIMIT", f"Flags refused: {too_many}") from None

    def _text(self, pattern: re.Pattern[bytes], argument: Argument) -> bytes:
        found = pattern.match(self.text, self.at)
        if not found:
            if _PENDING_LITERAL.match(self.text, self.at):
                raise AwaitsLiteral("Expected a literal's octets")
            raise Malformed("Expected a string")
        self.at = found.end()
        if atom := found[1]:
            return _within(atom, argument)
        quoted = found[2]
        if quoted is None:
            return _within(self._literal(binary=bool(found[3])), argument)
        if len(quoted) - quoted.count(b"\\") > argument.octets:
            raise TooLong(argument)
        # RFC 9051 §4.3, RFC 6855 §3: a quoted string is UTF-8, or BAD
        if not quoted.isascii():
            decode_utf8(quoted)
        return _within(_ESCAPED.sub(rb"\1", quoted), argument) if b"\\" in quoted else quoted

    def _literal(self, *, binary: bool) -> bytes:
        if self._next_literal == len(self._literals):
            raise AwaitsLiteral("Expected a literal's octets")
        octets = self._literals[self._next_literal]
        self._next_literal += 1
        # RFC 9051 §9: only a literal8 may hold NUL, and only messages are sent as one
        if binary or b"\0" in octets:
            raise Malformed("NUL or a binary literal is not allowed here")
        return octets


def _within(octets: bytes, argument: Argument) -> bytes:
    if len(octets) > argument.octets:
        raise TooLong(argument)
    return octets


def _name(octets: bytes, utf8: bool) -> str:
    # RFC 6855 §3: UTF-8 is understood in names even before it was enabled; modified UTF-7 is ASCII only
    return mailbox_name.decode(octets, utf8=utf8 or not octets.isascii())


@lru_cache(maxsize=1024)
def _mailbox(octets: bytes, utf8: bool) -> str:
    """Cached, since clients use the same few names all the time."""
    return mailbox_name.canonical(_name(octets, utf8))


def decode_utf8(octets: bytes) -> str:
    """Text of UTF-8 octets; raises Malformed."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise Malformed("Text is not UTF-8") from None


def decode_base64(octets: bytes) -> bytes:
    """RFC 9051 §9, base64; raises Malformed."""
    try:
        return a2b_base64(octets, strict_mode=True) if octets else b""
    except Base64Error:
        raise Malformed("Not base64") from None


@lru_cache(maxsize=512)
def _cached_sequence_set(octets: bytes) -> SequenceSet:
    return _sequence_set(octets)


def parse_sequence_set(octets: bytes) -> SequenceSet:
    """A sequence set; cached, since clients repeat a few (`1:*`). Raises Malformed."""
    return _cached_sequence_set(octets) if len(octets) <= _CACHED_OCTETS else _sequence_set(octets)


_CACHED_OCTETS: Final = 24


def _sequence_set(octets: bytes) -> SequenceSet:
    if not _SEQUENCE_SET.fullmatch(octets):
        raise Malformed("Not a sequence set")
    if b"," not in octets and octets != b"$":  # mostly
        ends = _bounds(octets.split(b":"))
        return SequenceSet(NumberSet(((min(ends), max(ends)),)))
    elements = set(octets.split(b","))  # what is repeated costs nothing
    saved = b"$" in elements
    elements.discard(b"$")
    if b":" not in octets:
        return SequenceSet(NumberSet.of(_bounds(elements)), saved)
    ranges = [element.split(b":") for element in elements if b":" in element]
    ends = _bounds(chain.from_iterable(ranges))
    numbers = NumberSet.of(_bounds([element for element in elements if b":" not in element]))
    return SequenceSet(numbers | NumberSet.of_ranges(zip(ends[::2], ends[1::2], strict=True)), saved)


def _bounds(texts: Iterable[bytes]) -> list[int]:
    """seq-number or "*" (RFC 9051 §9), many of them; raises Malformed."""
    numbers = [0 if text == b"*" else int(text) for text in texts]  # 0 is no seq-number
    if max(numbers, default=0) > LARGEST:
        raise Malformed("Number too large")
    return [number or STAR for number in numbers]
