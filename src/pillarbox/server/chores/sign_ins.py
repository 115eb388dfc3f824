"""Forgetting sign-ins that are old, and devices that have not signed in since (`sign_in.history_days`)."""

from typing import Final

from pillarbox.config.schema import Config
from pillarbox.directory.sign_in import devices, sign_ins
from pillarbox.server.chores.indexing import Rest
from pillarbox.world.world import World

HISTORY_EVERY_S: Final = 600.0
_DAY_MS: Final = 86_400_000


class OldSignIns:
    """Forgets them, as configured."""

    def __init__(self, config: Config) -> None:
        self.config = config

    async def run(self, world: World, _rest: Rest) -> bool:
        """Forget some; returns whether there may be more."""
        before_ms = world.clock.now_ms() - self.config.sign_in.history_days * _DAY_MS
        more = False
        for room in (sign_ins, devices):
            if await world.database.read(room.any_before, before_ms):
                removed = await world.database.write_in_thread(room.forget_before, before_ms)
                more = more or removed == room.REMOVED_TOGETHER
        return more
