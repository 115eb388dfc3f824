"""Octets to content lines: folds are joined (RFC 6350 §3.2), and what version 2.1 has instead of them."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pillarbox.cards.vcard.limits import Limits

STEP_OCTETS: Final = 16 * 1024
"""Read between two pieces. Each physical line counts as many octets more as it takes time."""
_LINE_COST: Final = 64
_FOLDS: Final = b" \t"


class Line(Struct, frozen=True, gc=False):
    """A content line."""

    number: int
    """Of its first physical line."""
    octets: bytes
    too_long: bool = False
    """It is longer than the limit, and not all here."""


class _Open:
    """A line of which more may follow."""

    def __init__(self, number: int, octets: bytes, limit: int, *, encoded: bool) -> None:
        self._number = number
        self._octets = bytearray(octets)
        self._left = limit - len(octets)
        head = octets.partition(b":")[0].upper() if encoded and b";" in octets else b""
        self._quoted_printable = b"QUOTED-PRINTABLE" in head
        self._base64 = b"BASE64" in head or b"ENCODING=B" in head

    def takes(self, octets: bytes) -> bool:
        """Joins a physical line to this one, where it continues it."""
        if self._quoted_printable and self._octets[-1:] == b"=":
            if is_end(octets):
                return False
            del self._octets[-1]
            self._add(octets)
        elif octets[:1] and octets[:1] in _FOLDS:
            self._add(octets[1:])
        elif self._base64 and octets and b":" not in octets:
            self._add(octets)  # version 2.1, by programs that do not indent
        else:
            return False
        return True

    def _add(self, octets: bytes) -> None:
        self._left -= len(octets)
        if self._left >= 0:
            self._octets += octets

    def line(self) -> Line:
        return Line(self._number, bytes(self._octets), self._left < 0)


def is_end(octets: bytes) -> bool:
    """Whether it is END:VCARD."""
    return _is(octets, b"END:VCARD")


def is_begin(octets: bytes) -> bool:
    """Whether it is BEGIN:VCARD."""
    return _is(octets, b"BEGIN:VCARD")


def _is(octets: bytes, wanted: bytes) -> bool:
    return (
        len(octets) < 40
        and octets[:1].upper() == wanted[:1]
        and octets.upper().replace(b" ", b"").strip() == wanted
    )


def content_lines(octets: bytes, limits: Limits) -> Iterator[Line | None]:
    """The lines that are not empty, and None after each `STEP_OCTETS`. They end with LF, with or without CR."""
    position, number, work = 0, 0, 0
    encoded = True  # version 4.0 says so in its first line, and has no encodings
    open_line: _Open | None = None
    while position < len(octets):
        end = octets.find(b"\n", position)
        end = len(octets) if end < 0 else end
        physical = octets[position:end].rstrip(b"\r")
        number += 1
        work += end - position + _LINE_COST
        position = end + 1
        if open_line is None or not open_line.takes(physical):
            if open_line is not None:
                yield open_line.line()
            if physical[:1] in b"BbVv" and (is_begin(physical) or _is(physical, b"VERSION:4.0")):
                encoded = is_begin(physical)
            filled = bool(physical.strip())
            open_line = _Open(number, physical, limits.max_line_octets, encoded=encoded) if filled else None
        if work >= STEP_OCTETS:
            work = 0
            yield None
    if open_line is not None:
        yield open_line.line()
