"""Turns: how the connections of one loop share it.

Whoever is heard from may handle events for a share of time at once. Who has more to do waits for a turn, behind all
others who do: each iteration of the loop gives turns for as long as one share. So what is new is looked at in every
iteration, whoever is at work; and the more connections wait, the shorter are their shares, so that all of them have
their turn within `ROUND_S`.

Many who are heard from at once, or whose waiting ends at once, would make a long iteration of short events. So what
they take is added up. Once that is much, those whose account has had its share in this iteration wait for turns, too
(all clients that have not logged in are as one account), whether they are heard from or go on after they have waited.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Final

SHARE_S: Final = 0.005
"""Seconds for which events of one connection may be handled before others are served."""
MIN_SHARE_S: Final = 0.001
"""The shortest share."""
TOGETHER_S: Final = 0.02
"""Seconds for which all who have just been heard from may handle events before they, too, wait for turns."""
ROUND_S: Final = 0.03
"""Seconds in which all who wait have a turn, while shares are not at their shortest."""
NOTED_S: Final = 0.0002
"""What takes less is put to nobody's account, unless the time is used up: it would cost more than it is."""


class Turn(asyncio.Future[None]):
    """What somebody waits for who waits for a turn."""

    __slots__ = ()


class Turns:
    """Who goes on when. Belongs to one loop."""

    __slots__ = ("_share_s", "_used_by", "_waiting", "crowded", "full", "monotonic", "used_s")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        """Seconds, to share the loop by."""
        self._waiting: deque[Turn] = deque()
        self.full = False
        """Whether the time is used up that all have together in this iteration."""
        self.crowded = False
        """Whether this iteration's time is used up: who has just been heard from then handles one event only. Turns are
        given in the next iteration."""
        self._share_s = SHARE_S
        self.used_s = 0.0
        """Seconds used since then by those who needed no turn."""
        self._used_by: dict[Hashable, float] = {}
        """By whom, as far as that is noted."""

    def used(self, seconds: float, who: Callable[[], Hashable]) -> None:
        """Somebody took so long who needed no turn. `who`: the accounts that have it."""
        self.used_s += seconds
        if seconds >= NOTED_S or self.used_s >= TOGETHER_S:
            self.note(seconds, who)

    def note(self, seconds: float, who: Callable[[], Hashable]) -> None:
        """By whom so much of what was used was used."""
        account = who()
        self._used_by[account] = self._used_by.get(account, 0.0) + seconds
        if self.used_s >= TOGETHER_S:
            self.full = True
            if not self.crowded:
                self._give()

    def had_share(self, who: Hashable) -> bool:
        """Whether these accounts have had their share of this iteration."""
        return self._used_by.get(who, 0.0) >= SHARE_S

    def is_due(self, waited_for: Any, who: Hashable) -> bool:
        """Whether these accounts go on at once that have waited for this: a turn, or anything while there is time."""
        return not self.full or waited_for is None or isinstance(waited_for, Turn) or not self.had_share(who)

    def share_from(self, now: float) -> float:
        """When the share ends that begins now with a turn."""
        return now + self._share_s

    async def wait(self) -> None:
        """Give way to everybody who waits already, and to what the loop has to do."""
        if not self.crowded:
            self._give()
            await asyncio.sleep(0)
            return
        turn = Turn(loop=asyncio.get_running_loop())
        self._waiting.append(turn)
        await turn

    def _give(self) -> None:
        self.crowded = True
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self.crowded, self.full, self.used_s, waiting = False, False, 0.0, self._waiting
        if self._used_by:
            self._used_by = {}
        self._share_s = max(MIN_SHARE_S, min(SHARE_S, ROUND_S / len(waiting))) if waiting else SHARE_S
        turns = int(SHARE_S / self._share_s)
        while waiting and turns:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                turns -= 1
        if turns < int(SHARE_S / self._share_s):
            self._give()
