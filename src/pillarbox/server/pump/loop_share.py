"""How long one connection may hold the loop before the others are served.

The handlers of one connection may never wait: thousands of pipelined commands can be answered from
memory. The pump therefore asks after each event whether the share is used up, and if so lets the loop
serve everybody else before it goes on.

One `LoopShare` serves all connections of a listener, so an idle connection pays nothing for it. The share
begins anew with each callback that brings work. A handler that has waited meanwhile may find the share of
another connection, and then gives way early or holds the loop for at most one more share.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SHARE_S: Final = 0.005
"""Seconds that one connection may use in one go, give or take its last event."""


class LoopShare:
    """Measures the time since a connection began to use the loop."""

    __slots__ = ("_monotonic", "_until")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = 0.0

    def begin(self) -> None:
        """A connection begins to use the loop."""
        self._until = self._monotonic() + SHARE_S

    @property
    def used_up(self) -> bool:
        """Whether the others should be served before the next event is handled."""
        return self._monotonic() >= self._until

    async def give_way(self) -> None:
        """Let the loop serve the others, then begin a new share."""
        await asyncio.sleep(0)
        self.begin()
