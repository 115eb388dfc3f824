"""Files that are read in one direction, as what is packed must be."""

from io import BufferedReader
from typing import Final

from pillarbox.admin.importing.reading import CHUNK_OCTETS, head_of
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS

MAX_READ_OCTETS: Final = MAX_MESSAGE_OCTETS + CHUNK_OCTETS
"""Octets of one read: more than a message has is asked for only where a header of the archive lies about its size."""


class Forward:
    """A stream with `tell` and with `seek` forward."""

    def __init__(self, file: BufferedReader) -> None:
        self._file, self._at = file, 0

    def read(self, size: int) -> bytes:
        """Up to so many octets. Raises OSError for more than `MAX_READ_OCTETS`."""
        if not 0 <= size <= MAX_READ_OCTETS:
            raise OSError(0, "it is damaged")
        octets = self._file.read(size)
        self._at += len(octets)
        return octets

    def tell(self) -> int:
        """Octets read or skipped."""
        return self._at

    def seek(self, at: int) -> int:
        """Skip to this offset. Raises OSError where it lies behind."""
        if at < self._at:
            raise OSError(0, "it is damaged")
        while self._at < at and self.read(min(CHUNK_OCTETS, at - self._at)):
            pass
        return self._at


class Peeked:
    """A stream whose first octets are known before it is read."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.head = head_of(file)
        self._at = 0

    def read1(self, size: int) -> bytes:
        """Some octets, at most so many; none at the end."""
        if octets := self.head[self._at : self._at + size]:
            self._at += len(octets)
            return octets
        octets = self._file.read1(size)
        self._at += len(octets)
        return octets

    def read(self, size: int) -> bytes:
        """Up to so many octets."""
        octets = self.head[self._at : self._at + size]
        if len(octets) < size:
            octets += self._file.read(size - len(octets))
        self._at += len(octets)
        return octets

    def seek(self, at: int) -> int:
        """Skip to this offset."""
        while self._at < at and self.read(min(CHUNK_OCTETS, at - self._at)):
            pass
        return self._at
