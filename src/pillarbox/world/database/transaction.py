"""What a verb may ask of the database: one open transaction.

A *verb* is a plain function `def verb(tx, ...)` of a transactional room. It is synchronous, so
nothing can await while a transaction is open, and it is written once, in SQL that SQLite and
PostgreSQL both accept: `?` placeholders, `ON CONFLICT`, `RETURNING`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from pillarbox.mail.identifiers import AccountId

SqlValue = None | int | float | str | bytes


class Transaction(Protocol):
    """An open transaction, or within a batch a savepoint of one.

    Leaving the verb by an exception undoes what the verb did, and nothing else.
    """

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement; return the number of rows it changed."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """Run one statement once for each row of parameters."""

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """The first row of a query (or of a `RETURNING` clause), or `None`."""

    def value(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Any:
        """The first column of the first row, or `None` where there is no row."""

    def touch(self, account: AccountId) -> None:
        """Say that this account changed: watchers are woken once the commit is durable."""


class DatabaseUnavailable(Exception):
    """The disk is full, the database is locked or gone: try later. Transient in every protocol."""


class DatabaseDamaged(DatabaseUnavailable):
    """The database is not what SQLite wrote: trying later helps nobody but an operator who repairs it."""
