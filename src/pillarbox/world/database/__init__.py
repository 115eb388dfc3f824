"""The door to the database: durable writes in groups, snapshots for reading, schema by numbered steps."""

from pillarbox.world.database.database import Database, memory_database, open_database
from pillarbox.world.database.schema import Schema, SchemaTooNew
from pillarbox.world.database.transaction import DatabaseUnavailable, SqlValue, Transaction

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "Schema",
    "SchemaTooNew",
    "SqlValue",
    "Transaction",
    "memory_database",
    "open_database",
]
