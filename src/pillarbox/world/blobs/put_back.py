"""Giving a blob its octets again after they were lost or damaged."""

from pillarbox.world.blobs.blob import PreparedBlob, use_again
from pillarbox.world.blobs.invariants import loose_rows
from pillarbox.world.database import Transaction


def put_back(tx: Transaction, prepared: PreparedBlob, *, uses: int) -> None:
    """Replace the octets of a blob by sound ones; `uses` is for a blob whose row is lost.

    Raises `DatabaseDamaged` where the old octets can't be removed.
    """
    digest, size = prepared.blob.digest, prepared.blob.size
    octets_id = None
    if prepared.location is not None:
        use_again(tx, prepared.location)
    else:
        loose = next((one.octets_id for one in loose_rows(tx) if one.digest == digest), None)
        octets_id = loose or tx.value(
            "INSERT INTO blob_octets (octets) VALUES (?) RETURNING id", (prepared.octets,)
        )
    old = tx.row("SELECT octets_id, location FROM blobs WHERE digest = ?", (digest,))
    if old is None:
        tx.execute(
            "INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", (digest, size, uses, octets_id, prepared.location)
        )
        return
    tx.execute(
        "UPDATE blobs SET size = ?, octets_id = ?, location = ? WHERE digest = ?",
        (size, octets_id, prepared.location, digest),
    )
    old_id, old_location = old
    if old_id is not None:
        tx.execute("DELETE FROM blob_octets WHERE id = ?", (old_id,))
    if old_location not in (None, prepared.location):
        tx.execute("INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (old_location,))
