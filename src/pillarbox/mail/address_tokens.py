"""The address list parser for any input: a state machine over tokens, linear in the length of the value.

`address_list` uses it for lists that are not of the usual simple forms.
"""

import re
from typing import Final, NamedTuple

from pillarbox.mail.name_addr import AddressItem, AddressList, Group, NameAddr

MAX_ADDRESSES: Final = 4096
"""Addresses read from one list, groups counted as well; what follows them is left out."""

MAX_TOKENS: Final = 20 * MAX_ADDRESSES
"""Tokens read from one list by the state machine: more than `MAX_ADDRESSES` ordinary addresses have."""

_SPACE = rb"(?P<space>[\x00-\x20\x7f]++)"
_TEXT = (
    # An encoded word first: many writers leave specials in it as they are (RFC 2047 §5 (3) forbids that)
    rb"(?P<word>=\?[^?\x00-\x20]++\?[BbQq]\?[^?\x00-\x20]*+\?=|[^\x00-\x20\x7f\"(),:;<>@\[\\]++|\[[^\[\]]*+\])"
)
_SPECIAL = rb"(?P<special>[,:;<>@])"
_QUOTED = rb'"(?P<quoted>[^"\\]*+(?:\\.[^"\\]*+)*)"'
TOKEN = re.compile(rb"|".join((_SPACE, _TEXT, _SPECIAL, _QUOTED, rb"(?P<other>.)")), re.DOTALL).match
TOKEN_UNQUOTED = re.compile(rb"|".join((_SPACE, _TEXT, _SPECIAL, rb"(?P<other>.)")), re.DOTALL).match
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"[\r\n\0]+")


class _Word(NamedTuple):
    text: bytes
    spaced: bool
    """White space or a comment stands before it."""
    quoted: bool = False


_AT = b"@"


class _Reader:
    """The state between two tokens of a list."""

    __slots__ = (
        "after",
        "budget",
        "comment",
        "group",
        "inside",
        "items",
        "members",
        "outside",
        "route",
        "spaced",
    )

    def __init__(self, budget: int) -> None:
        self.items: list[AddressItem] = []
        self.budget = budget
        self.group: bytes | None = None
        self.members: list[NameAddr] = []
        self._clear()

    def _clear(self) -> None:
        self.outside: list[_Word] = []  # before "<", or all of a bare address
        self.inside: list[_Word] | None = None  # between "<" and ">"
        self.after: list[_Word] | None = None  # behind ">"
        self.route: bytes | None = None
        self.comment: bytes | None = None
        self.spaced = False

    def put(self, text: bytes, *, quoted: bool = False) -> None:
        """Append a word where the reader stands."""
        words = self.outside if self.inside is None else self.inside if self.after is None else self.after
        words.append(_Word(text, self.spaced, quoted))
        self.spaced = False

    def put_comment(self, text: bytes) -> None:
        self.spaced = True
        if self.inside is None or self.after is not None:
            self.comment = _unquote(text).strip() or self.comment

    def special(self, mark: bytes) -> None:
        in_brackets = self.inside is not None and self.after is None
        match mark:
            case b"@":
                self.put(_AT)
            case b"<":
                self._open()
            case b">":
                self.after = [] if in_brackets else self.after
            case b":":
                self._colon()
            case b"," if in_brackets and self._in_route():
                self.put(mark)
            case _:
                self.finish()
                if mark == b";":
                    self.close_group()

    def _open(self) -> None:
        if self.after is not None:  # "<a@b> Name <c@d>": the comma was forgotten
            words = self.after
            self.finish()
            self.outside = words
        if self.inside is None:
            self.inside, self.spaced = [], False

    def _colon(self) -> None:
        if self.inside is not None and self.after is None:
            if self._in_route():
                self.route, self.inside = _address_text(self.inside), []
            else:
                self.put(b":")
        elif self.group is None and self.outside and self.inside is None:
            self.group = _phrase(self.outside)
            self.budget -= 1
            self._clear()
        elif self.outside or self.inside is not None:
            self.put(b":")

    def _in_route(self) -> bool:
        return self.route is None and self.inside is not None and self.inside[:1] == [(_AT, False, False)]

    def finish(self) -> None:
        """End the address that is being read, if there is any."""
        address = self._bracketed() if self.inside is not None else self._bare()
        self._clear()
        if address is not None and self.budget > 0:
            self.budget -= 1
            (self.items if self.group is None else self.members).append(address)

    def close_group(self) -> None:
        if self.group is not None:
            self.items.append(Group(self.group, tuple(self.members)))
            self.group, self.members = None, []

    def _bracketed(self) -> NameAddr | None:
        local, domain = _split(self.inside or [])
        display = _phrase(self.outside) or self.comment
        if display is None and not local and not domain:
            return None
        return NameAddr(display, self.route, local, domain)

    def _bare(self) -> NameAddr | None:
        words = self.outside
        if not words:
            return None
        at = _last_at(words)
        if at is None:
            if len(words) == 1 and not words[0].quoted:
                return NameAddr(self.comment, None, words[0].text, b"")
            return NameAddr(_phrase(words), None, b"", b"")
        start = _run_start(words, at)
        local, domain = _address_text(words[start:at]), _address_text(words[at + 1 : _run_end(words, at)])
        return NameAddr(_phrase(words[:start]) or self.comment, None, local, domain)


