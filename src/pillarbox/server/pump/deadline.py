"""A deadline that is moved far more often than it passes.

Moving it later is one number written: the timer stays where it is, compares with the number when it
fires, and is set again where there is time left. Only moving it earlier costs a timer.
"""

import asyncio
from collections.abc import Callable

from pillarbox.server.pump.alarms import Alarms, Cancellable


class Deadline:
    """Calls `passed()` once so many seconds have gone by since the last `restart()`."""

    __slots__ = ("_alarms", "_due", "_loop", "_passed", "_period_s", "_timer", "_timer_at")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, alarms: Alarms, period_s: float, passed: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._alarms = alarms
        self._period_s = period_s
        self._passed = passed
        self._due = 0.0
        self._timer_at = 0.0
        self._timer: Cancellable | None = None

    def set(self, period_s: float) -> None:
        """Another period, beginning now."""
        self._period_s = period_s
        self.restart()

    def restart(self) -> None:
        """The whole period from now."""
        self._due = self._loop.time() + self._period_s
        if self._timer is None or self._due < self._timer_at:
            self.stop()
            self._arm()

    def stop(self) -> None:
        """No deadline until the next restart."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer_at = self._due
        self._timer = self._alarms.call_at(self._loop, self._due, self._fired)

    def _fired(self) -> None:
        self._timer = None
        if self._loop.time() < self._due:
            self._arm()
        else:
            self._passed()
