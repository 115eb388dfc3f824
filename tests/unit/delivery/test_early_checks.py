"""Checks that are begun before anybody waits for them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pillarbox.delivery.asker import LINGERS_S, MAX_EARLY, Asker, result
from pillarbox.dns import Kind, NoData, Outcome
from pillarbox.trust.questions import Asking, Lookup, look_up
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.resolver import Resolver
from tests.kit.world import world_of


class Slow(Resolver):
    """Never answers by itself."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked.append(name)
        await self.go.wait()
        return NoData(300)


def check(name: str) -> Asking[str]:
    outcome = yield from look_up(name, Kind.TXT)
    return f"{name}: {type(outcome).__name__}"


def run(scenario: Callable[[Asker, Slow, VirtualClock], Awaitable[None]]) -> None:
    async def main() -> None:
        clock, slow = VirtualClock(), Slow()
        database = memory_database(())
        world = replace(world_of(database, clock), resolver=slow)
        await scenario(Asker(world, within_s=99), slow, clock)
        await database.close()

    asyncio.run(main())


def test_a_stranger_has_a_number_of_checks_begun_and_no_more() -> None:
    async def scenario(asker: Asker, slow: Slow, _clock: VirtualClock) -> None:
        begun = [asker.begin(check(f"{number}.example")) for number in range(MAX_EARLY + 5)]
        asker.look_up_ahead([Lookup("key.example", Kind.TXT)])
        await asyncio.sleep(0)
        assert len(slow.asked) == MAX_EARLY
        last = asyncio.ensure_future(result(begun[-1], ends=99))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert slow.asked[MAX_EARLY:] == [f"{MAX_EARLY + 4}.example"], "asked once the result is wanted"
        slow.go.set()
        assert await last == f"{MAX_EARLY + 4}.example: NoData"
        assert await result(begun[0], ends=99) == "0.example: NoData"
        await asyncio.sleep(0)
        assert isinstance(asker.begin(check("next.example")), asyncio.Task), "there is room again"

    run(scenario)


def test_what_was_cancelled_counts_while_its_look_up_may_go_on() -> None:
    async def scenario(asker: Asker, slow: Slow, clock: VirtualClock) -> None:
        for number in range(MAX_EARLY):
            begun = asker.begin(check(f"{number}.example"))
            assert isinstance(begun, asyncio.Task)
            await asyncio.sleep(0)
            begun.cancel()
        await asyncio.sleep(0)
        assert not isinstance(asker.begin(check("next.example")), asyncio.Task)
        await clock.advance(LINGERS_S)
        begun = asker.begin(check("next.example"))
        assert isinstance(begun, asyncio.Task)
        slow.go.set()
        assert await begun == "next.example: NoData"

    run(scenario)
