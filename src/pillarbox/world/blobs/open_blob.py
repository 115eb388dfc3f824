"""Reading a blob piece by piece."""

import errno
import os
from typing import Final, Self

from pillarbox.world.blobs.blob import BlobDamaged, BlobForbidden, BlobMissing
from pillarbox.world.database import DatabaseUnavailable

_LOST: Final = {errno.ENOENT, errno.ENOTDIR}
_FORBIDDEN: Final = {errno.EACCES, errno.EPERM}
_UNREADABLE: Final = {errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EBADMSG, errno.EUCLEAN}
"""Errors of one file. Others, such as too many open files, say nothing about it and pass."""


class OpenBlob:
    """A blob's octets, readable to their end even if the blob's last use is released meanwhile."""

    __slots__ = ("_file", "_name", "_octets", "size")

    def __init__(self, octets: bytes, file: int | None = None, name: str = "", size: int = 0) -> None:
        self._octets = octets
        self._file = file
        self._name = name
        self.size = len(octets) if file is None else size

    @classmethod
    def of_file(cls, file: int, name: str, size: int | None = None) -> Self:
        """The octets in a file, given by its descriptor, which the result closes.

        Raises `BlobDamaged` where they are not as many as `size`, if that is given: a promise of so many octets can
        be kept.
        """
        try:
            found = os.fstat(file).st_size
            if size not in (None, found):
                raise BlobDamaged(name, f"has {found} octets instead of {size}")
        except BaseException:
            os.close(file)
            raise
        return cls(b"", file, name, found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # who waited for a thread to open it was cancelled

    def close(self) -> None:
        """Give the file back; harmless when repeated."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Octets from `start` on, at most `length`. Raises `BlobDamaged` or `DatabaseUnavailable`."""
        if self._file is None:
            return self._octets if start == 0 and length is None else self._octets[start:][:length]
        wanted = max(self.size - start, 0)
        if length is not None:
            wanted = min(length, wanted)
        try:
            octets = os.pread(self._file, wanted, start)
        except OSError as failure:
            raise failure_of(self._name, failure) from failure
        if len(octets) != wanted:
            raise BlobDamaged(self._name, f"was cut short at octet {start + len(octets)}")
        return octets


def failure_of(name: str, failure: OSError) -> BlobDamaged | DatabaseUnavailable:
    """What an error of a blob's file is to its reader."""
    if failure.errno in _LOST:
        return BlobMissing(name)
    if failure.errno in _FORBIDDEN:
        return BlobForbidden(name, str(failure.strerror))
    if failure.errno in _UNREADABLE:
        return BlobDamaged(name, f"can't be read ({failure.strerror})")
    return DatabaseUnavailable(str(failure))
