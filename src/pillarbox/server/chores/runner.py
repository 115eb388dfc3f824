"""Running the chores in the background of one worker."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pillarbox.server.chores.table import CHORES, Chore
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

IDLE_S: Final = 3.0
"""Between two rounds when there was no work, or another worker does it."""
BUSY_S: Final = 0.01
"""Between two rounds while there is work and no one else uses the database."""
REST_FACTOR: Final = 15
"""While others use the database, the rest after a round is so many times as long as the round."""


class Chores:
    """Runs the chores while `may_run` returns true, which it does in one worker of a machine."""

    def __init__(self, world: World, may_run: Callable[[], bool], chores: Sequence[Chore] = CHORES) -> None:
        self._world = world
        self._may_run = may_run
        self._due = dict.fromkeys(chores, 0.0)
        """When each chore may run again, by the monotonic clock."""
        self._task: asyncio.Task[None] | None = None
        self._pause_s = BUSY_S
        self._others = False
        """Whether anyone else used the database during the last rest."""
        self._postponed = ""
        """Why the last round failed, where the database was at fault."""

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
            await self._world.clock.sleep(self._pause_s)
            self._others = self._world.database.calls > calls
            self._pause_s = IDLE_S
            if self._may_run():
                try:
                    self._pause_s = await self.round()
                    self._postponed = ""
                except DatabaseUnavailable as failure:
                    if str(failure) != self._postponed:  # once, however long it lasts
                        self._postponed = str(failure)
                        self._world.telemetry.warning("chores postponed", detail=self._postponed)
                except Exception as error:
                    self._world.telemetry.failure("chore failed", error)

    async def round(self) -> float:
        """Run each chore that is due once; return how many seconds to rest."""
        clock = self._world.clock
        began = clock.monotonic()
        more = [await self._run_if_due(chore) for chore in self._due]
        if not any(more):
            return IDLE_S
        took = clock.monotonic() - began
        return max(BUSY_S, took * REST_FACTOR if self._others else 0.0)

    async def _run_if_due(self, chore: Chore) -> bool:
        now = self._world.clock.monotonic()
        if now < self._due[chore]:
            return False
        self._due[chore] = now + chore.every_s
        return await chore.run(self._world)
