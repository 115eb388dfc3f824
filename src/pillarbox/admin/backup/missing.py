"""Octets that the data directory has lost, from the points of a backup, while the server runs.

Nothing else changes: messages keep their mailboxes, UIDs and flags, and can be read again.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.backup.assembly import Form, damaged_blobs, database_files, holds, octets_of, open_point
from pillarbox.admin.backup.contents import unnamed_mail
from pillarbox.admin.backup.folder import BackupFolder, Reading, stepwise
from pillarbox.admin.backup.packs import BackupDamaged
from pillarbox.admin.backup.points import Point
from pillarbox.admin.lost_mail import Damaged, LostMessage, lost_messages
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.blobs import BlobDamaged, Blobs, FileBlobs, PreparedBlob, prepare
from pillarbox.world.blobs.put_back import put_back
from pillarbox.world.database import Database, DatabaseUnavailable, SchemaTooNew, Transaction

_DIGEST_DIGITS: Final = 64
"""With which the name of a message's file begins."""


@dataclass(frozen=True, slots=True)
class MissingRestored:
    """Which messages have their octets again, and which have not."""

    restored: tuple[LostMessage, ...]
    lost: tuple[LostMessage, ...]
    """Messages that no point has."""
    unnamed: tuple[LostMessage, ...]
    """Messages of which the row that names their octets is lost: they can be restored as new ones only."""
    unreadable: tuple[str, ...]
    """Points that could not be searched."""


@may(OPERATOR)
def restore_missing(
    folder: BackupFolder,
    database: Database,
    blobs: FileBlobs,
    work: Path,
    form: Form,
    *,
    reading: Reading = nullcontext,
) -> MissingRestored:
    """Restore octets that are damaged or missing, each from the newest point that has them.

    Raises `DatabaseUnavailable`, OSError.
    """
    damaged = database.read_now(damaged_blobs, blobs.directory)
    wanted = set(damaged)
    unreadable: list[str] = []
    for octets in stepwise(reading, _search(folder, wanted, work, form, unreadable)):
        prepared = blobs.keep_ready(octets)
        database.write_now(put_back_octets, prepared)
        wanted.discard(prepared.blob.digest)
    found = {digest: why for digest, why in damaged.items() if digest not in wanted}
    left = {digest: why for digest, why in damaged.items() if digest in wanted}
    return MissingRestored(
        _listed(database, found),
        _listed(database, left),
        database.read_now(unnamed_mail),
        tuple(unreadable) if wanted else (),
    )


def _listed(database: Database, damaged: Damaged) -> tuple[LostMessage, ...]:
    return database.read_now(lost_messages, damaged)


@may(OPERATOR)
def is_damaged(tx: Transaction, blobs: Blobs, digest: bytes) -> bool:
    """Whether these octets are stored, and can't be read."""
    if tx.row("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is None:
        return False
    try:
        return prepare(blobs.read(tx, digest)).blob.digest != digest
    except (BlobDamaged, DatabaseUnavailable):
        return True


@may(OPERATOR)
def put_back_octets(tx: Transaction, prepared: PreparedBlob) -> None:
    """Give all messages that use these octets the sound ones."""
    digest = prepared.blob.digest
    uses = tx.value("SELECT uses FROM blobs WHERE digest = ?", (digest,)) or _counted_uses(tx, digest)
    if uses:  # else its last message was deleted meanwhile
        put_back(tx, prepared, uses=uses)


def _counted_uses(tx: Transaction, digest: bytes) -> int:
    """For a blob that has lost its row. It looks through all messages, uploads and cards."""
    uses: int = tx.value("SELECT count(*) FROM emails WHERE blob = ?", (digest,))
    queued: int = tx.value("SELECT count(*) FROM queue_messages WHERE blob = ?", (digest,))
    uploaded: int = tx.value("SELECT count(*) FROM uploads WHERE blob = ?", (digest,))
    of_cards: int = tx.value("SELECT count(*) FROM card_media WHERE blob = ?", (digest,))
    return uses + queued + uploaded + of_cards


def _search(
    folder: BackupFolder, wanted: set[bytes], work: Path, form: Form, unreadable: list[str]
) -> Iterator[bytes]:
    """The octets of wanted blobs, newest points first; `wanted` shrinks meanwhile."""
    searched: set[tuple[str, ...]] = set()
    for name in reversed(folder.points.names()):
        try:
            point = folder.points.read(name)
            yield from _in_files(folder, point, set(wanted))
            database = tuple(file.blocks for file in database_files(point, form))
            if wanted and database not in searched:
                searched.add(database)
                yield from _in_database(folder, point, set(wanted), work, form)
        except (BackupDamaged, SchemaTooNew) as failure:
            unreadable.append(f"{name}: {failure}")


def _in_files(folder: BackupFolder, point: Point, wanted: set[bytes]) -> Iterator[bytes]:
    names = {digest.hex(): digest for digest in wanted}
    for file in point.files:
        digest = names.get(Path(file.path).name[:_DIGEST_DIGITS])
        if digest is not None and holds(folder, file, digest):
            yield b"".join(octets for octets, _ in octets_of(folder, file))


def _in_database(
    folder: BackupFolder, point: Point, wanted: set[bytes], work: Path, form: Form
) -> Iterator[bytes]:
    with open_point(folder, point, work, form) as opened:
        for digest in wanted:
            try:
                octets = opened.database.read_now(opened.blobs.read, digest)
            except (BlobDamaged, DatabaseUnavailable):
                continue
            if prepare(octets).blob.digest == digest:
                yield octets
