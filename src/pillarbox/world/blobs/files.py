"""Large blobs as files, each written before the commit that refers to it.

A file is written as `incoming/unfinished-...`, flushed, and renamed to its digest; only then may a row refer to it.
While there is a file of that name, which is about to be removed or holds the same octets for another, the name gets a
number: no two blobs ever share a file. (Before, every name had a suffix of its own, as `<digest>.tmpk3x9`; rows that
have one keep it.) Reading is by position, so a slice of a large message costs only that slice. Files that a crash or a
failed transaction left behind are found and removed by `sweep`.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import Any

from pillarbox.world.blobs.blob import Blob, PreparedBlob, prepare
from pillarbox.world.blobs.blobs import MAX_IN_DATABASE_OCTETS, BlobWriter
from pillarbox.world.blobs.in_database import DatabaseBlobs
from pillarbox.world.blobs.open_blob import failure_of
from pillarbox.world.database import DatabaseFailure, DatabaseUnavailable, Transaction
from pillarbox.world.durable import flush_folder, make_folder

INCOMING = "incoming"
"""The folder in which files are written, inside the directory of the files."""

SLOW_WRITE_S = 0.005
"""A write that takes longer shows that the disk is busy."""
BUSY_S = 60.0
"""For so long afterwards files are written in threads."""


class DiskPace:
    """Whether the disk keeps writers waiting: a thread for each write costs more than the write, if it does not."""

    __slots__ = ("_busy_until_s", "_monotonic")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._busy_until_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether a write was slow not long ago."""
        return self._monotonic() < self._busy_until_s

    def timed(self, write: Callable[[], None]) -> None:
        """Write, and note how long that took."""
        began_s = self._monotonic()
        write()
        now_s = self._monotonic()
        if now_s - began_s > SLOW_WRITE_S:
            self._busy_until_s = now_s + BUSY_S


class FilesMissing(DatabaseUnavailable):
    """The folder of large messages is not there, and there are some."""


def require_folder(directory: Path) -> None:
    """Raise `DatabaseUnavailable` unless the folder is one that `FileBlobs` has made."""
    if not _is_made(directory):
        raise DatabaseUnavailable(f"{directory} is gone: is its disk mounted?")


def _is_made(directory: Path) -> bool:
    try:
        return (directory / INCOMING).is_dir()
    except OSError as failure:  # it may not be entered
        raise DatabaseUnavailable(str(failure)) from failure


def require_files(tx: Transaction, directory: Path) -> None:
    """Raise `FilesMissing` where the folder is gone, and the files of all blobs with it.

    Whoever made a new one would have all large messages seem lost. Raises `DatabaseUnavailable` where nobody can tell.
    """
    if _is_made(directory):
        return
    try:
        rows = tx.rows("SELECT location FROM blobs WHERE location IS NOT NULL")
    except DatabaseFailure as failure:  # nobody can tell whether there are any
        raise FilesMissing(f"the folder of large messages, {directory}, is missing") from failure
    names = [location for (location,) in rows if isinstance(location, str)]  # others are told of by `fsck`
    if names and not any((directory / name).exists() for name in names):
        raise FilesMissing(
            f"the folder of large messages, {directory}, is missing or empty, and there are {len(names)}"
        )


