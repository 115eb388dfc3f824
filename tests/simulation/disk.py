"""A disk that is full at times, and loses its power at the worst moment.

What was committed stays, whatever happens to the provider; what was not is rolled back, as after a crash.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.database.transact import Writer
from tests.simulation.weather import Flush

T = TypeVar("T")


class PowerCut(BaseException):
    """The machine is dead; nobody catches this."""


class FaultyDatabase(Database):
    """A database in memory whose commits meet their fate."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        flush: Callable[[], Flush],
        readable: Callable[[], bool],
        committed: Callable[[set[Any]], None],
        cut: Callable[[], None],
    ) -> None:
        """``flush``: what becomes of a commit. ``readable``: whether the disk can be read now. ``committed``: hears at once of what is durable, and which
        accounts were touched. ``cut``: the power goes; the life that is writing ends here."""
        super().__init__(None, connection)
        self._readable = readable
        self._writer = _FaultyWriter(
            connection,
            turn=None,
            thread=None,
            committed=lambda accounts: self.on_commit(accounts),
            after_commit=lambda: None,
        )
        self._writer.flush = flush
        self._writer.told = committed
        self._writer.cut = cut

    def read(self, verb: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """See ``Database``."""
        if not self._readable():
            raise DatabaseUnavailable("cannot be read")
        return super().read(verb, *arguments, **keywords)


class _FaultyWriter(Writer):
    flush: Callable[[], Flush]
    told: Callable[[set[Any]], None]
    cut: Callable[[], None]

    def _commit(self) -> None:
        fate = self.flush()
        if fate is Flush.FULL:
            raise DatabaseUnavailable("disk full")
        if fate is Flush.CUT_BEFORE:
            self.cut()
            raise PowerCut
        super()._commit()
        self.told(self.transaction.touched)
        if fate is Flush.CUT_AFTER:
            self.cut()
            raise PowerCut
