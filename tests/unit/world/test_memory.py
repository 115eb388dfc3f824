import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pillarbox.world.memory import (
    FREE_OCTETS,
    GROWTH_WAIT_S,
    HOLD_S,
    MAX_WAITING,
    WAIT_S,
    MemoryBudget,
    MemoryScarce,
    MemoryShare,
)


class Time:
    """Seconds that pass when the test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def scene(test: Callable[[MemoryShare, Time], Awaitable[None]], octets: int = 100) -> None:
    """Run a test with a share of so many octets."""

    async def run() -> None:
        time = Time()
        await test(MemoryShare(octets, time), time)

    asyncio.run(asyncio.wait_for(run(), 10))


async def turn() -> None:
    """Let everything that can go on do so."""
    for _ in range(4):
        await asyncio.sleep(0)


def nothing() -> None:
    """Gives up nothing."""


def test_what_is_released_is_there_again_once() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        reserved = share.try_reserve(60)
        assert reserved is not None
        assert share.try_reserve(41) is None
        assert share.try_reserve(40) is not None
        assert share.used_octets == 100
        reserved.release()
        reserved.release()
        assert share.used_octets == 40

    scene(test)


def test_a_reservation_ends_with_its_block() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        with pytest.raises(ValueError, match="failed"), await share.reserve(60):
            raise ValueError("failed")
        assert share.used_octets == 0

    scene(test)


def test_waiting_is_in_order_and_nobody_overtakes() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        first = await share.reserve(80)
        large = asyncio.ensure_future(share.reserve(90))
        small = asyncio.ensure_future(share.reserve(10))
        await turn()
        assert share.scarce
        assert share.try_reserve(1) is None
        assert not large.done()
        assert not small.done()
        first.release()
        await turn()
        assert large.done()
        assert small.done()
        assert share.used_octets == 100
        assert not share.scarce

    scene(test)


def test_what_is_larger_than_the_share_is_served_alone() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        one = await share.reserve(1)
        larger = asyncio.ensure_future(share.reserve(500))
        await turn()
        assert not larger.done()
        one.release()
        await turn()
        assert share.used_octets == 500
        assert share.try_reserve(1) is None
        (await larger).release()
        assert share.used_octets == 0

    scene(test)


def test_waiting_ends() -> None:
    async def test(share: MemoryShare, time: Time) -> None:
        await share.reserve(100)
        waiting = asyncio.ensure_future(share.reserve(10))
        await turn()
        time.now_s += WAIT_S - 1
        share.review()
        await turn()
        assert not waiting.done()
        time.now_s += 2
        share.review()
        with pytest.raises(MemoryScarce):
            await waiting
        assert share.used_octets == 100
        assert not share.scarce

    scene(test)


def test_only_so_many_wait() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        first = await share.reserve(100)
        waiting = [asyncio.ensure_future(share.reserve(1)) for _ in range(MAX_WAITING)]
        await turn()
        with pytest.raises(MemoryScarce):
            await share.reserve(1)
        first.release()
        await turn()
        assert sum(one.done() for one in waiting) == 100

    scene(test)


def test_the_longest_held_is_given_up_when_others_wait() -> None:
    async def test(share: MemoryShare, time: Time) -> None:
        given_up: list[str] = []
        await share.reserve(50, lambda: given_up.append("first"))
        time.now_s += HOLD_S - 1
        await share.reserve(50, lambda: given_up.append("second"))
        time.now_s += 2
        share.review()
        assert given_up == []  # nobody waits
        waiting = asyncio.ensure_future(share.reserve(10))
        await turn()
        share.review()
        assert given_up == ["first"]
        await waiting
        assert share.used_octets == 60

    scene(test)


def test_what_depends_on_us_is_not_given_up() -> None:
    async def test(share: MemoryShare, time: Time) -> None:
        given_up: list[str] = []
        kept = await share.reserve(100, lambda: given_up.append("kept"))
        kept.keep()
        waiting = asyncio.ensure_future(share.reserve(10))
        await turn()
        time.now_s += HOLD_S + 1
        share.review()
        assert given_up == []
        kept.release()
        await waiting

    scene(test)


def test_whoever_is_cancelled_holds_nothing() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        first = await share.reserve(100)
        waiting, next_one = asyncio.ensure_future(share.reserve(60)), asyncio.ensure_future(share.reserve(50))
        await turn()
        waiting.cancel()
        await turn()
        first.release()
        await turn()
        assert share.used_octets == 50
        granted = asyncio.ensure_future(share.reserve(60))
        await turn()
        (await next_one).release()  # grants it, but it has not run since
        granted.cancel()
        await turn()
        assert share.used_octets == 0

    scene(test)


def test_what_is_held_may_exceed_the_share_for_a_while() -> None:
    async def test(share: MemoryShare, time: Time) -> None:
        given_up: list[str] = []
        old = share.hold(60, lambda: given_up.append("old"))
        time.now_s += HOLD_S + 1
        share.hold(60, lambda: given_up.append("new"))
        assert share.scarce
        assert given_up == []
        share.review()
        assert given_up == ["old"]
        assert share.used_octets == 60
        old.release()
        assert share.used_octets == 60

    scene(test)


def test_beyond_twice_the_share_the_oldest_is_given_up_at_once() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        given_up: list[int] = []
        held = [share.hold(60, lambda number=number: given_up.append(number)) for number in range(4)]  # type: ignore[misc]  # bound early
        assert given_up == [0]
        held[3].resize(150)
        assert given_up == [0, 1, 2]
        assert share.used_octets == 150
        held[3].resize(900)  # alone, it stays
        assert share.used_octets == 900
        held[3].release()
        assert share.used_octets == 0

    scene(test)


def test_beyond_twice_the_share_the_largest_is_given_up_first() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        given_up: list[str] = []
        share.hold(10, lambda: given_up.append("small and old"))
        share.hold(120, lambda: given_up.append("large"))
        share.hold(60, lambda: given_up.append("less"))
        share.hold(20, lambda: given_up.append("new"))
        assert given_up == ["large"]

    scene(test)


def test_who_grows_must_find_room_beside_others() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        growing = share.hold(5, nothing)
        growing.keep()
        await growing.grow(FREE_OCTETS + 300)  # alone: larger than the share
        growing.resize(30)
        other = share.hold(60, nothing)
        more = asyncio.ensure_future(growing.grow(FREE_OCTETS))
        await turn()
        assert not more.done()
        other.release()
        await more
        share.hold(60, nothing)
        with pytest.raises(MemoryScarce):
            await growing.grow(1)  # others may wait for what it has
        growing.release()
        assert share.used_octets == 60

    scene(test)


def test_who_grows_waits_once() -> None:
    async def test(share: MemoryShare, time: Time) -> None:
        growing, given_up = share.hold(0, nothing), list[str]()
        growing.keep()
        share.hold(60, lambda: given_up.append("slow"))
        more = asyncio.ensure_future(growing.grow(FREE_OCTETS + 1))
        await turn()
        time.now_s += GROWTH_WAIT_S
        share.review()
        for _ in range(2):
            with pytest.raises(MemoryScarce):
                await more
            more = asyncio.ensure_future(growing.grow(FREE_OCTETS + 1))
        more.cancel()
        await growing.grow(10)  # a little is free
        assert (share.used_octets, given_up) == (70, [])

    scene(test)


def test_less_held_lets_the_next_in() -> None:
    async def test(share: MemoryShare, _time: Time) -> None:
        held = share.hold(100, nothing)
        waiting = asyncio.ensure_future(share.reserve(30))
        await turn()
        assert not waiting.done()
        held.resize(70)
        await waiting

    scene(test)


def test_it_reviews_itself_while_somebody_waits() -> None:
    async def run() -> None:
        loop, timers = asyncio.get_running_loop(), []
        time = Time()
        share = MemoryShare(100, time)
        loop.call_later = lambda *timer: timers.append(timer)  # type: ignore[assignment,method-assign]  # no time passes here
        await share.reserve(100)
        assert timers == []
        waiting = asyncio.ensure_future(share.reserve(1))
        await turn()
        (_, review, *arguments) = timers.pop()
        time.now_s += WAIT_S
        review(*arguments)
        with pytest.raises(MemoryScarce):
            await waiting
        assert timers == []

    asyncio.run(run())


def test_strangers_have_the_smaller_share() -> None:
    budget = MemoryBudget(800)
    assert budget.of(stranger=True) is budget.strangers
    assert budget.of(stranger=False) is budget.accounts
    strangers, accounts = (
        [peer.buffers.limit_octets, peer.received.limit_octets, peer.whole.limit_octets]
        for peer in (budget.strangers, budget.accounts)
    )
    assert (strangers, accounts, budget.relay.limit_octets) == ([100, 100, 100], [150, 100, 150], 100)
    assert sum(strangers) + sum(accounts) + 100 == 800
    reserved = budget.relay.try_reserve(50), budget.accounts.received.try_reserve(7)
    assert budget.used_octets == 57
    budget.resize(400)
    assert budget.relay.limit_octets == 50
    for one in reserved:
        assert one is not None
        one.release()
    assert budget.used_octets == 0
