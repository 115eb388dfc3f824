"""Large blobs: one file each, written before the commit that names it.

A file is written under a temporary name, flushed, and renamed to its digest and a mark of its own; only
then may a row point at it. Reading is by position, so that a slice of a large message costs that slice.
Files that a crash or a failed transaction has left behind are found and removed by `sweep`.
"""

import asyncio
import fcntl
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Self

from pillarbox.world.blobs.blob import Blob, BlobMissing, PreparedBlob, prepare
from pillarbox.world.blobs.schema import WITH_OCTETS
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.durable import flush_folder, make_folder

INCOMING = "incoming"
"""The folder, among those of the files, in which files are written."""

IN_DATABASE_OCTETS = 256 * 1024
"""Blobs smaller than this share the commit's flush of the database; larger ones pay for a file."""


_READ = f"SELECT b.location, o.octets FROM blobs b {WITH_OCTETS} WHERE b.digest = ?"  # noqa: S608  (constant)


class Blobs:
    """The blob store of one data directory (`None`: everything stays in the database)."""

    __slots__ = ("_directory",)

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        if directory:
            make_folder(directory / INCOMING)

    @property
    def directory(self) -> Path | None:
        """Where the files are."""
        return self._directory

    def writer(self) -> "BlobWriter":
        """Something to write a blob of unknown size into."""
        return BlobWriter(self._directory)

    def keep_ready(self, octets: bytes) -> PreparedBlob:
        """Octets ready to be kept, a large blob as a file, for programs without a loop.

        Raises `DatabaseUnavailable`.
        """
        writer = self.writer()
        writer.write(octets)
        return writer.finish_now()

    def read(self, tx: Transaction, digest: bytes, start: int = 0, length: int | None = None) -> bytes:
        """Octets from `start` on, at most `length`. Raises `BlobMissing` or `DatabaseUnavailable`."""
        octets, location = self._found(tx, digest)
        if location is None:
            return octets if start == 0 and length is None else octets[start:][:length]
        with OpenBlob(b"", self._open_file(location)) as blob:
            return blob.read(start, length)

    def open(self, tx: Transaction, digest: bytes) -> "OpenBlob":
        """A blob to be read piece by piece. Raises `BlobMissing` or `DatabaseUnavailable`."""
        octets, location = self._found(tx, digest)
        return OpenBlob(octets, None if location is None else self._open_file(location))

    def _found(self, tx: Transaction, digest: bytes) -> tuple[bytes, str | None]:
        """The octets, or none of them and the file that holds them."""
        row = tx.row(_READ, (digest,))
        if row is None:
            raise BlobMissing(digest.hex())
        location: str | None = row[0]
        octets: bytes | None = row[1]
        if location is None and octets is None:
            raise BlobMissing(digest.hex())
        return octets or b"", location

    def read_file(self, location: str) -> bytes:
        """All octets of a file, for whoever checks it. Raises `BlobMissing` or `DatabaseUnavailable`."""
        with OpenBlob(b"", self._open_file(location)) as blob:
            return blob.read()

    def _open_file(self, location: str) -> int:
        if self._directory is None:
            raise BlobMissing(location)
        try:
            return os.open(self._directory / location, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as failure:
            raise BlobMissing(location) from failure
        except OSError as failure:
            raise DatabaseUnavailable(str(failure)) from failure

    def discard(self, prepared: PreparedBlob) -> None:
        """Remove the file of a blob that no transaction has come to keep.

        Not for a transaction that failed with `DatabaseUnavailable`: after a crash it may turn out to be durable.
        What it leaves, `sweep` finds.
        """
        if self._directory and prepared.location:
            (self._directory / prepared.location).unlink(missing_ok=True)


class OpenBlob:
    """A blob's octets, held: they can be read to their end even where the last use goes meanwhile."""

    __slots__ = ("_file", "_octets")

    def __init__(self, octets: bytes, file: int | None) -> None:
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


class BlobWriter:
    """Takes octets as they come; keeps them in memory while they are few, in a file when they are many."""

    __slots__ = ("_directory", "_file", "_hash", "_name", "_parts", "size")

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._parts: list[bytes] = []
        self._file: int | None = None
        self._name = ""
        self._hash = sha256()
        self.size = 0
        """Octets written so far."""

    def write(self, octets: bytes) -> None:
        """Add octets. Raises `DatabaseUnavailable` where the disk fails."""
        self.size += len(octets)
        if self._file is None:
            self._parts.append(octets)
            if self.size >= IN_DATABASE_OCTETS and self._directory:
                self._spill(self._directory)
        else:
            self._to_file(octets)

    def _spill(self, directory: Path) -> None:
        try:
            self._file, self._name = mkstemp(dir=directory / INCOMING)
            # Says, as long as this process lives, that somebody is still writing it
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
        """End the blob; return it, ready to be kept, with its octets. Raises `DatabaseUnavailable`."""
        if self._file is None or self._directory is None:
            octets = b"".join(self._parts)
            return prepare(octets), octets
        written = self._written(self._file)
        return await asyncio.get_running_loop().run_in_executor(None, written.settle, self._directory)

    def finish_now(self) -> PreparedBlob:
        """`finish` for programs without a loop."""
        if self._file is None or self._directory is None:
            return prepare(b"".join(self._parts))
        return self._written(self._file).settle(self._directory)[0]

    def _written(self, file: int) -> "_Written":
        """What has spilled. From here on the file belongs to who settles it; the caller may be cancelled."""
        self._file = None
        return _Written(file, Path(self._name), Blob(self._hash.digest(), self.size))

    def abandon(self) -> None:
        """Forget what was written; safe to call at any time."""
        self._parts.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None
            Path(self._name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that has come to its end."""

    descriptor: int
    path: Path
    blob: Blob

    def settle(self, directory: Path) -> tuple[PreparedBlob, bytes]:
        """In a thread: flush the file, give it its name, and make the name durable."""
        name = self.blob.digest.hex()
        location = f"{name[:2]}/{name}.{self.path.name}"
        try:
            octets = os.pread(self.descriptor, self.blob.size, 0)
            os.utime(self.descriptor)  # its age, to `sweep`, begins now
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
        return PreparedBlob(self.blob, None, location), octets
