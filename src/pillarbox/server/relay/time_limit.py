"""A timeout that is restarted again and again, and hardly ever reached.

Restarting it is one number written; the timer stays where it is and is set again when it fires too early. (A timeout
made for each command costs a tenth of what it takes to deliver a message.) `server.deadline` is the same idea for
the pump, which runs on the event loop's own time and has one period; here time is a `Clock`'s, each start has a
length of its own, and `stop` keeps the timer for the next start.
"""

from collections.abc import Callable

from pillarbox.world.clock import Clock, Timer


class TimeLimit:
    """Calls `reached` once the given seconds have passed since the last `start`, unless it was stopped."""

    __slots__ = ("_clock", "_due_s", "_reached", "_timer", "_timer_at_s")

    def __init__(self, clock: Clock, reached: Callable[[], None]) -> None:
        self._clock = clock
        self._reached = reached
        self._due_s: float | None = None
        """`None`: stopped."""
        self._timer: Timer | None = None
        self._timer_at_s = 0.0

    def start(self, seconds: float) -> None:
        """Restart: the limit is so many seconds from now."""
        self._due_s = due = self._clock.monotonic() + seconds
        if self._timer is None:
            self._arm(seconds, due)
        elif due < self._timer_at_s:
            self._timer.cancel()
            self._arm(seconds, due)

    def stop(self) -> None:
        """No limit until the next start."""
        self._due_s = None

    def close(self) -> None:
        """Stop finally: no timer is left."""
        self._due_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float, due: float) -> None:
        self._timer_at_s = due
        self._timer = self._clock.call_later(seconds, self._fired)

    def _fired(self) -> None:
        self._timer = None
        if self._due_s is None:
            return
        left = self._due_s - self._clock.monotonic()
        if left > 0:
            self._arm(left, self._due_s)
        else:
            self._due_s = None
            self._reached()
