"""Turns: how the connections of one loop share it.

Whoever is heard from may handle events for a share of time at once. Who has more to do waits for a turn, behind all
others who do: each iteration of the loop gives turns for as long as one share. So what is new is looked at in every
iteration, whoever is at work; and the more connections wait, the shorter are their shares, so that all of them have
their turn within `ROUND_S`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

SHARE_S: Final = 0.005
"""Seconds for which events of one connection may be handled before others are served."""
MIN_SHARE_S: Final = 0.001
"""The shortest share."""
TOGETHER_S: Final = 0.02
"""Seconds for which all who have just been heard from may handle events before they, too, wait for turns."""
ROUND_S: Final = 0.03
"""Seconds in which all who wait have a turn, while shares are not at their shortest."""


class Turns:
    """Who goes on when. Belongs to one loop."""

    __slots__ = ("_share_s", "_used_s", "_waiting", "crowded", "monotonic")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        """Seconds, to share the loop by."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.crowded = False
        """Whether this iteration's time is used up: who has just been heard from then handles one event only. Turns are
        given in the next iteration."""
        self._share_s = SHARE_S
        self._used_s = 0.0
        """Seconds used since then by those who needed no turn."""

    def used(self, seconds: float) -> None:
        """Somebody took so long who had just been heard from."""
        self._used_s += seconds
        if self._used_s >= TOGETHER_S and not self.crowded:
            self._give()

    def share_from(self, now: float) -> float:
        """When the share ends that begins now with a turn."""
        return now + self._share_s

    async def wait(self) -> None:
        """Give way to everybody who waits already, and to what the loop has to do."""
        if not self.crowded:
            self._give()
            await asyncio.sleep(0)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _give(self) -> None:
        self.crowded = True
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self.crowded, self._used_s, waiting = False, 0.0, self._waiting
        self._share_s = max(MIN_SHARE_S, min(SHARE_S, ROUND_S / len(waiting))) if waiting else SHARE_S
        turns = int(SHARE_S / self._share_s)
        while waiting and turns:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                turns -= 1
        if turns < int(SHARE_S / self._share_s):
            self._give()
