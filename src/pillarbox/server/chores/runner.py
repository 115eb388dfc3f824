"""Running the chores in the background of one worker."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pillarbox.server.chores.table import CHORES, Chore
from pillarbox.server.pulse import BEAT_S
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

IDLE_S: Final = 3.0
"""Between two rounds when there was no work, or another worker does it."""
BUSY_S: Final = 0.01
"""Between two pieces of work while no one else uses the database."""
REST_FACTOR: Final = 15
"""While others use the database, a rest is so many times as long as the work before it."""
ELSEWHERE_S: Final = 2 * BEAT_S
"""For so long it counts that another worker has used the database: each tells of it when its heart beats."""


class Chores:
    """Runs the chores while `may_run` returns true, which it does in one worker of a machine."""

    def __init__(self, world: World, may_run: Callable[[], bool], chores: Sequence[Chore] = CHORES) -> None:
        self._world = world
        self._may_run = may_run
        self._due = dict.fromkeys(chores, 0.0)
        """When each chore may run again, by the monotonic clock."""
        self._task: asyncio.Task[None] | None = None
        self._working_since = 0.0
        """When the last rest ended, by the monotonic clock."""
        self._others = False
        """Whether anyone else used the database during the last rest, in this worker or in another."""
        self._calls_elsewhere = self._count_elsewhere()
        self._elsewhere_until = 0.0
        """Until when another worker counts as using the database, by the monotonic clock."""
        self._postponed: dict[Chore, str] = {}
        """Why a chore failed the last time, where the database was at fault."""

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
        await self._sleep(BUSY_S)
        while True:
            more = self._may_run() and await self.round()
            await (self.rest() if more else self._sleep(IDLE_S))

    async def round(self) -> bool:
        """Run each chore that is due once; return whether there may be more to do.

        One that fails is reported, and leaves the others their turns.
        """
        return any([await self._run_if_due(chore) for chore in self._due])

    async def rest(self, seconds: float | None = None) -> None:
        """Sleep so long if others are served; without a number, the longer, the longer the work since the last rest."""
        if seconds is None:
            seconds = (self._world.clock.monotonic() - self._working_since) * REST_FACTOR
        await self._sleep(max(BUSY_S, seconds if self._others else 0.0))

    async def _sleep(self, seconds: float) -> None:
        calls = self._world.database.calls
        await self._world.clock.sleep(seconds)
        self._working_since = now = self._world.clock.monotonic()
        elsewhere = self._count_elsewhere()
        if elsewhere != self._calls_elsewhere:
            self._calls_elsewhere, self._elsewhere_until = elsewhere, now + ELSEWHERE_S
        self._others = self._world.database.calls > calls or now < self._elsewhere_until

    def _count_elsewhere(self) -> float:
        shared = self._world.shared
        return shared.workers.calls_of_others(shared.worker)

    async def _run_if_due(self, chore: Chore) -> bool:
        now = self._world.clock.monotonic()
        if now < self._due[chore]:
            return False
        self._due[chore] = now + chore.every_s
        try:
            more = await chore.run(self._world, self.rest)
        except DatabaseUnavailable as failure:
            self._postpone(chore, str(failure))
            return False
        except Exception as error:
            self._world.telemetry.failure("chore failed", error)
            return False
        self._postponed.pop(chore, None)
        return more

    def _postpone(self, chore: Chore, why: str) -> None:
        # Once, however long it lasts, and whichever chores it concerns
        if why not in self._postponed.values():
            self._world.telemetry.warning("chores postponed", detail=why)
        self._postponed[chore] = why
