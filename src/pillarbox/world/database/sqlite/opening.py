"""Opening a database, and bringing its tables up to date."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.schema import Schema, migrate, pending
from pillarbox.world.database.sqlite.connection import COMMAND_CACHES, PageCaches, connect
from pillarbox.world.database.sqlite.database import SqliteDatabase
from pillarbox.world.database.sqlite.failures import translated_failures
from pillarbox.world.database.sqlite.log_damage import mend_log
from pillarbox.world.database.sqlite.presence import Presence, require_file
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.sqlite.write_lock import WriteLock
from pillarbox.world.database.sqlite.writer import DEFAULT_LIMITS, WriterLimits
from pillarbox.world.durable import flush_folder


def memory_database(schemas: Iterable[Schema], *, limits: WriterLimits = DEFAULT_LIMITS) -> SqliteDatabase:
    """A database in memory, gone when closed: for tests and simulations. Commits on the spot."""
    connection = connect(None, writes=True)
    _bring_up_to_date(connection, None, tuple(schemas))
    return SqliteDatabase(None, connection, limits=limits)


def open_database(
    path: Path,
    schemas: Iterable[Schema],
    *,
    create: bool = False,
    alone: bool = False,
    limits: WriterLimits = DEFAULT_LIMITS,
    caches: PageCaches = COMMAND_CACHES,
) -> SqliteDatabase:
    """Open a database file and bring its tables up to date; mend its log before (`log_damage`).

    `create`: make one if there is none; without it nothing is made, not even a lock file. `alone`: exclusively, for
    work that no other process may see half done. Raises `DatabaseInUse`, `SchemaTooNew`, `DatabaseMissing`, or
    `DatabaseUnavailable`.
    """
    if not create:
        require_file(path)
    with _file_failures():
        presence = Presence(path, alone=alone)
        write_lock = WriteLock(path)
    descriptors: list[int] = []
    try:
        write_lock.acquire()
        damage = mend_log(path, descriptors)
        connection = connect(path, writes=True, cache_octets=caches.writer)
        try:
            _bring_up_to_date(connection, path, tuple(schemas))
        except BaseException:
            connection.close()
            raise
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        presence.end()
        raise
    finally:
        write_lock.close()
    return SqliteDatabase(
        path,
        connection,
        presence,
        log_damage=damage,
        descriptors=descriptors,
        limits=limits,
        caches=caches,
    )


@contextmanager
def _file_failures() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure


def _bring_up_to_date(connection: apsw.Connection, path: Path | None, schemas: tuple[Schema, ...]) -> None:
    tx = SqliteTransaction(connection)
    with translated_failures():
        connection.execute("BEGIN IMMEDIATE")
        try:
            behind = pending(tx, schemas)
            connection.execute("COMMIT")
            if path and any(version for _, version in behind):
                _keep_copy(connection, path, behind)
            connection.execute("BEGIN IMMEDIATE")
            migrate(tx, behind)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _keep_copy(connection: apsw.Connection, path: Path, behind: list[tuple[Schema, int]]) -> None:
    """Copy the database as it was, named after the versions found, for a roll-back."""
    versions = "-".join(f"{schema.room}{version}" for schema, version in behind)
    copy = path.with_name(f"{path.name}.before-{versions}")
    if not copy.exists():
        unfinished = copy.with_name(copy.name + ".unfinished")
        unfinished.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(unfinished),))
        unfinished.chmod(0o600)  # as the database
        unfinished.rename(copy)
        flush_folder(copy.parent)
