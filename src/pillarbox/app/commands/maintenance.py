"""What the commands that look after the data directory have in common."""

from typing import TYPE_CHECKING

from pillarbox.app.commands.installation import Installation

if TYPE_CHECKING:
    from pillarbox.admin.fsck import RepairContext
    from pillarbox.world.database import Schema


def repair_context(here: Installation) -> "RepairContext":
    """What repairs need besides the rows."""
    from pillarbox.admin.fsck import RepairContext
    from pillarbox.world.blobs import FileBlobs

    data = here.settings.data
    return RepairContext(FileBlobs(data / "blobs"), here.now_ms, data / "lost+found")


def schemas() -> "tuple[Schema, ...]":
    """Of all rooms."""
    from pillarbox.app.wiring import SCHEMAS

    return SCHEMAS
