"""Invariants of the tables of blobs; `octets` checks the octets themselves.

How often a blob is used is known to the rooms that use it: see `admin/fsck`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pillarbox.world.blobs import values
from pillarbox.world.blobs.blob import BlobDamaged, BlobForbidden, verified
from pillarbox.world.blobs.blobs import Blobs
from pillarbox.world.blobs.sweep import is_named_by_digest
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.database.invariant import Invariant, Violation

BATCH_ROWS = 500


_TWICE = "SELECT digest, octets_id, location FROM blobs WHERE octets_id IS NOT NULL AND location IS NOT NULL"


def _twice(tx: Transaction) -> Iterator[Violation]:
    for digest, _octets_id, _location in tx.rows(_TWICE):
        yield (digest.hex(),)


def _keep_one(tx: Transaction) -> None:
    """Those in the database if they are right, else the file."""
    for digest, octets_id, location in tx.rows(_TWICE):
        content = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (octets_id,))
        if content is not None and sha256(content).digest() == digest:
            tx.execute("UPDATE blobs SET location = NULL WHERE digest = ?", (digest,))
            tx.execute("INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (location,))
        else:
            tx.execute("UPDATE blobs SET octets_id = NULL WHERE digest = ?", (digest,))


INVARIANTS = (
    *values.INVARIANTS,
    Invariant(
        "blob-is-once",
        "A blob is in the database or in a file, not in both.",
        _twice,
        "blob {0} is in the database and in a file",
        "Keep one of them.",
        _keep_one,
    ),
    Invariant(
        "unused-file-is-unused",
        "A file that waits to be removed is no blob's.",
        "SELECT location FROM blob_files_unused WHERE location IN (SELECT location FROM blobs)",
        "file {0} is in use and is about to be removed",
        "Keep it.",
        ("DELETE FROM blob_files_unused WHERE location IN (SELECT location FROM blobs)",),
    ),
)
"""All of them, in the order of repair."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A blob that was read."""

    digest: bytes
    size: int
    trouble: str | None
    """What is wrong with its octets, if anything."""
    lost: bool = False
    """Whether that is their own damage: else they may be read another time."""


def octets(tx: Transaction, blobs: Blobs) -> Iterator[Checked]:
    """Read every blob and compare it with its digest."""
    last = b""
    while rows := tx.rows(
        "SELECT digest, size FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?", (last, BATCH_ROWS)
    ):
        for digest, size in rows:
            yield Checked(digest, size, *_trouble(tx, blobs, digest))
        last = rows[-1][0]


def _trouble(tx: Transaction, blobs: Blobs, digest: bytes) -> tuple[str | None, bool]:
    try:
        verified(blobs.read(tx, digest), digest)
    except BlobForbidden as failure:
        return failure.trouble, False
    except BlobDamaged as failure:
        return failure.trouble, True
    except DatabaseUnavailable as failure:
        return f"can't be read ({failure})", False
    return None, False


@dataclass(frozen=True, slots=True)
class Loose:
    """Octets that no row of `blobs` refers to."""

    digest: bytes
    """The digest of their name; `adopt` verifies it."""
    octets_id: int | None
    location: str | None


_LOOSE = """
SELECT o.id FROM blob_octets o
WHERE o.id NOT IN (SELECT octets_id FROM blobs WHERE octets_id IS NOT NULL) ORDER BY o.id"""


def loose_rows(tx: Transaction) -> Iterator[Loose]:
    """Octets in the database that no row of `blobs` refers to."""
    for (octets_id,) in tx.rows(_LOOSE):
        content: bytes = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (octets_id,))
        yield Loose(sha256(content).digest(), octets_id, None)


def loose_files(tx: Transaction, directory: Path | None) -> Iterator[Loose]:
    """Files that no row names."""
    if directory is None:
        return
    known = {location for (location,) in tx.rows("SELECT location FROM blobs WHERE location IS NOT NULL")}
    known.update(location for (location,) in tx.rows("SELECT location FROM blob_files_unused"))
    for path in sorted(directory.glob("[0-9a-f][0-9a-f]/*")):
        location = f"{path.parent.name}/{path.name}"
        if location not in known and is_named_by_digest(location):
            yield Loose(bytes.fromhex(location[3:67]), None, location)


def adopt(tx: Transaction, blobs: Blobs, found: Loose) -> bool:
    """Insert a row for loose octets, with no uses; false if they are damaged, or another row holds the same octets.

    A row whose own octets can't be read gets these.
    """
    if found.location is None:
        content: bytes = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (found.octets_id,))
    else:
        content = blobs.read_file(found.location)
    if sha256(content).digest() != found.digest:
        return False
    place = found.octets_id, found.location
    if tx.value("SELECT 1 FROM blobs WHERE digest = ?", (found.digest,)) is None:
        tx.execute("INSERT INTO blobs VALUES (?, ?, 0, ?, ?)", (found.digest, len(content), *place))
        return True
    if _trouble(tx, blobs, found.digest)[0] is None:
        return False
    tx.execute(
        "UPDATE blobs SET size = ?, octets_id = ?, location = ? WHERE digest = ?",
        (len(content), *place, found.digest),
    )
    return True
