"""The door to the database: durable writes in groups, snapshots for reading, schema by numbered steps."""

from apsw import Error as SqlFailure

from pillarbox.world.database.database import Database, memory_database, open_database
from pillarbox.world.database.presence import DatabaseInUse
from pillarbox.world.database.schema import Schema, SchemaTooNew
from pillarbox.world.database.transaction import DatabaseDamaged, DatabaseUnavailable, SqlValue, Transaction

__all__ = [
    "Database",
    "DatabaseDamaged",
    "DatabaseInUse",
    "DatabaseUnavailable",
    "Schema",
    "SchemaTooNew",
    "SqlFailure",
    "SqlValue",
    "Transaction",
    "memory_database",
    "open_database",
]
