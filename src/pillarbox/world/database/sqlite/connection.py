"""SQLite through apsw: how a connection is set up.

WAL with `synchronous=FULL`: when COMMIT returns, the transaction has been flushed to the disk. Automatic
checkpoints are switched off; `checkpoint` makes them, away from the connections that people wait for.

SQLite takes no mutexes of a connection: whoever uses one takes `SqliteTransaction.in_use` instead, once for a whole
transaction.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.sqlite.failures import translated_failures

_MIB: Final = 1024 * 1024

CACHED_STATEMENTS = 256
"""Prepared statements kept by a connection."""
MAX_LOG_KEPT_OCTETS = 64 * 1024 * 1024
"""The log's file is cut to this size when the log restarts after having grown beyond it."""
BUSY_MS = 10_000
"""How long a reader in a thread waits for a lock that only recovery and schema changes hold."""
SHORT_BUSY_MS = 1_000
"""How long a read in the loop waits for such a lock: all other sessions wait for it."""

_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX


class PageCaches(NamedTuple):
    """How many octets of pages each connection keeps in memory, at most."""

    writer: int
    """Of the connection that writes, and on which the loop reads while that is at rest."""
    large: int
    """Of the other one that the loop reads on, and of the first `LARGE_SEARCHES` that searches run on: those read most
    of what is stored of a mailbox."""
    small: int
    """Of each of the others."""

    @classmethod
    def beside(cls, budget_octets: int) -> "PageCaches":
        """For a server with this memory budget: together they take at most as much again, or 108 MiB."""
        return cls(
            max(16 * _MIB, budget_octets // 4),
            max(8 * _MIB, budget_octets // 8),
            max(4 * _MIB, budget_octets // 64),
        )


COMMAND_CACHES: Final = PageCaches(16 * _MIB, 8 * _MIB, 8 * _MIB)
"""For programs that run for a moment."""
LARGE_SEARCHES: Final = 2
"""Usually no more searches run at once."""


def keep_no_statistics() -> None:
    """Have SQLite not count the memory that it takes, for a process that is a server: nothing asks it.

    To be called before the first connection is opened; with one open it does nothing.
    """
    if not apsw.connections():
        apsw.shutdown()  # it can only be configured then
        apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
        apsw.initialize()


def connect(path: Path | None, *, writes: bool, cache_octets: int = COMMAND_CACHES.small) -> apsw.Connection:
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
        connection.pragma("cache_size", -cache_octets // 1024)
        if path and not writes:
            connection.pragma("query_only", True)
    return connection


def _make_private(path: Path) -> None:
    """Only the owner may read mail and password hashes; SQLite gives its log and index the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure
