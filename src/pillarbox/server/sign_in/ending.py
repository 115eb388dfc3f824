"""Ending what a device has open, in all workers: for its owner, by a page."""

import asyncio
from functools import partial

from pillarbox.admin import devices
from pillarbox.admin.control.client import ask
from pillarbox.admin.control.messages import Kick, Kicked
from pillarbox.config.schema import Config
from pillarbox.world.world import World


async def end_device(world: World, config: Config, login: str, number: int) -> None:
    """End it, as `admin.devices.end` says. Raises `NameRefused`, `DatabaseUnavailable`."""
    selection = await world.database.write(devices.end, login, number, now_ms=world.clock.now_ms())
    if selection is None:
        return
    # Each worker is asked as by a command, also this one, which answers while a thread waits
    replies = await asyncio.to_thread(partial(ask, config.data_directory.control, Kick(selection)))
    ended = sum(isinstance(answer, Kicked) for reply in replies for answer in reply.answers)
    if ended < len(replies):
        world.telemetry.warning(
            "not all workers have ended the sessions of a device", workers=len(replies) - ended
        )
