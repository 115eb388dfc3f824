"""The repair: what can be put right without losing anything.

It needs the data directory alone. Each invariant is repaired in a transaction of its own. Octets that can still be
read are never thrown away: those that nothing uses become files in `lost+found`.
"""

from collections.abc import Iterable

from pillarbox.admin.fsck.checking import Progress
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.admin.fsck.invariants import every_invariant
from pillarbox.world.database import Database, DatabaseFailure, Schema, Transaction
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.database.sqlite.shape import missing


def repair(
    database: Database, context: RepairContext, schemas: Iterable[Schema], progress: Progress
) -> list[str]:
    """Repair what can be repaired safely; return the names of what was. The database must be ours alone."""
    repaired = []
    for missing_object in database.read_now(missing, tuple(schemas)):
        if missing_object.is_index:
            database.write_now(_execute, missing_object.sql)
            repaired.append(f"index {missing_object.name}")
    for invariant in every_invariant(context):
        progress(invariant.name)
        if invariant.repair is not None and database.read_now(_is_violated, invariant):
            database.write_now(invariant.run_repair)
            repaired.append(invariant.name)
    return list(dict.fromkeys(repaired))


def _execute(tx: Transaction, sql: str) -> None:
    tx.execute(sql)


def _is_violated(tx: Transaction, invariant: Invariant) -> bool:
    try:
        return next(iter(invariant.find(tx)), None) is not None
    except DatabaseFailure:
        return False  # reported by `check`: a table is missing or can't be read
