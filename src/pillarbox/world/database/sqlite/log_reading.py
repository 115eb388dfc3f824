"""Reading a write-ahead log frame by frame, and finding what was flushed to it.

Octets come from the disk as they are needed, so that the memory used does not depend on the size of the log.
"""

import os
from pathlib import Path

from pillarbox.world.database.sqlite.log_format import (
    FRAME_HEADER_OCTETS,
    HEADER_OCTETS,
    Frame,
    IndexHeader,
    LogHeader,
    Sums,
    checksum,
)


class Log:
    """A log at rest. Frames are counted from 1, as in SQLite's index."""

    def __init__(self, path: Path, index: IndexHeader | None, page_octets: int) -> None:
        """`index` and `page_octets` help where the log's own header is damaged. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = os.pread(self._descriptor, HEADER_OCTETS, 0)
        header = LogHeader.read(found)
        self.has_header = header is not None
        if header is None:
            header = LogHeader.made(page_octets, self._salts(index))
        self.header = header
        self._found = found
        self.frames = max(0, os.fstat(self._descriptor).st_size - HEADER_OCTETS) // header.frame_octets

    def _salts(self, index: IndexHeader | None) -> bytes:
        """Those of the index, or of the first frame."""
        if index and index.frames:
            return index.salts
        octets = os.pread(self._descriptor, FRAME_HEADER_OCTETS, HEADER_OCTETS)
        return Frame.read(octets).salts if len(octets) == FRAME_HEADER_OCTETS else bytes(8)

    def frame(self, number: int) -> Frame:
        """The header of a frame."""
        return Frame.read(os.pread(self._descriptor, FRAME_HEADER_OCTETS, self._start(number)))

    def octets(self, number: int) -> bytes:
        """A frame with its page."""
        return os.pread(self._descriptor, self.header.frame_octets, self._start(number))

    def _start(self, number: int) -> int:
        return HEADER_OCTETS + (number - 1) * self.header.frame_octets

    def sums(self, before: Sums, octets: bytes) -> Sums:
        """The checksum that a frame must have after one with the checksum `before`."""
        return checksum(before, octets[:8] + octets[FRAME_HEADER_OCTETS:], big=self.header.big)

    def sums_before(self, number: int) -> list[Sums]:
        """The checksum that a frame continues; two where the log's header is damaged, or its checksum is."""
        if number > 1:
            return [self.frame(number - 1).sums]
        if self.has_header:
            return [self.header.sums]
        stored = (int.from_bytes(self._found[24:28]), int.from_bytes(self._found[28:32]))
        return [stored, checksum((0, 0), self._found[:24], big=self.header.big)]

    def continues(self, number: int) -> bool:
        """Whether a frame was written after the one before it, in the same log."""
        octets = self.octets(number)
        stored = Frame.read(octets)
        return stored.salts == self.header.salts and stored.sums in [
            self.sums(before, octets) for before in self.sums_before(number)
        ]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def last_flushed(log: Log, recovered: int, index: IndexHeader | None) -> int:
    """The last commit that was certainly flushed, if it lies beyond those that SQLite recovers; else `recovered`.

    Two facts show that a commit was flushed, and neither can come from a torn write, of one power failure or of
    several: the index, which is written after the flush, counts it; or a frame continues its checksum, for the next
    transaction is written after the flush, while one that follows a failed or torn commit begins in its place.
    """
    salts = log.header.salts
    flushed = max(recovered, index.frames) if index and index.salts == salts else recovered
    after_commit = False
    for number in range(recovered + 1, log.frames + 1):
        frame = log.frame(number)
        if after_commit and number - 1 > flushed and log.continues(number):
            flushed = number - 1
        after_commit = frame.commit != 0 and frame.salts == salts
    return flushed


def commits(log: Log, first: int, last: int) -> int:
    """How many transactions end in these frames, as far as their headers can be read."""
    found = sum(
        frame.commit != 0 and frame.salts == log.header.salts
        for frame in map(log.frame, range(first, min(last, log.frames) + 1))
    )
    return max(found, int(last >= first))
