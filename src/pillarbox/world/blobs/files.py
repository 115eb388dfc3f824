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

from pillarbox.world.blobs.blob import Blob, BlobMissing, PreparedBlob, prepare
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.durable import flush_folder, make_folder

INCOMING = "incoming"
"""The folder, among those of the files, in which files are written."""

IN_DATABASE_OCTETS = 256 * 1024
"""Blobs smaller than this share the commit's flush of the database; larger ones pay for a file."""


class Blobs:
    """The blob store of one data directory (``None``: everything stays in the database)."""

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
        """Octets from ``start`` on, at most ``length``. Raises `BlobMissing` or `DatabaseUnavailable`."""
        row = tx.row("SELECT octets_id, location FROM blobs WHERE digest = ?", (digest,))
        if row is None:
            raise BlobMissing(digest.hex())
        octets_id, location = row
        if location is not None:
            return self.read_file(location, start, length)
        octets: bytes | None = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (octets_id,))
        if octets is None:
            raise BlobMissing(digest.hex())
        return octets if start == 0 and length is None else octets[start:][:length]

    def read_file(self, location: str, start: int = 0, length: int | None = None) -> bytes:
        """Octets of a file. Raises `BlobMissing` or `DatabaseUnavailable`."""
        if self._directory is None:
            raise BlobMissing(location)
        try:
            with (self._directory / location).open("rb") as file:
                file.seek(start)
                return file.read() if length is None else file.read(length)
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
