"""The octets of SQLite's write-ahead log, and of the header of its index (the `-shm` file).

The log: sqlite.org/fileformat2.html, section 4. The index: sqlite.org/walformat.html, section 2. A frame is valid if
it carries the salts of the log's header, and if its checksum continues that of the frame before it. The first frame
that is not valid ends the log; a transaction is there if its last frame, the commit, is.
"""

import struct
import sys
from dataclasses import dataclass

HEADER_OCTETS = 32
FRAME_HEADER_OCTETS = 24
INDEX_HEADER_OCTETS = 136
FIRST_OPENER_LOCK = 128
"""The octet of the index's file on which all who have the database open hold a lock."""

Sums = tuple[int, int]
"""A checksum: two numbers of 32 bits."""

_BIG, _LITTLE = 0x377F0683, 0x377F0682
"""The magic number tells in which order checksums read octets; everything else is big-endian."""
_VERSION = 3_007_000
_HEADER = struct.Struct(">IIII8sII")
_FRAME = struct.Struct(">II8sII")
_INDEX = struct.Struct("=I8xBBHII8s8sII")
_MASK = 0xFFFF_FFFF


def checksum(sums: Sums, octets: bytes, *, big: bool) -> Sums:
    """The checksum after these octets (a multiple of 8), continued from `sums`. Section 4.2."""
    first, second = sums
    words = iter(struct.unpack(f"{'>' if big else '<'}{len(octets) // 4}I", octets))
    for one, other in zip(words, words, strict=True):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second


def first_octets_for(before: Sums, rest: bytes, after: Sums, *, big: bool) -> bytes:
    """The eight octets with which, and then `rest`, the checksum goes from `before` to `after`: no others do."""
    first, second = after
    order = ">" if big else "<"
    words = reversed(struct.unpack(f"{order}{len(rest) // 4}I", rest))
    for other, one in zip(words, words, strict=True):
        second = (second - other - first) & _MASK
        first = (first - one - second) & _MASK
    one = (first - before[0] - before[1]) & _MASK
    return struct.pack(f"{order}II", one, (second - before[1] - first) & _MASK)


@dataclass(frozen=True, slots=True)
class LogHeader:
    """The log's header."""

    big: bool
    page_octets: int
    salts: bytes
    """Eight octets that change whenever the log begins anew."""
    sums: Sums
    """Where the checksums of the frames begin."""

    @classmethod
    def read(cls, octets: bytes) -> "LogHeader | None":
        """`None`: SQLite would take the whole log for empty."""
        if len(octets) < HEADER_OCTETS:
            return None
        magic, version, page_octets, _restarts, salts, first, second = _HEADER.unpack_from(octets)
        big = magic == _BIG
        if not (magic in (_BIG, _LITTLE) and version == _VERSION):
            return None
        found = cls(big, page_octets, salts, (first, second))
        return found if checksum((0, 0), octets[:24], big=big) == found.sums else None

    @classmethod
    def made(cls, page_octets: int, salts: bytes) -> "LogHeader":
        """A header for frames that were written on this machine."""
        big = sys.byteorder == "big"
        found = cls(big, page_octets, salts, (0, 0))
        return cls(big, page_octets, salts, checksum((0, 0), found.octets()[:24], big=big))

    def octets(self) -> bytes:
        """As it is written."""
        return _HEADER.pack(
            _BIG if self.big else _LITTLE, _VERSION, self.page_octets, 0, self.salts, *self.sums
        )

    @property
    def frame_octets(self) -> int:
        """A frame's header and its page."""
        return FRAME_HEADER_OCTETS + self.page_octets


@dataclass(frozen=True, slots=True)
class Frame:
    """The header of a frame: one page as a transaction has changed it."""

    page: int
    commit: int
    """The size of the database in pages after the transaction that this frame ends; 0 in all others."""
    salts: bytes
    sums: Sums

    @classmethod
    def read(cls, octets: bytes) -> "Frame":
        """Any 24 octets give one; what follows is not read."""
        page, commit, salts, first, second = _FRAME.unpack_from(octets)
        return cls(page, commit, salts, (first, second))

    def octets(self) -> bytes:
        """As it is written."""
        return _FRAME.pack(self.page, self.commit, self.salts, *self.sums)


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What the index says about the log; written after each commit has been flushed."""

    frames: int
    """Up to the last commit."""
    salts: bytes

    @classmethod
    def read(cls, octets: bytes) -> "IndexHeader | None":
        """`None` where there is none, or one that was being written."""
        if len(octets) < INDEX_HEADER_OCTETS or octets[:48] != octets[48:96]:
            return None
        version, is_ready, _big, _page, frames, _pages, _sums, salts, first, second = _INDEX.unpack_from(
            octets
        )
        big = sys.byteorder == "big"
        whole = checksum((0, 0), octets[:40], big=big) == (first, second)
        return cls(frames, salts) if version == _VERSION and is_ready and whole else None