def parse_tokens(value: bytes, budget: int = MAX_ADDRESSES) -> AddressList:
    """The state machine alone, for at most `budget` addresses: `parse_address_list` falls back to it."""
    reader = _Reader(budget)
    scan, position, end = TOKEN, 0, len(value)
    comments: dict[int, int] | None = None
    tokens = 0
    while position < end and reader.budget > 0 and tokens < MAX_TOKENS:
        tokens += 1
        token = scan(value, position)
        assert token is not None  # `other` takes any octet
        position = token.end()
        match token.lastgroup:
            case "space":
                reader.spaced = True
            case "word":
                reader.put(token[0])
            case "quoted":
                reader.put(_unquote(token["quoted"]), quoted=True)
            case "special":
                reader.special(token[0])
            case _ if token[0] == b"(":
                comments = comment_ends(value) if comments is None else comments
                if closing := comments.get(token.start()):
                    reader.put_comment(value[position:closing])
                    position = closing + 1
                else:
                    reader.put(token[0])
            case _ if token[0] == b'"':  # never closed: from here on quotes mean nothing
                scan = TOKEN_UNQUOTED
            case _:
                reader.put(token[0])
    reader.finish()
    reader.close_group()
    return AddressList(reader.items, cut=position < end)


def comment_ends(value: bytes) -> dict[int, int]:
    """Where each comment that is ever closed begins, and where its last bracket is."""
    pairs: dict[int, int] = {}
    open_at: list[int] = []
    for mark in _COMMENT_MARK.finditer(value):
        if mark[0] == b"(":
            open_at.append(mark.start())
        elif mark[0] == b")" and open_at:
            pairs[open_at.pop()] = mark.start()
    return pairs


def _unquote(text: bytes) -> bytes:
    if b"\\" in text:
        text = _ESCAPE.sub(rb"\1", text)
    return _FOLD.sub(b"", text)


def _phrase(words: list[_Word]) -> bytes | None:
    """A display name: words with one space where there was any white space."""
    text = b"".join(
        [b" " + word.text if word.spaced and place else word.text for place, word in enumerate(words)]
    )
    return text or None


def _address_text(words: list[_Word]) -> bytes:
    """A local part or domain: white space around dots and "@" means nothing (RFC 5322 §4.4)."""
    pieces: list[bytes] = []
    for place, word in enumerate(words):
        if place and word.spaced and not _touching(words[place - 1], word):
            pieces.append(b" ")
        pieces.append(word.text)
    return b"".join(pieces)


def _touching(left: _Word, right: _Word) -> bool:
    return left.text.endswith((b".", _AT, b",")) or right.text.startswith((b".", _AT, b","))


def _last_at(words: list[_Word]) -> int | None:
    return next(
        (n for n in range(len(words) - 1, -1, -1) if words[n].text == _AT and not words[n].quoted), None
    )


def _split(words: list[_Word]) -> tuple[bytes, bytes]:
    at = _last_at(words)
    return (
        (_address_text(words), b"")
        if at is None
        else (_address_text(words[:at]), _address_text(words[at + 1 :]))
    )


def _run_start(words: list[_Word], at: int) -> int:
    """Where the local part begins: "Name local@domain" lacks brackets, "a . b@domain" is one local part."""
    start = max(at - 1, 0)
    while start > 0 and (not words[start].spaced or _touching(words[start - 1], words[start])):
        start -= 1
    return start


def _run_end(words: list[_Word], at: int) -> int:
    end = at + 2
    while end < len(words) and (not words[end].spaced or _touching(words[end - 1], words[end])):
        end += 1
    return min(end, len(words))
