"""A message as POP3 sends it: lines that end in CRLF, dots stuffed, a last line with a dot (RFC 1939 §3).

The one rule, which also says what LIST and STAT count: **the octets as stored, except that a line feed without
a carriage return before it becomes CRLF, and CRLF is added at the end where it is missing.** Most clients take
a bare line feed for a line end, so without this a message could end the reply from within. Dots that were
stuffed do not count (RFC 1939 §11).

Nothing here goes line by line. Stored mail is nearly always in this form already, but for its dots: whoever knows
that, since it is as long as it is on the wire, needs one search; else two counts come first.
"""

from typing import Final

from pillarbox.protocol.pop3.replies import END

_LINE_END: Final = b"\r\n"


def size(octets: bytes) -> int:
    """How many octets a message has on the wire, stuffed dots not counted."""
    bare = octets.count(b"\n") - octets.count(_LINE_END)
    return len(octets) + bare + (2 if octets and not octets.endswith(b"\n") else 0)


def whole(octets: bytes, *, status: bytes = b"", lines_end_well: bool = False) -> bytes:
    """A message ready to be sent, behind its status line, with the dot that ends it.

    `lines_end_well`: `size` says that it has as many octets on the wire.
    """
    if lines_end_well:
        first = b"." if octets.startswith(b".") else b""
        return b"".join((status, first, octets.replace(b"\r\n.", b"\r\n.."), END))
    stuffing = Stuffing()
    return b"".join((status, stuffing.part(octets), stuffing.end()))


def top(octets: bytes, header_size: int, lines: int) -> bytes:
    """The header, the empty line and so many lines of the body (RFC 1939 §7, TOP), with the dot that ends it."""
    end = end_of_lines(octets, header_size, lines)
    return whole(with_empty_line(octets[:header_size]) + octets[header_size:end])


def end_of_lines(octets: bytes, start: int, lines: int) -> int:
    """The offset after so many lines from `start` on, or the end of the octets; it costs about two counts of them."""
    if not lines:
        return start
    if lines > octets.count(b"\n", start):
        return len(octets)
    low, high = start, len(octets)
    while high - low > 1:
        middle = (low + high) // 2
        found = octets.count(b"\n", low, middle)
        if found < lines:
            low, lines = middle, lines - found
        else:
            high = middle
    return high


def with_empty_line(header: bytes) -> bytes:
    """A header with the empty line after it, which TOP sends even where a message is all header, or has none."""
    if header.endswith((b"\n\n", b"\n\r\n")) or header in (b"\n", _LINE_END):
        return header
    return header + (b"" if header.endswith(b"\n") or not header else _LINE_END) + _LINE_END


class Stuffing:
    """The same for a message that comes in parts of any size."""

    __slots__ = ("_at_line_start", "_kept")

    def __init__(self) -> None:
        self._at_line_start = True
        # A carriage return whose line feed may be in the next part.
        self._kept = b""

    def part(self, octets: bytes) -> bytes:
        """The next octets, ready to be sent."""
        octets = self._kept + octets
        self._kept = b"\r" if octets.endswith(b"\r") else b""
        octets = octets[: len(octets) - len(self._kept)]
        if not octets:
            return b""
        if octets.count(b"\n") != octets.count(_LINE_END):
            octets = octets.replace(_LINE_END, b"\n").replace(b"\n", _LINE_END)
        stuffed = octets.replace(b"\r\n.", b"\r\n..") if b"\r\n." in octets else octets
        if self._at_line_start and octets.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = octets.endswith(b"\n")
        return stuffed

    def end(self) -> bytes:
        """What completes the last line, and ends the reply."""
        unfinished = self._kept or not self._at_line_start
        return self._kept + (_LINE_END if unfinished else b"") + END
