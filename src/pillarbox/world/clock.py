"""The clock, as an interface.

`SystemClock` is the real one. `VirtualClock` moves only by `advance`, which runs the timers that are due, in
order: hours of retries pass in a millisecond, always the same way.

Always true: `monotonic` never goes back, whatever happens to `now_ms`; so durations and deadlines are measured by
`monotonic`, and times that are stored or shown are `now_ms`.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Timer(Protocol):
    """A callback that is scheduled."""

    def cancel(self) -> None:
        """Don't call the callback; no effect if it has been called."""


class Clock(Protocol):
    """The interface to time."""

    def now_ms(self) -> int:
        """Wall-clock time: milliseconds since 1970-01-01 UTC. May jump when the clock is set."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point in time; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait. At least one iteration of the loop passes, also for 0 seconds."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once in the loop, unless cancelled."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """Like `asyncio.timeout`: `TimeoutError` ends the block after so many seconds."""


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now_ms(self) -> int:
        """See `Clock`."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """See `Clock`."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """See `Clock`."""
        return asyncio.timeout(seconds)


class VirtualClock:
    """A clock that moves by `advance`. It belongs to one loop."""

    _SETTLING_ITERATIONS = 20
    """Iterations of the loop that a timer's effects get before the next timer runs."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._started_ms = now_ms
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _VirtualTimer]] = []

    def now_ms(self) -> int:
        """See `Clock`."""
        return self._started_ms + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: _wake(woken))
        try:
            await woken
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """See `Clock`."""
        timer = _VirtualTimer(callback)
        heapq.heappush(self._timers, (self._elapsed + max(0.0, seconds), next(self._order), timer))
        return timer

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """See `Clock`."""
        return _VirtualTimeout(self, seconds)

    @property
    def next_timer_in(self) -> float | None:
        """Seconds until the next timer is due; `None` without timers."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] - self._elapsed if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Let so much time pass: run each timer at its time, and what it wakes, before the next."""
        until = self._elapsed + seconds
        await self._settle()
        while self._timers and self._timers[0][0] <= until:
            at, _order, timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, at)
            timer.run()
            await self._settle()
        self._elapsed = until

    async def _settle(self) -> None:
        for _iteration in range(self._SETTLING_ITERATIONS):
            await asyncio.sleep(0)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():  # the sleeper may have been cancelled just now
        woken.set_result(None)


class _VirtualTimer:
    __slots__ = ("_callback", "cancelled")

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def run(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self._callback()


class _VirtualTimeout:
    """`asyncio.timeout` without a deadline, expired by a virtual timer."""

    def __init__(self, clock: VirtualClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._timer: Timer | None = None

    async def __aenter__(self) -> asyncio.Timeout:
        entered = await self._timeout.__aenter__()
        self._timer = self._clock.call_later(self._seconds, self._expire)
        return entered

    def _expire(self) -> None:
        self._timeout.reschedule(asyncio.get_running_loop().time())

    async def __aexit__(self, *failure: Any) -> None:
        assert self._timer is not None
        self._timer.cancel()
        await self._timeout.__aexit__(*failure)
