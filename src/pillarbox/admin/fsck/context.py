"""What repairs need besides the rows."""

from dataclasses import dataclass
from pathlib import Path

from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import DatabaseUnavailable, Transaction


@dataclass(frozen=True, slots=True)
class RepairContext:
    """The blobs, the time, and a folder for what is found."""

    blobs: Blobs
    now_ms: int
    lost_and_found: Path
    """The folder for octets that nothing uses: each becomes a file, for the operator to keep or to delete."""


@may(OPERATOR)
def read_or_none(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes | None:
    """The octets of a blob; `None` if they are missing or can't be read."""
    try:
        return blobs.read(tx, digest)
    except (BlobDamaged, DatabaseUnavailable):
        return None
