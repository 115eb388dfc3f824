"""Mailbox names: from the protocol to one canonical `str` and back.

Within Pillarbox a name is a full path of Unicode text, levels separated by "/". In IMAP it is modified UTF-7 (RFC
3501 §5.1.3) until the client enables IMAP4rev2 or UTF8=ACCEPT, then UTF-8 (RFC 9051 §5.1). Always true of a name that
`canonical` returned:

- it is in Unicode normalization form C and holds no control character, so it is Net-Unicode (RFC 5198);
- it has no empty level, no separator at either end, and is within the limits below;
- its first level, if INBOX in any case, is spelled `INBOX`; all else is case-sensitive;
- `decode(encode(name, utf8=x), utf8=x) == name`.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final

from pillarbox.mail.normalization import normalize
from pillarbox.mail.visible import has_hidden

SEPARATOR: Final = "/"
INBOX: Final = "INBOX"

MAX_NAME_OCTETS: Final = 1000
"""Octets of a full name in UTF-8."""

MAX_LEVEL_OCTETS: Final = 255
"""Octets of one level in UTF-8; JMAP promises the same (RFC 8621 §1.3.1, maxSizeMailboxName)."""

MAX_LEVELS: Final = 32

_MAX_GIVEN_CHARACTERS: Final = 2 * MAX_NAME_OCTETS
"""Characters of a name that is not normalized yet: composing them makes at most two thirds as many octets."""
_TOO_LONG: Final = "name is too long"

_PLAIN = re.compile(rb"[ -%'-~]*")  # characters that represent themselves in modified UTF-7
_SHIFTED = re.compile(r"[^ -~]+")
_SHIFT = re.compile(rb"&([A-Za-z0-9+,]*)-|([^ -~]|&)")
_PRINTABLE = re.compile(r"[ -~]")
_WILDCARDS = re.compile("[*%]{2,}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InvalidMailboxName(ValueError):
    """No mailbox can have this name; the text may be sent to the client (NO [CANNOT])."""


def canonical(name: str) -> str:
    """The canonical form of a name that a client or an operator gave; raises InvalidMailboxName.

    A separator at the end only announces levels below (RFC 9051 §6.3.4) and is dropped.
    """
    if len(name) > _MAX_GIVEN_CHARACTERS:
        raise InvalidMailboxName(_TOO_LONG)
    # RFC 9051 §5.1: names not in NFC are accepted and normalized, the same in every command
    name = normalize("NFC", name)
    levels = name.removesuffix(SEPARATOR).split(SEPARATOR)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    _check(levels)
    return SEPARATOR.join(levels)


def check_new_level(name: str) -> None:
    """Raises InvalidMailboxName where the last level would look like another one, as characters of direction do it.

    Only for a mailbox that is made or renamed now: one that has such a name can be used, renamed and deleted.
    """
    if has_hidden(leaf(name)):
        raise InvalidMailboxName("name has a control character")


def decode(wire: bytes, *, utf8: bool) -> str:
    """Decode a name or a LIST pattern from the protocol; raises InvalidMailboxName.

    The result is not yet canonical: patterns and references may be invalid as names.
    """
    if utf8:
        return _decode_utf8(wire)
    if _PLAIN.fullmatch(wire):
        return wire.decode("ascii")
    return _decode_utf7(wire)


def encode(name: str, *, utf8: bool) -> bytes:
    """Encode a name for the protocol, before quoting."""
    if utf8:
        return name.encode()
    ascii_name = name.replace("&", "&-")
    return ascii_name.encode() if name.isascii() else _SHIFTED.sub(_shift, ascii_name).encode("ascii")


def parent(name: str) -> str | None:
    """The name one level up, or None for a name of one level."""
    above, separator, _ = name.rpartition(SEPARATOR)
    return above if separator else None


def leaf(name: str) -> str:
    """The last level."""
    return name.rpartition(SEPARATOR)[2]


class ListPattern:
    """What a LIST pattern matches: "*" anything, "%" anything within a level (RFC 9051 §6.3.9).

    All ways through the pattern are followed at once, one bit each: the time for a name is linear in its
    length, whatever the wildcards. A pattern with more characters than any name has matches nothing.
    """

    __slots__ = ("_accept", "_literals", "_within_level", "_within_name")

    def __init__(self, pattern: str) -> None:
        if pattern[:5].upper() == INBOX and pattern[5:6] in {"", SEPARATOR}:
            pattern = INBOX + pattern[5:]
        pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
        if len(pattern) > 2 * MAX_NAME_OCTETS + 1:  # wildcards stand between characters of a name
            pattern = ""
        self._literals: dict[str, int] = {}
        self._within_name = self._within_level = 0
        self._accept = 1
        for character in pattern:
            match character:
                case "*":
                    self._within_name |= self._accept
                case "%":
                    self._within_level |= self._accept
                case _:
                    self._literals[character] = self._literals.get(character, 0) | self._accept
                    self._accept <<= 1

    def matches(self, name: str) -> bool:
        """Whether the pattern matches this canonical name."""
        states = 1
        for character in name:
            stay = self._within_name if character == SEPARATOR else self._within_name | self._within_level
            states = (states & self._literals.get(character, 0)) << 1 | states & stay
            if not states:
                return False
        return bool(states & self._accept)


def _check(levels: list[str]) -> None:
    name = SEPARATOR.join(levels)
    try:
        octets = [len(level.encode()) for level in levels]
    except UnicodeEncodeError:
        raise InvalidMailboxName("name is not Unicode text") from None
    if not all(octets):
        raise InvalidMailboxName("name has an empty level")
    if _CONTROL.search(name):
        raise InvalidMailboxName("name has a control character")
    if len(levels) > MAX_LEVELS:
        raise InvalidMailboxName(f"name has more than {MAX_LEVELS} levels")
    if max(octets) > MAX_LEVEL_OCTETS or sum(octets) + len(octets) - 1 > MAX_NAME_OCTETS:
        raise InvalidMailboxName(_TOO_LONG)


def _decode_utf8(wire: bytes) -> str:
    try:
        return wire.decode()
    except UnicodeDecodeError:
        raise InvalidMailboxName("name is not UTF-8") from None


def _decode_utf7(wire: bytes) -> str:
    pieces: list[str] = []
    last = 0
    for match in _SHIFT.finditer(wire):
        if match[2]:
            raise InvalidMailboxName("name is not modified UTF-7")
        # RFC 3501 §5.1.3: superfluous shifts ("&AOQ-&APY-") would give one name two encodings
        if last and match[1] and match.start() == last and pieces[-1] != "&":
            raise InvalidMailboxName("superfluous shift in modified UTF-7")
        pieces += [wire[last : match.start()].decode("ascii"), _unshift(match[1]) if match[1] else "&"]
        last = match.end()
    return "".join(pieces) + wire[last:].decode("ascii")


def _unshift(base64: bytes) -> str:
    try:
        octets = a2b_base64(base64.replace(b",", b"/") + b"=" * (-len(base64) % 4))
        text = octets.decode("utf-16-be")
    except (Base64Error, UnicodeDecodeError):
        raise InvalidMailboxName("name is not modified UTF-7") from None
    # Only the canonical encoding: no printable ASCII in base64, no stray bits
    if _PRINTABLE.search(text) or _base64(text) != base64:
        raise InvalidMailboxName("name is not modified UTF-7")
    return text


def _shift(run: re.Match[str]) -> str:
    return f"&{_base64(run[0]).decode('ascii')}-"


def _base64(text: str) -> bytes:
    return b2a_base64(text.encode("utf-16-be"), newline=False).rstrip(b"=").replace(b"/", b",")
