"""What every `Clock` promises, the machine's and the virtual one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.world.clock import Clock, SystemClock, VirtualClock

Scenario = Callable[[Clock], Awaitable[Any]]


@pytest.fixture(params=[SystemClock, VirtualClock])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], Any]:
    """Runs a scenario while time passes, by itself or because it is advanced."""

    async def inside(scenario: Scenario) -> Any:
        clock = request.param()
        task = asyncio.ensure_future(scenario(clock))
        while isinstance(clock, VirtualClock) and not task.done():
            await clock.advance(0.001)
        return await task

    return lambda scenario: asyncio.run(inside(scenario))


def test_both_times_move_together(run: Callable[[Scenario], Any]) -> None:
    async def scenario(clock: Clock) -> tuple[int, float]:
        wall_ms, monotonic = clock.now_ms(), clock.monotonic()
        await clock.sleep(0.01)
        return clock.now_ms() - wall_ms, clock.monotonic() - monotonic

    wall_ms, monotonic = run(scenario)
    assert wall_ms >= 9
    assert monotonic >= 0.009


def test_sleepers_wake_in_the_order_of_their_times(run: Callable[[Scenario], Any]) -> None:
    async def scenario(clock: Clock) -> list[str]:
        woken: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(name)

        await asyncio.gather(sleeper("late", 0.03), sleeper("early", 0.01), sleeper("at once", 0))
        return woken

    assert run(scenario) == ["at once", "early", "late"]


def test_a_timer_rings_once_unless_cancelled(run: Callable[[Scenario], Any]) -> None:
    async def scenario(clock: Clock) -> list[str]:
        rung: list[str] = []
        clock.call_later(0.005, lambda: rung.append("rung"))
        clock.call_later(0.005, lambda: rung.append("cancelled")).cancel()
        await clock.sleep(0.03)
        return rung

    assert run(scenario) == ["rung"]


def test_a_timeout_ends_what_takes_too_long(run: Callable[[Scenario], Any]) -> None:
    async def scenario(clock: Clock) -> str:
        async with clock.timeout(10):
            await clock.sleep(0.001)
        try:
            async with clock.timeout(0.01):
                await clock.sleep(10)
        except TimeoutError:
            return "timed out"
        return "not"

    assert run(scenario) == "timed out"


def test_a_cancelled_sleeper_is_just_cancelled(run: Callable[[Scenario], Any]) -> None:
    async def scenario(clock: Clock) -> bool:
        sleeper = asyncio.ensure_future(clock.sleep(0.01))
        await asyncio.sleep(0)
        sleeper.cancel()
        await clock.sleep(0.02)
        return sleeper.cancelled()

    assert run(scenario) is True


def test_a_virtual_day_takes_no_time() -> None:
    async def scenario() -> tuple[int, list[int]]:
        clock = VirtualClock(now_ms=0)
        hours: list[int] = []

        async def hourly() -> None:
            while True:
                await clock.sleep(3600)
                hours.append(clock.now_ms() // 3_600_000)

        task = asyncio.ensure_future(hourly())
        await clock.advance(86_400)
        task.cancel()
        return clock.now_ms(), hours

    now_ms, hours = asyncio.run(scenario())
    assert now_ms == 86_400_000
    assert hours == list(range(1, 25))


def test_a_virtual_clock_returns_the_next_timer() -> None:
    async def scenario() -> list[float | None]:
        clock = VirtualClock()
        seen = [clock.next_timer_in]
        clock.call_later(5, lambda: None)
        first = clock.call_later(2, lambda: None)
        seen.append(clock.next_timer_in)
        first.cancel()
        seen.append(clock.next_timer_in)
        return seen

    assert asyncio.run(scenario()) == [None, 2, 5]
