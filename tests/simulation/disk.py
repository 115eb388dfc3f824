"""A disk that is full at times, cannot be read at others, and loses its power at the worst moment.

What was committed stays, whatever happens to the provider; what was not is rolled back, as after a crash.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw

from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.database.sqlite import SqliteDatabase
from pillarbox.world.topic import Topic
from tests.simulation.weather import Flush

T = TypeVar("T")


class PowerCut(BaseException):
    """The machine is dead; nobody catches this."""


@dataclass(frozen=True, slots=True)
class Destiny:
    """What a disk is told, and whom it tells."""

    flush: Callable[[], Flush]
    """What becomes of this commit."""
    readable: Callable[[], bool]
    """Whether the disk can be read now."""
    committed: Callable[[set[Topic]], None]
    """Hears at once of what is durable, and which topics it announces."""
    cut: Callable[[], None]
    """The power goes: the life that is writing ends here."""


class FaultyDatabase(SqliteDatabase):
    """A database in memory whose commits meet their fate."""

    def __init__(self, connection: apsw.Connection, destiny: Destiny) -> None:
        super().__init__(None, connection)
        self._destiny = destiny
        self._really_commit = self._writer._commit
        self._writer._commit = self._commit  # type: ignore[method-assign]

    async def read(self, verb: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """See `Database`."""
        return self.read_now(verb, *arguments, **keywords)

    def read_now(self, verb: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """See `Database`."""
        if not self._destiny.readable():
            raise DatabaseUnavailable("cannot be read")
        return super().read_now(verb, *arguments, **keywords)

    def _commit(self) -> Exception | None:
        fate = self._destiny.flush()
        match fate:
            case Flush.FULL:
                raise DatabaseUnavailable("disk full")
            case Flush.CUT_BEFORE:
                self._destiny.cut()
                raise PowerCut
        trouble = self._really_commit()
        self._destiny.committed(self._writer.transaction.announced)
        if fate is Flush.CUT_AFTER:
            self._destiny.cut()
            raise PowerCut
        return trouble
