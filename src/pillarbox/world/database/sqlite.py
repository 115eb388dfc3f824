"""SQLite through apsw: how a connection is set up, and a `Transaction` on it.

WAL with `synchronous=FULL`: when COMMIT returns, the transaction has been flushed to the disk.
Checkpoints are switched off on the connections that people wait for; `checkpoint` makes them.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import DatabaseDamaged, DatabaseUnavailable, SqlValue

STATEMENT_CACHE = 256
"""Prepared statements kept by a connection."""
WRITER_CACHE_KIB = 16_384
READER_CACHE_KIB = 8_192
LOG_KEPT_OCTETS = 64 * 1024 * 1024
"""What is left of the log's file when it starts again after having grown beyond this."""
BUSY_MS = 10_000
"""How long a reader in a thread waits for a lock that only recovery and schema changes hold."""
BRIEFLY_MS = 1_000
"""How long a short read waits for such a lock: all others wait for it."""

WORLD_FAILED = (
    apsw.FullError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.IOError,
    apsw.NoMemError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.ProtocolError,
    apsw.InterruptError,
    apsw.PermissionsError,
)
"""What SQLite raises when the machine, not the statement, is at fault."""
DAMAGED = (apsw.CorruptError, apsw.NotADBError)
"""What it raises when it can't make sense of the file."""


def connect(path: Path | None, *, writes: bool) -> apsw.Connection:
    """Open the file (`None`: a private database in memory). Raises `DatabaseUnavailable`."""
    if path and writes:
        _make_private(path)
    with world_failures():
        connection = apsw.Connection(str(path) if path else ":memory:", statementcachesize=STATEMENT_CACHE)
        connection.set_busy_timeout(BUSY_MS)
        # One plan a statement, whatever is bound to it: else SQLite parses some anew at every use.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        if path:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("journal_size_limit", LOG_KEPT_OCTETS)
            connection.wal_autocheckpoint(0)
        connection.pragma("temp_store", "memory")
        connection.pragma("cache_size", -(WRITER_CACHE_KIB if writes else READER_CACHE_KIB))
        if path and not writes:
            connection.pragma("query_only", True)
    return connection


def _make_private(path: Path) -> None:
    """Mail and password hashes lie in it, so nobody else may read it; its log and index take after it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure


@contextmanager
def world_failures() -> Iterator[None]:
    """WriteLock SQLite's word for a failing machine into ours; a faulty statement stays what it is."""
    try:
        yield
    except DAMAGED as failure:
        raise DatabaseDamaged(str(failure)) from failure
    except WORLD_FAILED as failure:
        raise DatabaseUnavailable(str(failure)) from failure


class SqliteTransaction:
    """`Transaction` on an apsw connection; who made it begins and ends it."""

    __slots__ = ("_cursor", "_execute", "connection", "touched")

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._cursor = connection.cursor()
        self._execute = self._cursor.execute
        self.touched: set[AccountId] = set()

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """See `Transaction.execute`."""
        self._execute(sql, parameters)
        return self.connection.changes()

    def control(self, sql: str) -> None:
        """Begin or end a transaction: for who made it."""
        self._execute(sql)

    def has_written(self) -> bool:
        """Whether a statement of the transaction wrote, or tried to."""
        return self.connection.txn_state("main") == apsw.SQLITE_TXN_WRITE

    def execute_many(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """See `Transaction.execute_many`."""
        self._cursor.executemany(sql, rows)

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """See `Transaction.rows`."""
        return self._execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """See `Transaction.row`.

        The query is run to its end, so that a `RETURNING` statement has done its work.
        """
        rows = self._execute(sql, parameters).fetchall()
        return rows[0] if rows else None

    def value(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Any:
        """See `Transaction.value`."""
        rows = self._execute(sql, parameters).fetchall()
        return rows[0][0] if rows else None

    def touch(self, account: AccountId) -> None:
        """See `Transaction.touch`."""
        self.touched.add(account)
