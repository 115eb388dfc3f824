"""SQLite's own check of its file, and of what it does not check: that texts are UTF-8."""

from collections.abc import Iterator

import apsw

from pillarbox.world.database.failures import DatabaseFailure
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.transaction import Transaction

_TEXTS = """
SELECT t.name, group_concat(c.name, ', ') FROM sqlite_master t, pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.sql NOT LIKE '%VIRTUAL%' AND c.type = 'TEXT' GROUP BY t.name ORDER BY t.name"""


def damage(tx: Transaction, *, quick: bool, limit: int) -> list[str]:
    """What is wrong with the file, at most `limit` findings. `quick`: without comparing indexes, and without texts."""
    check = "quick_check" if quick else "integrity_check"
    try:
        lines = [str(line) for (line,) in tx.rows(f"PRAGMA {check}({limit})")]
        found = [line for line in lines if line != "ok"]
        return found if quick else [*found, *_damaged_texts(tx)][:limit]
    except DatabaseFailure as failure:
        return [str(failure)]


def _damaged_texts(tx: Transaction) -> Iterator[str]:
    """Tables with a text that is not UTF-8, which Pillarbox never writes: who reads it gets an error."""
    assert isinstance(tx, SqliteTransaction)
    for table, columns in tx.rows(_TEXTS):
        try:
            for _ in tx.connection.execute(f"SELECT {columns} FROM {table}"):  # noqa: S608 - names of the schema
                pass
        except UnicodeDecodeError:
            yield f"table {table} has a text that is not UTF-8"
        except apsw.Error:
            continue  # found by the check of pages
