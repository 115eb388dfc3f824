"""A transaction in memory, for tests of verbs."""

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.world.database import Schema
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.database.sqlite.transaction import SqliteTransaction


@contextmanager
def open_transaction(*schemas: Schema) -> Iterator[SqliteTransaction]:
    """An open transaction on fresh tables of these rooms; nothing outlives it."""
    database = memory_database(schemas)
    try:
        yield database._writer.transaction
    finally:
        database.close_now()