class FileBlobs(DatabaseBlobs):
    """See `Blobs`. Small blobs are in the database, large ones are files in a directory."""

    __slots__ = ("_directory", "_pace")

    def __init__(self, directory: Path, *, make: bool = True) -> None:
        """`make`: make the folders that are missing. Raises `DatabaseUnavailable` where that can't be."""
        self._directory = directory
        self._pace = DiskPace()
        if make:
            try:
                make_folder(directory / INCOMING)
            except OSError as failure:
                raise DatabaseUnavailable(str(failure)) from failure

    @property
    def directory(self) -> Path:
        """See `Blobs.directory`."""
        return self._directory

    def writer(self, *, max_in_memory_octets: int = MAX_IN_DATABASE_OCTETS) -> BlobWriter:
        """See `Blobs.writer`."""
        return FileWriter(self._directory, self._pace, max_in_memory_octets)

    def discard(self, prepared: PreparedBlob) -> None:
        """See `Blobs.discard`."""
        if prepared.location:
            (self._directory / prepared.location).unlink(missing_ok=True)

    def _open_file(self, location: str) -> int:
        try:
            return os.open(self._directory / location, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as failure:
            require_folder(self._directory)  # else all messages would seem lost
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
        "_pace",
        "_parts",
        "_writing",
        "size",
    )

    def __init__(self, directory: Path, pace: DiskPace, max_in_memory_octets: int) -> None:
        self._directory = directory
        self._pace = pace
        self._max_in_memory_octets = max_in_memory_octets
        # Held while a thread writes: its caller may be cancelled, and abandon the file meanwhile. Nobody waits for it
        self._writing = Lock()
        self._abandoned = False
        self._parts: list[bytes] = []
        self._file: int | None = None
        self._name = ""
        # SHA-256 of what is in the file: most messages are in none, and OpenSSL looks each hash up
        self._hash: Any = None
        self.size = 0

    async def add(self, octets: bytes) -> None:
        """See `BlobWriter.add`."""
        if self._file is None and self.size + len(octets) < self._max_in_memory_octets:
            self.write(octets)
        elif self._pace.busy:
            await asyncio.get_running_loop().run_in_executor(None, self.write, octets)
        else:
            self._pace.timed(partial(self.write, octets))

    def write(self, octets: bytes) -> None:
        """See `BlobWriter.write`."""
        try:
            with self._writing:
                if not self._abandoned:
                    self._keep(octets)
        finally:
            if self._abandoned:
                self._forget()

    def _keep(self, octets: bytes) -> None:
        self.size += len(octets)
        if self._file is not None:
            self._to_file(octets)
            return
        self._parts.append(octets)
        if self.size >= self._max_in_memory_octets:
            self._spill()

    def _spill(self) -> None:
        try:
            self._file, self._name = mkstemp(dir=self._directory / INCOMING, prefix="unfinished-")
            # Held as long as this process lives: `sweep` leaves the file alone
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure
        if self._hash is None:
            self._hash = sha256()
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

    async def take_back(self) -> bytes:
        """See `BlobWriter.take_back`."""
        if self._file is None:
            return b"".join(self._parts)
        return await asyncio.get_running_loop().run_in_executor(None, self._written(self._file).take_back)

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
        """See `BlobWriter.abandon`. Where a thread writes just now, the file goes when it has done so."""
        self._abandoned = True
        self._forget()

    def _forget(self) -> None:
        if not self._writing.acquire(blocking=False):
            return  # who holds it looks afterwards whether the file was abandoned
        try:
            self._parts.clear()
            if self._file is not None:
                os.close(self._file)
                self._file = None
                Path(self._name).unlink(missing_ok=True)
        finally:
            self._writing.release()


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that is complete, but for its name."""

    descriptor: int
    path: Path
    blob: Blob

    def settle_and_read(self, directory: Path) -> tuple[PreparedBlob, bytes]:
        """`settle`, and the octets."""
        try:
            octets = self._octets()
        except DatabaseUnavailable:
            self._remove()
            raise
        return self.settle(directory), octets

    def take_back(self) -> bytes:
        """The octets; the file goes."""
        try:
            return self._octets()
        finally:
            self._remove()

    def _octets(self) -> bytes:
        try:
            return os.pread(self.descriptor, self.blob.size, 0)
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure

    def _remove(self) -> None:
        os.close(self.descriptor)
        self.path.unlink(missing_ok=True)

    def settle(self, directory: Path) -> PreparedBlob:
        """In a thread: flush the file, give it its name, and make the name durable."""
        location = ""
        try:
            os.utime(self.descriptor)  # `sweep` reckons its age from now
            os.fsync(self.descriptor)
            location = _free_name(directory, self.blob.digest.hex())
            self.path.replace(directory / location)
            for folder in ((directory / location).parent, directory):
                flush_folder(folder)
        except OSError as failure:
            for left in (self.path, *([directory / location] if location else [])):
                left.unlink(missing_ok=True)
            raise DatabaseUnavailable(str(failure)) from failure
        finally:
            os.close(self.descriptor)
        return PreparedBlob(self.blob, None, location)


def _free_name(directory: Path, digest: str) -> str:
    """The location for a file of these octets, reserved by an empty file."""
    make_folder(directory / digest[:2])
    for number in count(1):
        location = f"{digest[:2]}/{digest}" if number == 1 else f"{digest[:2]}/{digest}-{number}"
        with suppress(FileExistsError):
            os.close(
                os.open(directory / location, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            )
            return location
    raise AssertionError("numbers do not end")
