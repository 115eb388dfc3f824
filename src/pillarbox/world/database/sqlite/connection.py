"""SQLite through apsw: how a connection is set up.

WAL with `synchronous=FULL`: when COMMIT returns, the transaction has been flushed to the disk. Automatic
checkpoints are switched off; `checkpoint` makes them, away from the connections that people wait for.

SQLite takes no mutexes of a connection: whoever uses one takes `SqliteTransaction.in_use` instead, once for a whole
transaction.
"""

import os
from pathlib import Path
from typing import Final

import apsw

from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.sqlite.failures import translated_failures

CACHED_STATEMENTS = 256
"""Prepared statements kept by a connection."""
WRITER_CACHE_KIB = 16_384
READER_CACHE_KIB = 8_192
MAX_LOG_KEPT_OCTETS = 64 * 1024 * 1024
"""The log's file is cut to this size when the log restarts after having grown beyond it."""
BUSY_MS = 10_000
"""How long a reader in a thread waits for a lock that only recovery and schema changes hold."""
SHORT_BUSY_MS = 1_000
"""How long a read in the loop waits for such a lock: all other sessions wait for it."""

_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX


def keep_no_statistics() -> None:
    """Have SQLite not count the memory that it takes, for a process that is a server: nothing asks it.

    To be called before the first connection is opened; with one open it does nothing.
    """
    if not apsw.connections():
        apsw.shutdown()  # it can only be configured then
        apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
        apsw.initialize()


def connect(path: Path | None, *, writes: bool) -> apsw.Connection:
    """Open the file (`None`: a private database in memory). Raises `DatabaseUnavailable`."""
    if path and writes:
        _make_private(path)
    with translated_failures():
        connection = apsw.Connection(
            str(path) if path else ":memory:", flags=_FLAGS, statementcachesize=CACHED_STATEMENTS
        )
        connection.set_busy_timeout(BUSY_MS)
        # One plan per statement, whatever is bound to it: else SQLite parses some again at every use.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        if path:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("journal_size_limit", MAX_LOG_KEPT_OCTETS)
            connection.wal_autocheckpoint(0)
        connection.pragma("temp_store", "memory")
        connection.pragma("cache_size", -(WRITER_CACHE_KIB if writes else READER_CACHE_KIB))
        if path and not writes:
            connection.pragma("query_only", True)
    return connection


def _make_private(path: Path) -> None:
    """Only the owner may read mail and password hashes; SQLite gives its log and index the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure
