"""A deadline on a loop whose clock the test moves."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from pillarbox.server.pump.deadline import Deadline


class Loop:
    """Time and timers, nothing else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None], list[bool]]] = []
        self.made = 0

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
    return Deadline(as_loop, period, lambda: passed.append(loop.now)), loop, passed


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
        Deadline(asyncio.get_running_loop(), 0.01, passed.set).restart()
        await passed.wait()

    asyncio.run(scene())
