"""A disk that is full at times, cannot be read at others, and loses power at the worst time.

What was committed stays, whatever happens to the provider; what was not is rolled back, as after a crash. Reads suspend
for a short time, as they do on an engine behind a network, so that other tasks run between a read and what follows it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw

from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.database.sqlite import SqliteDatabase
from pillarbox.world.topic import Topic
from tests.simulation.faults import Flush

T = TypeVar("T")

READ_S = 0.002
"""How long a read takes."""


class PowerCut(BaseException):
    """The machine is off; nothing catches this."""


@dataclass(frozen=True, slots=True)
class DiskFaults:
    """What happens to a disk, and who is called."""

    flush: Callable[[], Flush]
    """The outcome of this commit."""
    readable: Callable[[], bool]
    """Whether the disk can be read now."""
    committed: Callable[[set[Topic]], None]
    """Called at once with the topics announced by a durable commit."""
    cut: Callable[[], None]
    """The power is cut: the life that is writing ends."""


class FaultyDatabase(SqliteDatabase):
    """A database in memory with faults."""

    def __init__(self, connection: apsw.Connection, disk_faults: DiskFaults) -> None:
        super().__init__(None, connection)
        self._disk_faults = disk_faults
        self._really_commit = self._writer._commit
        self._writer._commit = self._commit  # type: ignore[method-assign]  # with faults

    async def read(self, verb: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """See `Database`."""
        await asyncio.sleep(READ_S)
        return self.read_now(verb, *arguments, **keywords)

    def read_now(self, verb: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """See `Database`."""
        if not self._disk_faults.readable():
            raise DatabaseUnavailable("cannot be read")
        return super().read_now(verb, *arguments, **keywords)

    def _commit(self) -> Exception | None:
        flush = self._disk_faults.flush()
        match flush:
            case Flush.FULL:
                raise DatabaseUnavailable("disk full")
            case Flush.CUT_BEFORE:
                self._disk_faults.cut()
                raise PowerCut
        trouble = self._really_commit()
        self._disk_faults.committed(self._writer.transaction.announced)
        if flush is Flush.CUT_AFTER:
            self._disk_faults.cut()
            raise PowerCut
        return trouble
