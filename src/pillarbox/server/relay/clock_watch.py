"""Whether the wall clock can be believed when it says that a lease has run out.

Leases are written in wall-clock time, for other processes and later lives to read. When somebody sets the
clock, or the machine has slept, every lease seems to have run out though its worker is still at it. So after a
jump each worker renews what it has, and nobody takes anything until all have had the time to do so.
"""

from typing import Final

from pillarbox.world.clock import Clock

JUMP_MS: Final = 60_000
"""By how much the wall clock must run away from the steady one, between two looks, to count as a jump."""


class ClockWatch:
    """Compares the wall clock with the steady one."""

    __slots__ = ("_believed_from_s", "_clock", "_doubt_s", "_gap_ms")

    def __init__(self, clock: Clock, doubt_s: float) -> None:
        """`doubt_s`: how long a jump is to be doubted; in that time every worker must look once."""
        self._clock = clock
        self._doubt_s = doubt_s
        self._gap_ms = self._measured_ms()
        self._believed_from_s = clock.monotonic()

    def jumped(self) -> bool:
        """Whether the clock was set since this was last asked."""
        before, self._gap_ms = self._gap_ms, self._measured_ms()
        if abs(self._gap_ms - before) < JUMP_MS:
            return False
        self._believed_from_s = self._clock.monotonic() + self._doubt_s
        return True

    @property
    def believed(self) -> bool:
        """Whether the last jump is long enough ago."""
        return self._clock.monotonic() >= self._believed_from_s

    def _measured_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic() * 1000)
