"""A deadline on a loop whose clock the test moves."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any, cast

import pytest

from pillarbox.server.pump.alarms import NEAR_S, TOGETHER, Alarms
from pillarbox.server.pump.deadline import Deadline


class Loop:
    """Time and timers, nothing else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None], list[bool]]] = []
        self.made = 0
        self.iterations = 1

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        cancelled = [False]
        self.timers.append((when, callback, cancelled))
        self.made += 1

        class Handle:
            def cancel(self) -> None:
                cancelled[0] = True

        return Handle()

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.call_at(self.now, callback)
        self.iterations += 1

    def until(self, when: float) -> None:
        while due := [timer for timer in self.timers if timer[0] <= when and not timer[2][0]]:
            timer = min(due, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            timer[1]()
        self.now = when


def deadline(period: float) -> tuple[Deadline, Loop, list[float]]:
    loop, passed = Loop(), []
    as_loop = cast("asyncio.AbstractEventLoop", loop)  # a deadline uses its clock and its timers only
    return Deadline(as_loop, Alarms(), period, lambda: passed.append(loop.now)), loop, passed


def test_passes_once_after_the_period() -> None:
    one, loop, passed = deadline(10)
    one.restart()
    loop.until(9)
    assert passed == []
    loop.until(100)
    assert passed == [10]


def test_moving_it_costs_no_timer() -> None:
    one, loop, passed = deadline(10)
    one.restart()
    for second in range(1, 1001):
        loop.until(second * 0.001)
        one.restart()
    assert loop.made == 1
    loop.until(10.9)
    assert passed == []
    assert loop.made == 2
    loop.until(20)
    assert passed == [11]


def test_moving_it_earlier_takes_effect() -> None:
    one, loop, passed = deadline(1000)
    one.restart()
    one.set(5)
    loop.until(1000)
    assert passed == [5]


def test_stop() -> None:
    one, loop, passed = deadline(10)
    one.restart()
    one.stop()
    loop.until(100)
    assert passed == []
    one.restart()
    loop.until(200)
    assert passed == [110]


def test_on_a_real_loop() -> None:
    async def scene() -> None:
        passed = asyncio.Event()
        Deadline(asyncio.get_running_loop(), Alarms(), 0.01, passed.set).restart()
        await passed.wait()

    asyncio.run(scene())


class Several:
    """Deadlines that share their timers."""

    def __init__(self) -> None:
        self.loop, self.alarms = Loop(), Alarms()
        self.passed: list[tuple[str, float]] = []

    def one(self, name: str, period: float, then: Callable[[], None] = lambda: None) -> Deadline:
        def passed() -> None:
            self.passed.append((name, self.loop.now))
            then()

        return Deadline(cast("asyncio.AbstractEventLoop", self.loop), self.alarms, period, passed)


def test_deadlines_of_one_second_share_a_timer() -> None:
    all_of_them = Several()
    for number in range(10):
        all_of_them.loop.until((number + 1) / 100)
        all_of_them.one(f"{number}", NEAR_S + 10).restart()
    assert all_of_them.loop.made == 1
    all_of_them.loop.until(NEAR_S + 10)
    assert all_of_them.passed == []
    all_of_them.loop.until(NEAR_S + 11)
    assert len(all_of_them.passed) == 10
    assert {at for _, at in all_of_them.passed} == {NEAR_S + 11}


def test_far_ones_are_at_most_a_second_late_and_near_ones_not_at_all() -> None:
    all_of_them = Several()
    all_of_them.loop.until(0.25)
    all_of_them.one("far", NEAR_S).restart()
    all_of_them.one("near", NEAR_S - 1).restart()
    all_of_them.loop.until(100)
    assert all_of_them.passed == [("near", NEAR_S - 0.75), ("far", NEAR_S + 1)]


def test_many_that_ring_let_the_loop_go_on_between() -> None:
    all_of_them = Several()
    for _ in range(3 * TOGETHER):
        all_of_them.one("x", 100).restart()
    all_of_them.loop.until(101)
    assert len(all_of_them.passed) == 3 * TOGETHER
    assert all_of_them.loop.iterations == 3


def test_one_that_rings_may_stop_others() -> None:
    all_of_them = Several()
    pair: list[Deadline] = []

    def stop() -> None:
        for one in pair:
            one.stop()

    pair += [all_of_them.one(name, 100, stop) for name in "ab"]
    for one in pair:
        one.restart()
    all_of_them.loop.until(200)
    assert len(all_of_them.passed) == 1


def test_one_that_fails_keeps_no_other_from_ringing() -> None:
    all_of_them = Several()

    def fail() -> None:
        raise ValueError

    for _ in range(3):
        all_of_them.one("x", 100, fail).restart()
    for _ in range(3):
        with pytest.raises(ValueError):
            all_of_them.loop.until(200)
    all_of_them.loop.until(300)
    assert len(all_of_them.passed) == 3


class Connection:
    def end(self) -> None:
        pass


def test_a_stopped_one_is_kept_nowhere() -> None:
    all_of_them, connection = Several(), Connection()
    one = all_of_them.one("x", 100, connection.end)
    one.restart()
    kept = weakref.ref(connection)
    del connection
    gc.collect()
    assert kept() is not None
    one.stop()
    del one
    gc.collect()
    assert kept() is None
