"""Reads lines from a stream of octets, for all line-based protocols.

What is always true:

- Any chunking of the same octets gives the same lines, and takes time in proportion to the octets:
  nothing is scanned twice, however small the chunks are.
- A line longer than the limit is reported once, as soon as that is known, and the rest of it is
  dropped; what follows its end is a line again.
- Lines are returned without their end. Strict framing knows CRLF only, and leaves a bare CR or LF in
  the line for the protocol to reject; lenient framing lets a bare LF end a line as well.
"""

from typing import Final

CRLF: Final = b"\r\n"


class LineTooLong(Exception):
    """A line went beyond the limit; the rest of it is dropped."""


class LineFraming:
    """Buffers what is received, and returns it by lines."""

    __slots__ = ("_buffer", "_end", "_scanned", "_skipping", "limit")

    def __init__(self, limit: int, *, lenient: bool = False) -> None:
        """`limit` in octets, including the line end, as the RFCs count. May be changed at any time."""
        self.limit = limit
        self._end = b"\n" if lenient else CRLF
        self._buffer = bytearray()
        # No line ends before this offset.
        self._scanned = 0
        self._skipping = False

    @property
    def buffered(self) -> int:
        """Octets received and not yet returned."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> None:
        """Add octets to the buffer."""
        self._buffer += octets

    def line(self) -> bytes | None:
        """The next whole line without its end, or `None` while there is none.

        Raises `LineTooLong`, once for each line that is.
        """
        while self._buffer:
            found = self._buffer.find(self._end, self._scanned)
            if found < 0:
                self._note_incomplete()
                return None
            size = found + len(self._end)
            if self._skipping or size > self.limit:
                reported, self._skipping = self._skipping, False
                self._drop(size)
                if reported:
                    continue
                raise LineTooLong
            line = bytes(self._buffer[:found])
            self._drop(size)
            # Lenient framing found the LF; the CR of a regular end is still there.
            return line[:-1] if self._end == b"\n" and line.endswith(b"\r") else line
        return None

    def take(self, most: int) -> bytes:
        """Up to `most` octets as they are, for data that is not lines (literals, chunks)."""
        octets = bytes(self._buffer[:most])
        self._drop(len(octets))
        return octets

    def discard(self) -> int:
        """Drop everything; returns how many octets that were."""
        dropped = len(self._buffer)
        self._drop(dropped)
        self._skipping = False
        return dropped

    def _drop(self, octets: int) -> None:
        del self._buffer[:octets]
        self._scanned = 0

    def _note_incomplete(self) -> None:
        """No line end yet: remember how far we scanned, and give up on a line beyond the limit."""
        half_ended = self._end == CRLF and self._buffer.endswith(b"\r")
        missing = len(self._end) - half_ended
        # The last octet may be the CR of a CRLF whose LF is still to come.
        self._scanned = max(0, len(self._buffer) - len(self._end) + 1)
        if self._skipping:
            self._drop(self._scanned)
        elif len(self._buffer) + missing > self.limit:
            self._skipping = True
            self._drop(self._scanned)
            raise LineTooLong
