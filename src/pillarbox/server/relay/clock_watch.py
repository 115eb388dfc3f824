"""Whether the wall clock can be trusted when it says that a lease has run out.

Leases are written in wall-clock time, for other processes and later runs to read. When the clock is set, or the
machine has slept, every lease seems to have run out though its worker is still busy. So after a jump each worker
renews its leases, and nothing is claimed until all workers have had the time to do so.
"""

from typing import Final

from pillarbox.world.clock import Clock

JUMP_MS: Final = 60_000
"""By how much the wall clock must drift from the monotonic one, between two checks, to count as a jump."""


class ClockWatch:
    """Compares the wall clock with the monotonic one."""

    __slots__ = ("_clock", "_distrust_s", "_gap_ms", "_trusted_from_s")

    def __init__(self, clock: Clock, distrust_s: float) -> None:
        """`distrust_s`: how long leases are not trusted after a jump; every worker must check within it."""
        self._clock = clock
        self._distrust_s = distrust_s
        self._gap_ms = self._measured_ms()
        self._trusted_from_s = clock.monotonic()

    def jumped(self) -> bool:
        """Whether the clock was set since the last call."""
        before, self._gap_ms = self._gap_ms, self._measured_ms()
        if abs(self._gap_ms - before) < JUMP_MS:
            return False
        self._trusted_from_s = self._clock.monotonic() + self._distrust_s
        return True

    @property
    def trusted(self) -> bool:
        """Whether the last jump is long enough ago."""
        return self._clock.monotonic() >= self._trusted_from_s

    def _measured_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic() * 1000)
