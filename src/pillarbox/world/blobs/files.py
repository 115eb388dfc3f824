"""Large blobs: one file each, written before the commit that names it.

A file is written under a temporary name, flushed, and renamed to its digest and a mark of its own; only
then may a row point at it. Reading is by position, so that a slice of a large message costs that slice.
"""

import asyncio
import os
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from pillarbox.world.blobs.blob import Blob, BlobMissing, PreparedBlob, prepare
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

IN_DATABASE_OCTETS = 256 * 1024
"""Blobs smaller than this share the commit's flush of the database; larger ones pay for a file."""


class Blobs:
    """The blob store of one data directory (``None``: everything stays in the database)."""

    __slots__ = ("_directory",)

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        if directory:
            (directory / "incoming").mkdir(parents=True, exist_ok=True)

    def writer(self) -> "BlobWriter":
        """Something to write a blob of unknown size into."""
        return BlobWriter(self._directory)

    def read(self, tx: Transaction, digest: bytes, start: int = 0, length: int | None = None) -> bytes:
        """Octets from ``start`` on, at most ``length``. Raises `BlobMissing` or `DatabaseUnavailable`."""
        row = tx.row("SELECT octets_id, location FROM blobs WHERE digest = ?", (digest,))
        if row is None:
            raise BlobMissing(digest.hex())
        octets_id, location = row
        if location is not None:
            return self._read_file(location, start, length)
        octets: bytes = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (octets_id,))
        return octets if start == 0 and length is None else octets[start:][:length]

    def _read_file(self, location: str, start: int, length: int | None) -> bytes:
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
        """Remove the file of a blob that no transaction has come to keep."""
        if self._directory and prepared.location:
            (self._directory / prepared.location).unlink(missing_ok=True)

    async def sweep(self, database: Database) -> int:
        """Unlink files whose last use has gone; return their number."""

        def unlink_unused(tx: Transaction) -> int:
            unused = tx.rows("SELECT location FROM blob_files_unused")
            for (location,) in unused:
                if self._directory:
                    (self._directory / location).unlink(missing_ok=True)
            tx.execute("DELETE FROM blob_files_unused")
            return len(unused)

        return await database.write(unlink_unused)


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
            self._file, self._name = mkstemp(dir=directory / "incoming")
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
        if self._file is None:
            octets = b"".join(self._parts)
            return prepare(octets), octets
        return await asyncio.get_running_loop().run_in_executor(None, self._settle)

    def _settle(self) -> tuple[PreparedBlob, bytes]:
        """In a thread: flush the file, give it its name, and make the name durable."""
        digest = self._hash.digest()
        name = digest.hex()
        location = f"{name[:2]}/{name}.{Path(self._name).name}"
        if self._file is None or self._directory is None:
            raise AssertionError("only a spilled blob settles")
        path = self._directory / location
        try:
            octets = os.pread(self._file, self.size, 0)
            os.fsync(self._file)
            path.parent.mkdir(exist_ok=True)
            Path(self._name).rename(path)
            for folder in (path.parent, self._directory):
                _flush_folder(folder)
        except OSError as failure:
            self.abandon()
            raise DatabaseUnavailable(str(failure)) from failure
        os.close(self._file)
        self._file = None
        return PreparedBlob(Blob(digest, self.size), None, location), octets

    def abandon(self) -> None:
        """Forget what was written; safe to call at any time."""
        self._parts.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None
            Path(self._name).unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
