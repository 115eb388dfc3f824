"""Whether a verb has failed because of what a damaged page gave it.

SQLite keeps a text in a column of integers, and a verb that computes with it raises whatever Python raises then. So a
verb that has raised such an error runs once more, with each row that it reads compared with the types of its columns:
rows that were never written are damage, and everything else stays an error of ours. Nothing is compared before.
"""

from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw

from pillarbox.world.database.failures import StatementFailed, ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.values import MAX_NUMBER

P = ParamSpec("P")
T = TypeVar("T")

_TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
_RANDOM: Final = {"hash", "lease"}
"""Columns of which numbers may be higher than `MAX_NUMBER`."""


class Examined(Exception):
    """A verb has run once more, and its transaction is to be undone."""

    def __init__(self, damage: ValuesDamaged | None) -> None:
        super().__init__()
        self.damage = damage
        """What it has read, if rows have values that nobody wrote."""


def may_be_damage(failure: BaseException) -> bool:
    """Whether damaged values raise such an exception: those of Python and of libraries, and refused statements."""
    if isinstance(failure, StatementFailed):
        return True
    if type(failure) is LookupError:  # verbs of ours say by it that there is no such thing
        return False
    return isinstance(failure, Exception) and not type(failure).__module__.startswith("pillarbox.")


def examine(
    tx: SqliteTransaction,
    verb: Callable[Concatenate[SqliteTransaction, P], T],
    *arguments: P.args,
    **keywords: P.kwargs,
) -> None:
    """Run a verb that has failed, and look at what it reads. Always raises `Examined`."""
    rows = _Rows(tx.connection)
    tx.watch(rows.look)
    try:
        verb(tx, *arguments, **keywords)
    except Exception as failure:  # the same as before, or what its rows are
        raise Examined(rows.damage) from failure
    finally:
        tx.watch(None)
    raise Examined(rows.damage)


class _Rows:
    """What is read of one transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.damage: ValuesDamaged | None = None

    def look(self, cursor: apsw.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Called with each row; gives it back."""
        if self.damage is None:
            joined = "LEFT JOIN" in (cursor.sql or "")
            for (_, declared, _, table, column), value in zip(cursor.description_full, row, strict=True):
                if value is None and joined:
                    continue  # perhaps of no row
                if table and column and not self._fits(value, declared, table, column):
                    self.damage = ValuesDamaged(
                        f"table {table} has a damaged {column}: pillarbox fsck tells where, fsck --repair mends it"
                    )
        return row

    def _fits(self, value: object, declared: str | None, table: str, column: str) -> bool:
        if value is None:
            return not self._connection.column_metadata("main", table, column)[2]
        if isinstance(value, int) and column not in _RANDOM and abs(value) > MAX_NUMBER:
            return False
        return isinstance(value, _TYPES.get(declared or "", object))
