"""A blob: immutable octets, named by their SHA-256 and counted by their uses.

Always true: a blob is in the same durable commit as the first row that uses it, or its file was durable before;
`uses` equals the number of rows that refer to it; octets never change. A blob is deleted in the commit that drops
its last use; its file, if it has one, is unlinked afterwards by `sweep`. No two blobs ever share a file name, so
a file listed for removal can't be in use.
"""

from hashlib import sha256

from msgspec import Struct

from pillarbox.world.database import Transaction


class BlobDamaged(Exception):
    """The octets of a blob are not what was stored: cut short, unreadable, or not there."""

    def __init__(self, name: str, trouble: str) -> None:
        """`name`: the digest or the file; `trouble`: what is wrong, as the rest of a sentence."""
        super().__init__(f"blob {name} {trouble}")
        self.trouble = trouble


class BlobMissing(BlobDamaged):
    """A row refers to a blob that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "is lost")


class BlobForbidden(BlobDamaged):
    """The file of a blob may be whole, but this user may not read it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, f"can't be read ({why}): its file must belong to the user that serves")


class Blob(Struct, frozen=True, gc=False):
    """A reference to octets: their SHA-256 (32 octets) and their number."""

    digest: bytes
    size: int


class PreparedBlob(Struct, frozen=True, gc=False):
    """Octets ready to be kept by a transaction: in memory, or in a file that is already durable."""

    blob: Blob
    octets: bytes | None
    location: str | None = None

    def keep(self, tx: Transaction) -> Blob:
        """Count one more use, storing the octets if they are new."""
        digest, size = self.blob.digest, self.blob.size
        # Mostly they are new; and SQLite makes a table for what RETURNING returns, which costs more than the rest
        kept = tx.row("SELECT location FROM blobs WHERE digest = ?", (digest,))
        if kept is not None:
            tx.execute(_USE_ONCE_MORE, (digest,))
            if self.location not in (None, kept[0]):  # the same octets are stored already: one file is enough
                tx.execute(
                    "INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (self.location,)
                )
            return self.blob
        if self.location is None:
            # It takes the number after the largest, also where a damaged page hides that there is one already
            tx.execute("INSERT INTO blob_octets (octets) VALUES (?)", (self.octets,))
            tx.execute(_INSERT_WITH_OCTETS, (digest, size))
        else:
            use_again(tx, self.location)
            tx.execute("INSERT INTO blobs VALUES (?, ?, 1, NULL, ?)", (digest, size, self.location))
        return self.blob


_INSERT_WITH_OCTETS = "INSERT INTO blobs VALUES (?, ?, 1, (SELECT max(id) FROM blob_octets), NULL)"
_USE_ONCE_MORE = "UPDATE blobs SET uses = uses + 1 WHERE digest = ?"


def use_again(tx: Transaction, location: str) -> None:
    """Take a new file's name off the list of files to be removed: one that was lost is listed, and its name is free."""
    tx.execute("DELETE FROM blob_files_unused WHERE location = ?", (location,))


def prepare(octets: bytes) -> PreparedBlob:
    """Octets in memory, ready to be kept."""
    return PreparedBlob(Blob(sha256(octets).digest(), len(octets)), octets)


def verified(octets: bytes, digest: bytes) -> bytes:
    """The octets, if they are those that the digest names. Raises `BlobDamaged`."""
    if sha256(octets).digest() != digest:
        raise BlobDamaged(digest.hex(), "is damaged: its octets are not those it is named after")
    return octets


def keep_again(tx: Transaction, digest: bytes) -> None:
    """Count one more use of a blob that is stored already. Raises `BlobMissing`."""
    if not tx.execute(_USE_ONCE_MORE, (digest,)):
        raise BlobMissing(digest.hex())


def release(tx: Transaction, digest: bytes) -> None:
    """Drop one use, and the blob with its last."""
    left = tx.row(
        "UPDATE blobs SET uses = uses - 1 WHERE digest = ? RETURNING uses, octets_id, location", (digest,)
    )
    if left is None or left[0] > 0:
        return
    _, octets_id, location = left
    tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    if octets_id is not None:
        tx.execute("DELETE FROM blob_octets WHERE id = ?", (octets_id,))
    if location is not None:
        tx.execute("INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (location,))
