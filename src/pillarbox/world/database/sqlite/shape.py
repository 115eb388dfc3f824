"""Which tables and indexes a database lacks: damage can lose a whole one."""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.world.database.schema import Schema
from pillarbox.world.database.sqlite.opening import memory_database
from pillarbox.world.database.transaction import Transaction

_OBJECTS = "SELECT name, tbl_name, type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"


@dataclass(frozen=True, slots=True)
class Missing:
    """A table or an index that should be there."""

    name: str
    table: str
    """The table of an index; for a table its own name."""
    is_index: bool
    sql: str
    """The statement that creates it."""


def missing(tx: Transaction, schemas: Iterable[Schema]) -> list[Missing]:
    """What these schemas create and this database lacks; of a missing table, not its indexes."""
    present = {name for (name,) in tx.rows("SELECT name FROM sqlite_master")}
    lacking = [item for item in whole(schemas) if item.name not in present]
    return [item for item in lacking if not item.is_index or item.table in present]


def whole(schemas: Iterable[Schema]) -> list[Missing]:
    """All that these schemas create, in that order."""
    fresh = memory_database(schemas)
    try:
        rows = fresh.read_now(lambda tx: tx.rows(_OBJECTS))
        return [Missing(name, table, kind == "index", sql) for name, table, kind, sql in rows]
    finally:
        fresh.close_now()
