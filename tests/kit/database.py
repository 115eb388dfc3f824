"""A transaction in memory, for tests of verbs, and one that notes what it is asked."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Schema, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.transaction import SqlValue
from pillarbox.world.topic import Topic


@contextmanager
def open_transaction(*schemas: Schema) -> Iterator[SqliteTransaction]:
    """An open transaction on fresh tables of these rooms; nothing outlives it."""
    database = memory_database(schemas)
    try:
        yield database._writer.transaction
    finally:
        database.close_now()


class RecordingTransaction:
    """A transaction that notes each statement, and passes it on to another, or finds nothing."""

    def __init__(self, behind: Transaction | None = None) -> None:
        self.statements: list[str] = []
        self.read = 0
        """How many rows `rows` has returned."""
        self._behind = behind

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """See `Transaction.rows`."""
        self.statements.append(sql)
        found = self._behind.rows(sql, parameters) if self._behind is not None else []
        self.read += len(found)
        return found

    def rows_within(
        self, sql: str, parameters: Sequence[SqlValue], columns: Sequence[int], octets: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        """See `Transaction.rows_within`."""
        self.statements.append(sql)
        return (
            self._behind.rows_within(sql, parameters, columns, octets)
            if self._behind is not None
            else ([], 0)
        )

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """See `Transaction.row`."""
        self.statements.append(sql)
        return self._behind.row(sql, parameters) if self._behind is not None else (0, 0)

    def value(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Any:
        """See `Transaction.value`."""
        self.statements.append(sql)
        return self._behind.value(sql, parameters) if self._behind is not None else None

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """See `Transaction.execute`."""
        self.statements.append(sql)
        return self._behind.execute(sql, parameters) if self._behind is not None else 0

    def execute_many(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """See `Transaction.execute_many`."""
        self.statements.append(sql)
        if self._behind is not None:
            self._behind.execute_many(sql, rows)

    def announce(self, topic: Topic) -> None:
        """See `Transaction.announce`."""
        if self._behind is not None:
            self._behind.announce(topic)

    def touch(self, account: AccountId) -> None:
        """See `Transaction.touch`."""
        if self._behind is not None:
            self._behind.touch(account)
