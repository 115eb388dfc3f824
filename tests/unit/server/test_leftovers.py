"""What crashes have left in the folder of blobs goes, looked for once an hour."""

import asyncio
import os
from pathlib import Path

from pillarbox.server.chores import LEFTOVERS_S, DropLeftovers
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS
from pillarbox.world.clock import SystemClock
from tests.kit.provider import open_house


class Later(SystemClock):
    """The machine's clock, and some hours."""

    def __init__(self) -> None:
        self.hours = 0

    def monotonic(self) -> float:
        return super().monotonic() + self.hours * LEFTOVERS_S


def test_leftovers_are_looked_for_once_an_hour(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Later()
        house = await open_house(tmp_path, clock=clock)
        chore = DropLeftovers()

        async def leave_one() -> Path:
            writer = house.world.blobs.writer()
            writer.write(bytes(MAX_IN_DATABASE_OCTETS) + os.urandom(8))
            left, _ = await writer.finish()
            path = tmp_path / "blobs" / str(left.location)
            os.utime(path, (1, 1))
            return path

        first = await leave_one()
        assert await chore(house.world) is False
        assert not first.exists()
        second = await leave_one()
        await chore(house.world)
        assert second.exists()
        clock.hours = 1
        await chore(house.world)
        assert not second.exists()
        await house.close()

    asyncio.run(scenario())
