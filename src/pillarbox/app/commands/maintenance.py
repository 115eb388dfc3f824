"""What `fsck`, `rebuild`, `backup` and `restore` have in common."""

from typing import TYPE_CHECKING

from pillarbox.app.commands.installation import Installation

if TYPE_CHECKING:
    from pillarbox.admin.backup import Form
    from pillarbox.admin.fsck import RepairContext
    from pillarbox.world.blobs import Blobs
    from pillarbox.world.database import Schema


def repair_context(installation: Installation, blobs: "Blobs") -> "RepairContext":
    """What repair needs in addition to the database."""
    from pillarbox.admin.fsck import RepairContext

    return RepairContext(blobs, installation.now_ms, installation.data.lost_and_found)


def schemas() -> "tuple[Schema, ...]":
    """The tables of all rooms."""
    from pillarbox.app.database import SCHEMAS

    return SCHEMAS


def form(installation: Installation) -> "Form":
    """What `backup` and `restore` must know of the data directory."""
    from pillarbox.admin.backup import Form

    return Form(schemas(), installation.data.database.name, installation.now_ms)
