"""Sending to devices in one worker of a machine, once there is anybody to send to.

The others, and whoever has no subscriptions, load nothing of it.
"""

import asyncio
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pillarbox.config.schema import Config
from pillarbox.push import subscriptions
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.topic import Topic
from pillarbox.world.world import World

if TYPE_CHECKING:
    from pillarbox.server.jmap.pushing.sender import PushSender

IDLE_S: Final = 3.0
"""How often a worker asks whether it may run, and whether the database answers again."""
_SENDER: Final = "pillarbox.server.jmap.pushing.sender"


class Pushes:
    """Sends from when `may_run` returns true, which it does in one worker of a machine at a time."""

    def __init__(self, world: World, config: Config, may_run: Callable[[], bool]) -> None:
        self._world = world
        self._config = config
        self._may_run = may_run
        self._task: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()
        self.sender: PushSender | None = None
        """Once it was started."""

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def reconfigure(self, config: Config) -> None:
        """What is sent from now on is as configured now."""
        self._config = config
        if self.sender is not None:
            self.sender.reconfigure(config)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        if self.sender is not None:
            await self.sender.stop()
            self.sender = None

    async def _run(self) -> None:
        while not self._may_run():
            await self._world.clock.sleep(IDLE_S)
        await self._somebody_subscribes()
        # Loading takes some hundredths of a second
        module = await asyncio.to_thread(import_module, _SENDER)
        self.sender = module.PushSender(self._world, self._config)
        self.sender.start()

    async def _somebody_subscribes(self) -> None:
        end = self._world.signals.listen(self._heard)  # first listen, then look
        try:
            while True:
                self._subscribed.clear()
                try:
                    if await self._world.database.read(subscriptions.accounts_after, 0):
                        return
                    await self._subscribed.wait()
                except DatabaseUnavailable:
                    await self._world.clock.sleep(IDLE_S)
        finally:
            end()

    def _heard(self, topics: Iterable[Topic] | None) -> None:
        if topics is None or any(topic.name == subscriptions.TOPIC for topic in topics):
            self._subscribed.set()
