"""Damage, as sessions meet it: reported once, however often clients ask, and told from errors of ours."""

from typing import Final

from pillarbox.admin.damaged_values import check_account
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, Lane
from pillarbox.world.world import World

MAX_REPORTED: Final = 1_000
"""Damaged messages that a process reports one by one; `pillarbox fsck` lists them all."""


def report(world: World, failure: BlobDamaged | DatabaseDamaged, **where: object) -> None:
    """Log that a message can't be read, and `where` it was asked for."""
    if isinstance(failure, DatabaseDamaged):
        return  # the database has reported it
    _tell(world, str(failure), str(failure), where)


def report_lost(world: World, **where: object) -> None:
    """Log that the mailbox has a message of which no row is found, and `where` it was asked for."""
    why = "its rows can't be found: pillarbox fsck tells what to do"
    _tell(world, f"{where} {why}", why, where)


def _tell(world: World, key: str, why: str, where: dict[str, object]) -> None:
    if key not in world.damaged and len(world.damaged) < MAX_REPORTED:
        world.damaged.add(key)
        world.telemetry.warning("message damaged", why=why, **where)


async def explained(world: World, error: Exception, account: AccountId | None) -> Exception:
    """What a session is to answer to an error that looks like ours: the damage, where that is behind it.

    Values are computed with after they were read, and are not compared with their types before; so their rows are
    looked at once something has failed.
    """
    try:
        await world.database.read_in_lane(Lane.MAINTENANCE, check_account, account)
    except DatabaseUnavailable as damaged:
        return damaged
    return error
