"""A code is good once, also for two workers that get it at the same moment."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.directory.sign_in import totp
from pillarbox.server.sign_in.recovery import RecoveryCodes
from pillarbox.server.sign_in.totp import TotpCodes
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database
from pillarbox.world.database.sqlite import open_database
from pillarbox.world.entropy import SeededEntropy
from tests.kit.people import NOW_MS, person
from tests.kit.second_factor import RECOVERY_CODES, SECRET, code, give
from tests.kit.world import world_of


class Meeting:
    """A database whose writers wait for each other before they begin."""

    def __init__(self, database: Database, both: asyncio.Event, found: list[int]) -> None:
        self._database, self._both, self._found = database, both, found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, *given: Any, **more: Any) -> Any:
        self._found.append(1)
        if len(self._found) == 2:
            self._both.set()
        await self._both.wait()
        return await self._database.write(*given, **more)


@pytest.mark.rfc("6238 §5.2", "MUST NOT")
@pytest.mark.parametrize("kind", ["one-time", "recovery", "first"])
def test_of_two_workers_one_lets_in(tmp_path: Path, kind: str) -> None:
    """Both have found the code good before either has used it up."""

    async def inside() -> None:
        workers = [
            open_database(tmp_path / "db", SCHEMAS, create=True),
            open_database(tmp_path / "db", SCHEMAS),
        ]
        anna = workers[0].write_now(person, "anna@one.example").id
        if kind == "first":
            workers[0].write_now(totp.begin, anna, SECRET, now_ms=NOW_MS)
        else:
            workers[0].write_now(give, anna, now_ms=NOW_MS)
        both, found = asyncio.Event(), list[int]()

        async def attempt(database: Database) -> object:
            meeting = cast("Database", Meeting(database, both, found))
            world = world_of(meeting, VirtualClock(NOW_MS), entropy=SeededEntropy(3))
            if kind == "recovery":
                return await RecoveryCodes(world).use(anna, RECOVERY_CODES[0])
            if kind == "first":
                return await TotpCodes(world).confirm(anna, code(NOW_MS))
            return await TotpCodes(world).check(anna, code(NOW_MS))

        results = await asyncio.gather(*map(attempt, workers))
        assert len(found) == 2, "both were about to use it up"
        assert sorted(map(bool, results)) == [False, True]
        for database in workers:
            await database.close()

    asyncio.run(inside())
