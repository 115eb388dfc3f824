"""Timers that are far off, many of which share one of the loop: those of a second ring together.

Ten thousand connections have a deadline each, nearly all of which are moved before they pass. A timer of uvloop, with
all that belongs to it, takes 1.5 KB, an alarm a tenth of that.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Final, Protocol

NEAR_S: Final = 30.0
"""What is nearer has a timer of its own, and is on time; what is farther rings up to a second late."""
TOGETHER: Final = 32
"""Alarms that ring before the loop goes on: each may close a connection."""


class Cancellable(Protocol):
    """What is to happen unless it is cancelled."""

    def cancel(self) -> None:
        """It is not to happen."""


class _Alarm:
    """One of those that ring in the same second."""

    __slots__ = ("_among", "ring")

    def __init__(self, among: "set[_Alarm]", ring: Callable[[], None]) -> None:
        self._among = among
        self.ring = ring

    def cancel(self) -> None:
        self._among.discard(self)


class Alarms:
    """The alarms of a loop, by the second of its clock."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[int, set[_Alarm]] = {}

    def call_at(
        self, loop: asyncio.AbstractEventLoop, when: float, callback: Callable[[], None]
    ) -> Cancellable:
        """Call at this time of the loop's clock, or within a second after it."""
        if when - loop.time() < NEAR_S:
            return loop.call_at(when, callback)
        second = ceil(when)
        among = self._at.get(second)
        if among is None:
            among = self._at[second] = set()
            loop.call_at(second, partial(self._ring, loop, second))
        alarm = _Alarm(among, callback)
        among.add(alarm)
        return alarm

    def _ring(self, loop: asyncio.AbstractEventLoop, second: int) -> None:
        among = self._at[second]
        try:
            for _ in range(TOGETHER):
                if not among:  # one that rings may cancel others
                    break
                among.pop().ring()
        finally:
            if among:
                loop.call_soon(partial(self._ring, loop, second))
            else:
                del self._at[second]
