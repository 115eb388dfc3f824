"""`Transaction` on an apsw connection."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import Any, Final

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.sqlite.failures import RAISED, translated
from pillarbox.world.database.transaction import SqlValue
from pillarbox.world.topic import Topic, account_changed

SLICE_ROWS: Final = 16
"""So many rows of `rows_within` are read between two looks at their octets."""


class SqliteTransaction:
    """See `Transaction`. Its owner begins and ends it by `control`, which raises SQLite's own errors."""

    __slots__ = ("_cursor", "_execute", "announced", "connection", "control", "in_use")

    def __init__(self, connection: apsw.Connection, in_use: "Lock | None" = None) -> None:
        """`in_use`: of the other transaction that runs on this connection, if there is one."""
        self.connection = connection
        self.in_use = in_use or Lock()
        """Held from before the transaction begins until it has ended, in whichever thread; see `take`."""
        self._cursor = connection.cursor()
        self._execute = self._cursor.execute
        self.control: Callable[[str], object] = self._execute
        """Begins or ends a transaction or a savepoint."""
        self.announced: set[Topic] = set()
        """The topics to announce after the commit."""

    def take(self) -> None:
        """Take `in_use`. Nobody waits for it: two that use a connection at once are an error of ours."""
        if not self.in_use.acquire(blocking=False):
            raise RuntimeError("a connection is used by two at once")

    def watch(self, look: Callable[[apsw.Cursor, tuple[Any, ...]], tuple[Any, ...]] | None) -> None:
        """Have each row that is read looked at, or none any more. What `look` returns is read in its place."""
        self._cursor.row_trace = look

    def has_written(self) -> bool:
        """Whether a statement of the transaction wrote, or tried to."""
        return self.connection.txn_state("main") == apsw.SQLITE_TXN_WRITE

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """See `Transaction.execute`."""
        try:
            self._execute(sql, parameters)
        except RAISED as failure:
            raise translated(failure) from failure
        return self.connection.changes()

    def execute_many(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """See `Transaction.execute_many`."""
        try:
            self._cursor.executemany(sql, rows)
        except RAISED as failure:
            raise translated(failure) from failure

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """See `Transaction.rows`."""
        try:
            return self._execute(sql, parameters).fetchall()
        except RAISED as failure:
            raise translated(failure) from failure

    def rows_within(
        self, sql: str, parameters: Sequence[SqlValue], columns: Sequence[int], octets: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        """See `Transaction.rows_within`."""
        rows: list[tuple[Any, ...]] = []
        used = 0
        try:
            found = self._execute(sql, parameters)
            while some := list(islice(found, SLICE_ROWS)):
                rows += some
                for column in columns:
                    used += sum(map(len, map(itemgetter(column), some)))
                if used > octets or len(some) < SLICE_ROWS:
                    break  # the cursor's next statement ends a query that is not read to its end
        except RAISED as failure:
            raise translated(failure) from failure
        return rows, used

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """See `Transaction.row`.

        The query is run to its end, so that a `RETURNING` statement has done its work.
        """
        try:
            rows = self._execute(sql, parameters).fetchall()
        except RAISED as failure:
            raise translated(failure) from failure
        return rows[0] if rows else None

    def value(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Any:
        """See `Transaction.value`."""
        try:
            rows = self._execute(sql, parameters).fetchall()
        except RAISED as failure:
            raise translated(failure) from failure
        return rows[0][0] if rows else None

    def announce(self, topic: Topic) -> None:
        """See `Transaction.announce`."""
        self.announced.add(topic)

    def touch(self, account: AccountId) -> None:
        """See `Transaction.touch`."""
        self.announced.add(account_changed(account))
