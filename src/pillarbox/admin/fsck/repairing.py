"""The repair: what can be put right without losing anything, and removing what is lost once the operator accepts that.

It needs the data directory alone. Each invariant is repaired in a transaction of its own. Octets that can still be
read are never thrown away: those that nothing uses become files in `lost+found`.
"""

from collections.abc import Iterable

from pillarbox.admin.fsck import loss
from pillarbox.admin.fsck.checking import WRONG_VALUES, Progress
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.admin.fsck.invariants import every_invariant
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.contacts import log
from pillarbox.store import account_counters
from pillarbox.world.database import Database, DatabaseFailure, Schema, Transaction
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.database.sqlite.shape import missing


@may(OPERATOR)
def repair(
    database: Database,
    context: RepairContext,
    schemas: Iterable[Schema],
    progress: Progress,
    *,
    accept_loss: bool = False,
) -> list[str]:
    """Repair what can be repaired safely; return the names of what was. The database must be ours alone.

    `accept_loss`: then remove also what is lost, see `loss`. Raises `LossRefused`.
    """
    schemas = tuple(schemas)
    repaired = _repair(database, context, schemas, progress)
    if accept_loss:
        progress("what is lost")
        if database.write_now(loss.accept, context):
            repaired.append("what is lost")
        repaired += _repair(database, context, schemas, progress)
    if repaired:
        database.write_now(account_counters.forget_changes)
        database.write_now(log.forget_changes)
    return list(dict.fromkeys(repaired))


def _repair(
    database: Database, context: RepairContext, schemas: tuple[Schema, ...], progress: Progress
) -> list[str]:
    repaired = []
    for missing_object in database.read_now(missing, schemas):
        if missing_object.is_index:
            database.write_now(_execute, missing_object.sql)
            repaired.append(f"index {missing_object.name}")
    for invariant in every_invariant(context):
        progress(invariant.name)
        if invariant.repair is not None and database.read_now(_is_violated, invariant):
            database.write_now(invariant.run_repair)
            repaired.append(invariant.name)
    return repaired


def _execute(tx: Transaction, sql: str) -> None:
    tx.execute(sql)


def _is_violated(tx: Transaction, invariant: Invariant) -> bool:
    try:
        return next(iter(invariant.find(tx)), None) is not None
    except (DatabaseFailure, *WRONG_VALUES):
        return False  # reported by `check`: a table is missing or can't be read
