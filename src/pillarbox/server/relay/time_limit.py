"""How long something may take that is begun again and again: a limit that is moved often and hardly ever reached.

Moving it is one number written; the timer stays where it is and is set anew when it fires too early. (A
time-out made for each command costs a tenth of what it takes to deliver a message.)
"""

from collections.abc import Callable

from pillarbox.world.clock import Clock, Timer


class TimeLimit:
    """Calls `reached` once so many seconds have gone by since the last `start`, unless it was stopped."""

    __slots__ = ("_clock", "_due_s", "_reached", "_timer", "_timer_at_s")

    def __init__(self, clock: Clock, reached: Callable[[], None]) -> None:
        self._clock = clock
        self._reached = reached
        self._due_s: float | None = None
        """`None`: nothing is awaited."""
        self._timer: Timer | None = None
        self._timer_at_s = 0.0

    def start(self, seconds: float) -> None:
        """So long from now."""
        self._due_s = due = self._clock.monotonic() + seconds
        if self._timer is None:
            self._arm(seconds, due)
        elif due < self._timer_at_s:
            self._timer.cancel()
            self._arm(seconds, due)

    def stop(self) -> None:
        """Nothing is awaited until the next start."""
        self._due_s = None

    def close(self) -> None:
        """Nothing will be awaited any more."""
        self._due_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float, due: float) -> None:
        self._timer_at_s = due
        self._timer = self._clock.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due_s is None:
            return
        left = self._due_s - self._clock.monotonic()
        if left > 0:
            self._arm(left, self._due_s)
        else:
            self._due_s = None
            self._reached()
