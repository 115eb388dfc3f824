"""Reporting damaged messages to the operator: each once, however often clients ask for it."""

from typing import Final

from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseDamaged
from pillarbox.world.world import World

MAX_REPORTED: Final = 1_000
"""Damaged messages that a process reports one by one; `pillarbox fsck` lists them all."""


def report(world: World, failure: BlobDamaged | DatabaseDamaged, **where: object) -> None:
    """Log that a message can't be read, and `where` it was asked for."""
    if isinstance(failure, DatabaseDamaged):
        return  # the database has reported it
    why = str(failure)
    if why not in world.damaged and len(world.damaged) < MAX_REPORTED:
        world.damaged.add(why)
        world.telemetry.warning("message damaged", why=why, **where)
