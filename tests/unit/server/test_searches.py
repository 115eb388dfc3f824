"""Which search runs when: counted in slices, on a pretended clock, with threads that wait for each other only."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import ConnectionGone
from pillarbox.server.searches import Pause, Searches

ANNA, BOB, CAROL = AccountId(1), AccountId(2), AccountId(3)


class Ticks:
    """A clock that moves by one second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def run(scene: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 20))


def never() -> bool:
    return False


def in_thread(
    pool: ThreadPoolExecutor, slices: int, log: list[str], name: str
) -> Callable[[Pause], Awaitable[str]]:
    """A search of so many slices."""

    def evaluate(pause: Pause) -> str:
        for _ in range(slices):
            pause()
            log.append(name)
        return name

    return lambda pause: asyncio.get_running_loop().run_in_executor(pool, evaluate, pause)


def test_a_light_search_waits_for_a_slice_of_a_heavy_one_and_not_for_its_end() -> None:
    async def scene() -> None:
        searches, log = Searches(max_running=1, slice_s=0.0, monotonic=Ticks().monotonic), list[str]()
        with ThreadPoolExecutor(4) as pool:
            heavy = asyncio.ensure_future(
                searches.run(ANNA, lambda: "light" in log, in_thread(pool, 10**9, log, "heavy"))
            )
            while not log:
                await asyncio.sleep(0)
            assert await searches.run(BOB, never, in_thread(pool, 1, log, "light")) == "light"
            with pytest.raises(ConnectionGone):
                await heavy

    run(scene())


def test_searches_of_one_account_run_one_after_another() -> None:
    async def scene() -> None:
        searches, log = Searches(), list[str]()
        with ThreadPoolExecutor(4) as pool:
            names = [str(number) for number in range(4)]
            done = await asyncio.gather(
                *(searches.run(ANNA, never, in_thread(pool, 50, log, name)) for name in names)
            )
            assert done == names
            assert log == [name for name in names for _ in range(50)]

    run(scene())


def test_accounts_have_their_turns_in_order_however_many_searches_each_has() -> None:
    async def scene() -> None:
        searches, begun = Searches(max_under_way=1), list[str]()

        async def one(account: AccountId, name: str) -> None:
            async def search(_: Pause) -> None:
                begun.append(name)
                await asyncio.sleep(0)

            await searches.run(account, never, search)

        await asyncio.gather(
            *(one(ANNA, f"anna {number}") for number in range(3)), one(BOB, "bob"), one(CAROL, "carol")
        )
        assert begun == ["anna 0", "anna 1", "bob", "carol", "anna 2"]

    run(scene())


def test_a_search_ends_when_its_client_has_left() -> None:
    async def scene() -> None:
        searches, log = Searches(), list[str]()
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(ConnectionGone):
                await searches.run(ANNA, lambda: len(log) == 3, in_thread(pool, 10**9, log, "x"))
            assert len(log) == 3
            assert await searches.run(ANNA, never, in_thread(pool, 1, log, "y")) == "y"

    run(scene())


def test_a_search_whose_task_is_cancelled_ends_and_leaves_its_place() -> None:
    async def scene() -> None:
        searches, log = Searches(max_under_way=1, max_running=1), list[str]()
        with ThreadPoolExecutor(2) as pool:
            first = asyncio.ensure_future(searches.run(ANNA, never, in_thread(pool, 10**9, log, "x")))
            waiting = asyncio.ensure_future(searches.run(BOB, never, in_thread(pool, 1, log, "no")))
            while not log:
                await asyncio.sleep(0)
            waiting.cancel()
            first.cancel()
            await asyncio.wait([first, waiting])
            assert await searches.run(CAROL, never, in_thread(pool, 1, log, "z")) == "z"
            assert "no" not in log

    run(scene())
