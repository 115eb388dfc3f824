"""The database: durable writes in groups, consistent reads, tables by numbered migrations.

What every engine has in common is here; SQLite is in `sqlite`.
"""

from pillarbox.world.database.database import MAX_SEARCH_THREADS, Database, Lane
from pillarbox.world.database.failures import (
    DatabaseDamaged,
    DatabaseFailure,
    DatabaseInUse,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseUnavailable,
    RowRefused,
    SchemaTooNew,
    StatementFailed,
    ValuesDamaged,
)
from pillarbox.world.database.schema import Schema
from pillarbox.world.database.transaction import QUERY_ROWS, SqlValue, Transaction

__all__ = [
    "MAX_SEARCH_THREADS",
    "QUERY_ROWS",
    "Database",
    "DatabaseDamaged",
    "DatabaseFailure",
    "DatabaseInUse",
    "DatabaseLocked",
    "DatabaseMissing",
    "DatabaseUnavailable",
    "Lane",
    "RowRefused",
    "Schema",
    "SchemaTooNew",
    "SqlValue",
    "StatementFailed",
    "Transaction",
    "ValuesDamaged",
]
