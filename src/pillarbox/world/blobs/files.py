"""Large blobs as files, each written before the commit that refers to it.

A file is written under a temporary name, flushed, and renamed to its digest and a suffix of its own; only then
may a row refer to it. Reading is by position, so a slice of a large message costs only that slice. Files that a
crash or a failed transaction left behind are found and removed by `sweep`.
"""

import asyncio
import fcntl
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from threading import Lock

from pillarbox.world.blobs.blob import Blob, PreparedBlob, prepare
from pillarbox.world.blobs.blobs import MAX_IN_DATABASE_OCTETS, BlobWriter
from pillarbox.world.blobs.in_database import DatabaseBlobs
from pillarbox.world.blobs.open_blob import failure_of
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.durable import flush_folder, make_folder

INCOMING = "incoming"
"""The folder in which files are written, inside the directory of the files."""


class FileBlobs(DatabaseBlobs):
    """See `Blobs`. Small blobs are in the database, large ones are files in a directory."""

    __slots__ = ("_directory",)

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        make_folder(directory / INCOMING)

    @property
    def directory(self) -> Path:
        """See `Blobs.directory`."""
        return self._directory

    def writer(self, *, max_in_memory_octets: int = MAX_IN_DATABASE_OCTETS) -> BlobWriter:
        """See `Blobs.writer`."""
        return FileWriter(self._directory, max_in_memory_octets)

    def discard(self, prepared: PreparedBlob) -> None:
        """See `Blobs.discard`."""
        if prepared.location:
            (self._directory / prepared.location).unlink(missing_ok=True)

    def _open_file(self, location: str) -> int:
        try:
            return os.open(self._directory / location, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as failure:
            if not (self._directory / INCOMING).is_dir():  # all messages would seem lost
                raise DatabaseUnavailable(f"{self._directory} is gone: is its disk mounted?") from failure
            raise failure_of(location, failure) from failure


class FileWriter:
    """See `BlobWriter`. Keeps octets in memory while they are few, in a file when they are many."""

    __slots__ = (
        "_abandoned",
        "_directory",
        "_file",
        "_hash",
        "_max_in_memory_octets",
        "_name",
        "_parts",
        "_writing",
        "size",
    )

    def __init__(self, directory: Path, max_in_memory_octets: int = MAX_IN_DATABASE_OCTETS) -> None:
        self._directory = directory
        self._max_in_memory_octets = max_in_memory_octets
        # Held while a thread writes: its caller may be cancelled, and abandon the file meanwhile
        self._writing = Lock()
        self._abandoned = False
        self._parts: list[bytes] = []
        self._file: int | None = None
        self._name = ""
        self._hash = sha256()
        self.size = 0

    async def add(self, octets: bytes) -> None:
        """See `BlobWriter.add`."""
        if self._file is None and self.size + len(octets) < self._max_in_memory_octets:
            self.write(octets)
        else:
            await asyncio.get_running_loop().run_in_executor(None, self.write, octets)

    def write(self, octets: bytes) -> None:
        """See `BlobWriter.write`."""
        with self._writing:
            if self._abandoned:
                return
            self.size += len(octets)
            if self._file is None:
                self._parts.append(octets)
                if self.size >= self._max_in_memory_octets:
                    self._spill()
            else:
                self._to_file(octets)

    def _spill(self) -> None:
        try:
            self._file, self._name = mkstemp(dir=self._directory / INCOMING)
            # Held as long as this process lives: `sweep` leaves the file alone
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure
        self._to_file(b"".join(self._parts))
        self._parts.clear()

    def _to_file(self, octets: bytes) -> None:
        self._hash.update(octets)
        view = memoryview(octets)
        try:
            while view and self._file is not None:
                view = view[os.write(self._file, view) :]
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure

    async def finish(self) -> tuple[PreparedBlob, bytes]:
        """See `BlobWriter.finish`."""
        if self._file is None:
            octets = b"".join(self._parts)
            return prepare(octets), octets
        written = self._written(self._file)
        return await asyncio.get_running_loop().run_in_executor(
            None, written.settle_and_read, self._directory
        )

    def finish_now(self) -> PreparedBlob:
        """See `BlobWriter.finish_now`."""
        if self._file is None:
            return prepare(b"".join(self._parts))
        return self._written(self._file).settle(self._directory)

    def _written(self, file: int) -> "_Written":
        """The complete file, which `settle` closes; this writer no longer owns it, so its caller may be cancelled."""
        self._file = None
        return _Written(file, Path(self._name), Blob(self._hash.digest(), self.size))

    def abandon(self) -> None:
        """See `BlobWriter.abandon`."""
        with self._writing:
            self._abandoned = True
            self._parts.clear()
            if self._file is not None:
                os.close(self._file)
                self._file = None
                Path(self._name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that is complete, but for its name."""

    descriptor: int
    path: Path
    blob: Blob

    def settle_and_read(self, directory: Path) -> tuple[PreparedBlob, bytes]:
        """`settle`, and the octets."""
        try:
            octets = os.pread(self.descriptor, self.blob.size, 0)
        except OSError as failure:
            os.close(self.descriptor)
            self.path.unlink(missing_ok=True)
            raise DatabaseUnavailable(str(failure)) from failure
        return self.settle(directory), octets

    def settle(self, directory: Path) -> PreparedBlob:
        """In a thread: flush the file, give it its name, and make the name durable."""
        name = self.blob.digest.hex()
        location = f"{name[:2]}/{name}.{self.path.name}"
        try:
            os.utime(self.descriptor)  # `sweep` reckons its age from now
            os.fsync(self.descriptor)
            make_folder((directory / location).parent)
            self.path.rename(directory / location)
            for folder in ((directory / location).parent, directory):
                flush_folder(folder)
        except OSError as failure:
            for left in (self.path, directory / location):
                left.unlink(missing_ok=True)
            raise DatabaseUnavailable(str(failure)) from failure
        finally:
            os.close(self.descriptor)
        return PreparedBlob(self.blob, None, location)
