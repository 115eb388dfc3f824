"""The `Blobs` protocol: where octets are kept until and after a transaction refers to them."""

from pathlib import Path
from typing import Final, Protocol

from pillarbox.world.blobs.blob import PreparedBlob
from pillarbox.world.blobs.open_blob import OpenBlob
from pillarbox.world.database import Transaction

MAX_IN_DATABASE_OCTETS: Final = 256 * 1024
"""Blobs smaller than this are in the database and share the commit's flush; larger ones pay for a file."""


class BlobWriter(Protocol):
    """Takes octets as they arrive, to make one blob of them."""

    size: int
    """Octets written so far."""

    async def add(self, octets: bytes) -> None:
        """Add octets; those for a file are written in a thread while the disk is busy.

        Raises `DatabaseUnavailable` where the disk fails.
        """

    def write(self, octets: bytes) -> None:
        """`add` for programs without a loop, and in threads."""

    async def finish(self) -> tuple[PreparedBlob, bytes]:
        """End the blob; return it, ready to be kept, with its octets. Raises `DatabaseUnavailable`."""

    async def take_back(self) -> bytes:
        """The octets, of which no blob is made. Raises `DatabaseUnavailable`."""

    def finish_now(self) -> PreparedBlob:
        """`finish` for programs without a loop."""

    def abandon(self) -> None:
        """Discard what was written; safe to call at any time."""


class Blobs(Protocol):
    """A blob store."""

    @property
    def directory(self) -> Path | None:
        """Where files are; `None` if all octets are in the database."""

    def writer(self, *, max_in_memory_octets: int = MAX_IN_DATABASE_OCTETS) -> BlobWriter:
        """Something to write a blob of unknown size into; a file is made of so many octets, or more."""

    def keep_ready(self, octets: bytes) -> PreparedBlob:
        """Octets ready to be kept, a large blob as a file, for programs without a loop.

        Raises `DatabaseUnavailable`.
        """

    def read(self, tx: Transaction, digest: bytes, start: int = 0, length: int | None = None) -> bytes:
        """Octets from `start` on, at most `length`. Raises `BlobDamaged` or `DatabaseUnavailable`."""

    def open(self, tx: Transaction, digest: bytes) -> OpenBlob:
        """A blob to be read piece by piece. Raises `BlobDamaged` or `DatabaseUnavailable`."""

    def read_file(self, location: str) -> bytes:
        """All octets of a file, by the location in its row. Raises `BlobDamaged` or `DatabaseUnavailable`."""

    def discard(self, prepared: PreparedBlob) -> None:
        """Remove the file of a blob that no transaction has kept.

        Not for a transaction that failed with `DatabaseUnavailable`: after a crash it may turn out to be durable.
        `sweep_leftovers` finds its file.
        """
