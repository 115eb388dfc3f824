"""What a verb may ask of the database: one open transaction.

A *verb* is a plain function `def verb(tx, ...)` of a transactional room. It is synchronous, so nothing can await
while a transaction is open, and has no effect outside the transaction, since it may be rolled back and run again. Its
SQL is accepted by SQLite and by PostgreSQL's grammar: `?` placeholders, `ON CONFLICT`, `RETURNING`. What only one
engine understands is in a file whose path names the engine.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.topic import Topic

SqlValue = None | int | float | str | bytes

QUERY_ROWS: Final = 16
"""A query costs as much as reading so many rows more: what is nearer to each other is read by one."""


class Transaction(Protocol):
    """An open transaction, perhaps shared with other verbs.

    Leaving the verb by an exception undoes what the verb did, and nothing else. Every method that runs a
    statement raises `DatabaseFailure`.
    """

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement; return the number of rows it changed."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """Run one statement once for each row of parameters."""

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def rows_within(
        self, sql: str, parameters: Sequence[SqlValue], columns: Sequence[int], octets: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        """The first rows of a query, until these columns have more than so many octets together.

        The columns are of type bytes, and not null. Returns the rows, at least one if there is any and some more than
        needed, and how many octets these columns have there. Rows after them are not read.
        """

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """The first row of a query (or of a `RETURNING` clause), or `None`."""

    def value(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Any:
        """The first column of the first row, or `None` where there is no row."""

    def announce(self, topic: Topic) -> None:
        """Have subscribers of a topic called once the commit is durable."""

    def touch(self, account: AccountId) -> None:
        """`announce` that this account changed."""
