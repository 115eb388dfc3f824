"""What is done behind the scenes: indexing for search, dropping what nobody uses any more.

Each chore is a bounded piece of work in a short transaction that finds its own work, so dying at it loses
nothing. One worker of a machine does them. They step back while people are being served: after a piece of
work under load the chores rest for many times as long as it took.
"""

import asyncio
from collections.abc import Awaitable, Callable

from pillarbox.store import placements
from pillarbox.store.search import index
from pillarbox.world.blobs import sweep, sweep_leftovers
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.world import World

Chore = Callable[[World], Awaitable[bool]]
"""Does a bounded piece of work; says whether there may be more."""

IDLE_S = 3.0
"""Between two looks when there was nothing to do, or somebody else does it."""
BREATH_S = 0.01
"""Between two pieces of work while nobody else asks for anything."""
LEFTOVERS_S = 3600.0
"""Between two looks for files that crashes have left."""
POLITENESS = 15
"""While others are served, the rest after a piece of work is so many times as long as the work."""


async def index_mail(world: World) -> bool:
    """Feed the full-text index."""
    batch = await world.database.read_in_thread(index.gather, world.blobs)
    if batch is not None:
        await world.database.write(index.feed, batch)
    return batch is not None


async def drop_orphans(world: World) -> bool:
    """Let go of emails whose last placement has gone."""
    if world.database.read_now(_first, "SELECT 1 FROM orphans LIMIT 1") is None:
        return False
    return await world.database.write(placements.sweep_orphans) > 0


async def drop_files(world: World) -> bool:
    """Unlink the files of blobs whose last use has gone."""
    if world.database.read_now(_first, "SELECT 1 FROM blob_files_unused LIMIT 1") is not None:
        return await sweep(world.blobs, world.database) > 0
    return False


class DropLeftovers:
    """Removes, once an hour, files that crashes have left behind."""

    def __init__(self) -> None:
        self._due = 0.0

    async def __call__(self, world: World) -> bool:
        """See `Chore`."""
        now = world.clock.monotonic()
        if now >= self._due:
            self._due = now + LEFTOVERS_S
            await sweep_leftovers(world.blobs, world.database, now_ms=world.clock.now_ms())
        return False


CHORES: tuple[Chore, ...] = (drop_orphans, drop_files, index_mail)


def _first(tx: Transaction, sql: str) -> object:
    return tx.value(sql)


class Chores:
    """Runs the chores in the background of one worker, while `mine` says that they are its to do."""

    def __init__(self, world: World, mine: Callable[[], bool]) -> None:
        self._world = world
        self._mine = mine
        self._chores: tuple[Chore, ...] = (*CHORES, DropLeftovers())
        self._task: asyncio.Task[None] | None = None
        self._pause = BREATH_S
        self._others = False
        """Whether anybody was served during the last rest."""

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; a transaction under way is finished by the database."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            calls = self._world.database.calls
            await self._world.clock.sleep(self._pause)
            self._others = self._world.database.calls > calls
            self._pause = IDLE_S
            if self._mine():
                try:
                    self._pause = await self._round()
                except DatabaseUnavailable as failure:
                    self._world.telemetry.warning("chores postponed", detail=str(failure))
                except Exception as error:
                    self._world.telemetry.failure("chore failed", error)

    async def _round(self) -> float:
        """Each chore once; return how long to rest."""
        clock = self._world.clock
        began = clock.monotonic()
        done = [await chore(self._world) for chore in self._chores]
        if not any(done):
            return IDLE_S
        took = clock.monotonic() - began
        return max(BREATH_S, took * POLITENESS if self._others else 0.0)
