"""Blobs in the database only: for tests and simulations, and for the small blobs of a `FileBlobs`."""

from pathlib import Path

from pillarbox.world.blobs.blob import BlobDamaged, BlobMissing, PreparedBlob, prepare
from pillarbox.world.blobs.blobs import MAX_IN_DATABASE_OCTETS, BlobWriter
from pillarbox.world.blobs.open_blob import OpenBlob
from pillarbox.world.blobs.schema import WITH_OCTETS
from pillarbox.world.database import DatabaseDamaged, Transaction

_READ = f"SELECT b.location, o.octets, b.size FROM blobs b {WITH_OCTETS} WHERE b.digest = ?"  # noqa: S608  (constant)


class DatabaseBlobs:
    """See `Blobs`. Everything stays in the database."""

    __slots__ = ()

    @property
    def directory(self) -> Path | None:
        """See `Blobs.directory`."""
        return None

    def writer(self, *, max_in_memory_octets: int = MAX_IN_DATABASE_OCTETS) -> BlobWriter:  # noqa: ARG002 # no files
        """See `Blobs.writer`."""
        return MemoryWriter()

    def keep_ready(self, octets: bytes) -> PreparedBlob:
        """See `Blobs.keep_ready`."""
        writer = self.writer()
        writer.write(octets)
        return writer.finish_now()

    def read(self, tx: Transaction, digest: bytes, start: int = 0, length: int | None = None) -> bytes:
        """See `Blobs.read`."""
        octets, location, size = _found(tx, digest)
        if location is None:
            return octets if start == 0 and length is None else octets[start:][:length]
        with OpenBlob.of_file(self._open_file(location), location, size) as blob:
            return blob.read(start, length)

    def open(self, tx: Transaction, digest: bytes) -> OpenBlob:
        """See `Blobs.open`."""
        octets, location, size = _found(tx, digest)
        if location is not None:
            return OpenBlob.of_file(self._open_file(location), location, size)
        return OpenBlob(octets)

    def read_file(self, location: str) -> bytes:
        """See `Blobs.read_file`."""
        with OpenBlob.of_file(self._open_file(location), location) as blob:
            return blob.read()

    def discard(self, _prepared: PreparedBlob) -> None:
        """See `Blobs.discard`."""

    def _open_file(self, location: str) -> int:
        """The descriptor of a file. Raises `BlobDamaged` or `DatabaseUnavailable`."""
        raise BlobMissing(location)


def _found(tx: Transaction, digest: bytes) -> tuple[bytes, str | None, int]:
    """The octets, or no octets and the file that holds them; and how many they are."""
    try:
        row = tx.row(_READ, (digest,))
    except DatabaseDamaged as failure:  # it concerns these octets: others can be read
        raise BlobDamaged(digest.hex(), f"can't be read ({failure})") from failure
    if row is None:
        raise BlobMissing(digest.hex())
    location: str | None
    octets: bytes | None
    size: int
    location, octets, size = row
    if location is None:
        if octets is None:
            raise BlobMissing(digest.hex())
        if len(octets) != size:
            raise BlobDamaged(digest.hex(), f"has {len(octets)} octets instead of {size}")
    return octets or b"", location, size


class MemoryWriter:
    """See `BlobWriter`. Keeps the octets in memory."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    async def add(self, octets: bytes) -> None:
        """See `BlobWriter.add`."""
        self.write(octets)

    def write(self, octets: bytes) -> None:
        """See `BlobWriter.write`."""
        self.size += len(octets)
        self._parts.append(octets)

    async def finish(self) -> tuple[PreparedBlob, bytes]:
        """See `BlobWriter.finish`."""
        octets = b"".join(self._parts)
        return prepare(octets), octets

    async def take_back(self) -> bytes:
        """See `BlobWriter.take_back`."""
        return b"".join(self._parts)

    def finish_now(self) -> PreparedBlob:
        """See `BlobWriter.finish_now`."""
        return prepare(b"".join(self._parts))

    def abandon(self) -> None:
        """See `BlobWriter.abandon`."""
        self._parts.clear()
