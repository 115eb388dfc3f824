"""Reading a blob piece by piece."""

import os
from typing import Self

from pillarbox.world.database import DatabaseUnavailable


class OpenBlob:
    """A blob's octets, readable to their end even if the blob's last use is released meanwhile."""

    __slots__ = ("_file", "_octets")

    def __init__(self, octets: bytes, file: int | None) -> None:
        """`file`: the descriptor of a file that holds the octets; this object closes it."""
        self._octets = octets
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Octets from `start` on, at most `length`. Raises `DatabaseUnavailable`."""
        if self._file is None:
            return self._octets if start == 0 and length is None else self._octets[start:][:length]
        try:
            wanted = max(os.fstat(self._file).st_size - start, 0)
            return os.pread(self._file, wanted if length is None else min(length, wanted), start)
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure
