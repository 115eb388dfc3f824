"""What repairs need besides the rows."""

from dataclasses import dataclass
from pathlib import Path

from pillarbox.world.blobs import Blobs


@dataclass(frozen=True, slots=True)
class RepairContext:
    """The blobs, the time, and a folder for what is found."""

    blobs: Blobs
    now_ms: int
    lost_and_found: Path
    """The folder for octets that nothing uses: each becomes a file, for the operator to keep or to delete."""
