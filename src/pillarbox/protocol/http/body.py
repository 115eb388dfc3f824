"""The body of a request: as long as announced, or in chunks (RFC 9112 §6, §7.1)."""

from typing import Final

from pillarbox.protocol.http.events import Malformed
from pillarbox.protocol.http.head import has_bare_line_end
from pillarbox.protocol.http.limits import CHUNKS_AT_ONCE, MAX_CHUNK_LINE_OCTETS, MAX_TRAILER_OCTETS

_HEX: Final = b"0123456789abcdefABCDEF"
_MAX_SIZE_DIGITS: Final = 15
_CHUNK: Final = Malformed(400, "A chunk is not valid.")
_TRAILER: Final = Malformed(400, "The fields after the last chunk are not valid.")


class Sized:
    """A body of a known length."""

    __slots__ = ("ended", "left", "read_to")

    def __init__(self, octets: int) -> None:
        self.left = octets
        self.ended = octets == 0
        self.read_to = 0
        """How far `take` has read in what it was given."""

    def take(self, held: bytes, at: int) -> list[bytes] | Malformed:
        """The parts of the body that are in `held` from `at` on."""
        part = held[at : at + self.left]
        self.read_to = at + len(part)
        self.left -= len(part)
        self.ended = self.left == 0
        return [part] if part else []


class Chunked:
    """A body in chunks. What is between them is checked to the octet: where a chunk ends must never be in doubt."""

    __slots__ = ("_after_data", "_in_trailer", "_left", "_trailer_octets", "ended", "read_to")

    def __init__(self) -> None:
        self._left = 0
        self._after_data = False
        self._in_trailer = False
        self._trailer_octets = 0
        self.ended = False
        self.read_to = 0

    def take(self, held: bytes, at: int) -> list[bytes] | Malformed:
        """As `Sized.take`, and not more than `CHUNKS_AT_ONCE`; what is no whole line yet is left."""
        parts = []
        for _ in range(CHUNKS_AT_ONCE):
            if self._left:
                part = held[at : at + self._left]
                if not part:
                    break
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                self._after_data = True
                continue
            end = held.find(b"\r\n", at, at + MAX_CHUNK_LINE_OCTETS + 2)
            if self._in_trailer:
                end = held.find(b"\r\n", at, at + MAX_TRAILER_OCTETS + 2)
            if end < 0:
                failure = self._incomplete(held, at)
                if failure is not None:
                    return failure
                break
            failure = self._line(held[at:end])
            if failure is not None:
                return failure
            at = end + 2
            if self.ended:
                break
        self.read_to = at
        return parts

    def _line(self, line: bytes) -> Malformed | None:
        if self._after_data:
            self._after_data = False
            return _CHUNK if line else None
        if self._in_trailer:
            self._trailer_octets += len(line) + 2
            self.ended = not line
            bad = line and (b":" not in line or has_bare_line_end(line))
            return _TRAILER if bad or self._trailer_octets > MAX_TRAILER_OCTETS else None
        digits, _, extension = line.partition(b";")
        digits = digits.rstrip(b" \t")
        # `int` would take a sign, spaces and underscores as well
        if not digits or digits.strip(_HEX) or len(digits) > _MAX_SIZE_DIGITS or has_bare_line_end(extension):
            return _CHUNK
        self._left = int(digits, 16)
        self._in_trailer = self._left == 0
        return None

    def _incomplete(self, held: bytes, at: int) -> Malformed | None:
        octets = len(held) - at
        if self._after_data:
            return _CHUNK if held[at : at + 2] not in (b"", b"\r") else None
        if self._in_trailer:
            too_long = octets + self._trailer_octets > MAX_TRAILER_OCTETS
            return _TRAILER if too_long or b"\n" in held[at:] else None
        return _CHUNK if octets > MAX_CHUNK_LINE_OCTETS or b"\n" in held[at:] else None


RequestBody = Sized | Chunked
