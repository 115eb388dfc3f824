"""What a database says it holds, and which octets of messages in it are damaged or missing."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pillarbox.admin.backup.points import Holdings
from pillarbox.admin.lost_mail import Damaged, LostMessage, lost_messages, without_email
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.blobs import BlobDamaged, BlobMissing, DatabaseBlobs
from pillarbox.world.database import DatabaseFailure, DatabaseUnavailable, Transaction
from pillarbox.world.database.schema import Schema
from pillarbox.world.database.sqlite.shape import missing
from pillarbox.world.database.sqlite.soundness import damage

_ROWS_AT_ONCE: Final = 200
_MAX_FINDINGS: Final = 20
"""Findings of SQLite's own check that are reported."""

MISSING: Final = "its octets are missing"
DAMAGED: Final = "its octets are damaged"


@may(OPERATOR)
def holdings(tx: Transaction) -> Holdings | None:
    """How much there is; `None` where that can't be read."""
    try:
        return Holdings(
            accounts=tx.value("SELECT count(*) FROM accounts"),
            messages=int(tx.value("SELECT coalesce(sum(messages), 0) FROM ledgers")),
            domains=tuple(name for (name,) in tx.rows("SELECT name FROM domains ORDER BY name")),
        )
    except DatabaseFailure:
        return None


@may(OPERATOR)
def structure_damage(tx: Transaction, schemas: Iterable[Schema], *, quick: bool) -> tuple[str, ...]:
    """What SQLite finds wrong with its file, and tables that are missing.

    `quick`: without comparing indexes with their tables.
    """
    found = list(damage(tx, quick=quick, limit=_MAX_FINDINGS))
    with suppress(DatabaseFailure):  # found above
        found += [f"table {item.name} is missing" for item in missing(tx, schemas) if not item.is_index]
    return tuple(f"the database is damaged: {line}" for line in found)


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A blob that is a file."""

    digest: bytes
    size: int
    location: str


@may(OPERATOR)
def lost_mail(tx: Transaction, damaged: Damaged) -> tuple[LostMessage, ...]:
    """Messages whose octets are these, or of which the row that names their octets is lost."""
    return lost_messages(tx, damaged) + unnamed_mail(tx)


@may(OPERATOR)
def unnamed_mail(tx: Transaction) -> tuple[LostMessage, ...]:
    """Messages of which the row that names their octets is lost; none where that can't be read."""
    try:
        return without_email(tx)
    except DatabaseFailure:
        return ()


@may(OPERATOR)
def blob_files(tx: Transaction) -> list[BlobFile]:
    """All blobs that are files; none where that can't be read."""
    try:
        rows = tx.rows(
            "SELECT digest, size, location FROM blobs WHERE location IS NOT NULL ORDER BY location"
        )
    except DatabaseFailure:
        return []
    return [BlobFile(*row) for row in rows]


@may(OPERATOR)
def damaged_octets(tx: Transaction) -> dict[bytes, str]:
    """The blobs in the database whose octets are damaged or missing, with what is wrong.

    The table of octets is read in its own order. Only where that meets damage is each blob asked for by itself.
    """
    try:
        wrong = {digest for digest, _ in _unlike_their_digests(tx)}
        wrong.update(digest for (digest,) in tx.rows(_WITHOUT_OCTETS))
        wrong.update(digest for (digest,) in tx.rows(_WITHOUT_ROW))
    except DatabaseFailure:
        return dict(_one_by_one(tx))
    return {digest: why for digest in sorted(wrong) if (why := octets_damage(tx, digest))}


_WITHOUT_OCTETS: Final = """
SELECT digest FROM blobs WHERE location IS NULL
  AND (octets_id IS NULL OR octets_id NOT IN (SELECT id FROM blob_octets))"""
_WITHOUT_ROW: Final = """
SELECT DISTINCT blob FROM
  (SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages UNION ALL SELECT blob FROM card_media) u
WHERE blob NOT IN (SELECT digest FROM blobs)"""


def _unlike_their_digests(tx: Transaction) -> Iterator[tuple[bytes, int]]:
    """Blobs whose octets have another digest."""
    strange: list[int] = []
    last = 0
    while rows := tx.rows(
        "SELECT id, octets FROM blob_octets WHERE id > ? ORDER BY id LIMIT ?", (last, _ROWS_AT_ONCE)
    ):
        for octets_id, octets in rows:
            known = tx.value("SELECT octets_id FROM blobs WHERE digest = ?", (sha256(octets).digest(),))
            if known != octets_id:
                strange.append(octets_id)
        last = rows[-1][0]
    if strange:
        found = set(strange)
        rows = tx.rows("SELECT digest, octets_id FROM blobs WHERE octets_id IS NOT NULL")
        yield from ((digest, octets_id) for digest, octets_id in rows if octets_id in found)


def _one_by_one(tx: Transaction) -> Iterator[tuple[bytes, str]]:
    try:
        digests = tx.rows("SELECT digest FROM blobs WHERE location IS NULL ORDER BY octets_id")
    except DatabaseFailure:
        return  # the structure is damaged: reported as that
    for (digest,) in digests:
        why = octets_damage(tx, digest)
        if why:
            yield digest, why


@may(OPERATOR)
def octets_damage(tx: Transaction, digest: bytes) -> str | None:
    """What is wrong with the octets of a blob in the database, if anything is."""
    try:
        octets = DatabaseBlobs().read(tx, digest)
    except BlobMissing:
        return MISSING
    except BlobDamaged:
        return DAMAGED
    except DatabaseUnavailable as failure:
        return f"its octets can't be read: {failure}"
    return None if sha256(octets).digest() == digest else DAMAGED
