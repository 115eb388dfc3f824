"""Reading a server's responses: lines, with literals in them (RFC 3501 §4.3, §7).

A response is kept whole, its literals as `{5}` CRLF and their octets, within `MAX_RESPONSE_OCTETS`. The literal of
BODY[] in a FETCH response is not kept: it passes through as `ContentPiece`s, and `""` stands in its place. A literal is
held against its limit before any of it is read. After `Unreadable` nothing more can be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.framing import LineFraming, LineTooLong

MAX_LINE_OCTETS: Final = 1024 * 1024
"""The longest line read. The longest that is asked for is a SEARCH of `commands.SEARCH_PAGE` messages."""
MAX_RESPONSE_OCTETS: Final = 2 * 1024 * 1024
"""All of a response but the content of a message."""
MAX_CONTENT_OCTETS: Final = 256 * 1024 * 1024
"""The largest content of a message read, unless the caller says otherwise."""

_TEXT_FOLLOWS: Final = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, without its line end."""

    text: bytes
    has_content: bool
    """A message's content came with it."""


@dataclass(frozen=True, slots=True)
class ContentPiece:
    """Octets of the message that the next FETCH response is about."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not a response, or beyond a limit."""

    why: str


class ResponseReader:
    """Collects octets into responses."""

    __slots__ = (
        "_framing", "_has_content", "_is_text", "_max_content_octets", "_parts", "_remaining", "_size",
        "_to_content",
    )  # fmt: skip

    def __init__(self, *, max_content_octets: int = MAX_CONTENT_OCTETS) -> None:
        self._framing = LineFraming(MAX_LINE_OCTETS, lenient=True)
        self._max_content_octets = max_content_octets
        self._begin()

    def feed(self, octets: bytes) -> None:
        """Take a chunk of any size."""
        self._framing.feed(octets)

    def clear(self) -> None:
        """Drop what is not yet a response: TLS begins."""
        self._framing.discard()
        self._begin()

    def read(self) -> Iterator[Response | ContentPiece | Unreadable]:
        """What is complete."""
        while True:
            if self._remaining:
                octets = self._framing.take(self._remaining)
                if not octets:
                    return
                self._remaining -= len(octets)
                if self._to_content:
                    yield ContentPiece(octets)
                else:
                    self._parts.append(octets)
                continue
            try:
                line = self._framing.line()
            except LineTooLong:
                yield Unreadable(f"a response line longer than {MAX_LINE_OCTETS} octets")
                return
            if line is None:
                return
            yield from self._line(line)

    def _begin(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._remaining = 0
        self._to_content = self._has_content = self._is_text = False

    def _line(self, line: bytes) -> Iterator[Response | Unreadable]:
        if not self._parts:
            self._is_text = _is_text(line)
        self._size += len(line)
        announced = None if self._is_text else _announced(line)
        if announced is None:
            self._parts.append(line)
            if self._size > MAX_RESPONSE_OCTETS:
                yield Unreadable(_TOO_LONG)
            response = Response(b"".join(self._parts), self._has_content)
            self._begin()
            yield response
        else:
            start, octets = announced
            trouble = self._literal(line, start, octets)
            if trouble:
                yield Unreadable(trouble)

    def _literal(self, line: bytes, start: int, octets: int) -> str:
        """A literal begins, announced at `start`; why it can't be read, if it can't."""
        self._to_content = _is_content(self._parts[0] if self._parts else line, line[:start])
        if self._to_content:
            if octets > self._max_content_octets:
                return f"a message of {octets} octets is over the limit of {self._max_content_octets}"
            if self._has_content:
                return "a response with two messages"
            self._has_content = True
            self._parts.append(line[:start] + b'""')
        else:
            self._size += octets
            self._parts.append(b"%b{%d}\r\n" % (line[:start], octets))
        if self._size > MAX_RESPONSE_OCTETS:
            return _TOO_LONG
        self._remaining = octets
        return ""


_TOO_LONG: Final = f"a response longer than {MAX_RESPONSE_OCTETS} octets"


def _is_text(line: bytes) -> bool:
    """Whether the rest is for people: `{5}` at its end announces nothing."""
    words = line[:80].upper().split(b" ", 2)
    return words[0] == b"+" or (len(words) > 1 and words[1] in _TEXT_FOLLOWS)


def _announced(line: bytes) -> tuple[int, int] | None:
    """Where the count of a literal begins at the end of this line, and the count (`{5}`, `{5+}`, `~{5}`)."""
    if not line.endswith(b"}"):
        return None
    start = line.rfind(b"{")
    digits = line[start + 1 : -1].removesuffix(b"+")
    if start < 0 or not digits.isdigit() or len(digits) > 20:
        return None
    # RFC 3516 §4.1: a literal8 has "~" before it
    return (start - 1 if line[start - 1 : start] == b"~" else start), int(digits)


def _is_content(first: bytes, before: bytes) -> bool:
    """Whether a literal is a message: the one of BODY[] in a FETCH response."""
    words = first[:40].upper().split(b" ", 3)
    if len(words) < 4 or words[0] != b"*" or words[2] != b"FETCH":
        return False
    return before[-12:].upper().endswith((b"BODY[] ", b"BODY[]<0> "))
