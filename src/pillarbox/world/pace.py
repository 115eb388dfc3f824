"""A pace for work in the loop that becomes due for many at once: when an answer comes that hundreds have waited for.

Each step is short, but whoever makes hundreds wait for one answer decides when all of them go on. So what does not fit
into a share of an iteration of the loop is done in the next ones, in its order.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

SHARE_S: Final = 0.002
"""Seconds of one iteration of the loop in which steps are begun."""


class Pace:
    """Belongs to one loop."""

    __slots__ = ("_is_due", "_monotonic", "_used_s", "_waiting")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """`monotonic`: in seconds."""
        self._monotonic = monotonic
        self._waiting = deque[tuple[Callable[[], Any], asyncio.Future[Any]]]()
        self._used_s = 0.0
        """Seconds of this iteration."""
        self._is_due = False
        """Whether the next iteration is going to be noticed."""

    async def run(self, step: Callable[[], T]) -> T:
        """The result of a step, at once where there is time. Raises what it raises; who is cancelled while it waits
        has no step done.
        """
        if not self._waiting and self._used_s < SHARE_S:
            return self._timed(step)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, done))
        return await done

    def _timed(self, step: Callable[[], T]) -> T:
        began = self._monotonic()
        try:
            return step()
        finally:
            self._used_s += self._monotonic() - began
            if not self._is_due:
                self._is_due = True
                asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_due, self._used_s = False, 0.0
        while self._waiting and self._used_s < SHARE_S:
            step, done = self._waiting.popleft()
            if done.done():
                continue
            try:
                done.set_result(self._timed(step))
            except Exception as failure:
                done.set_exception(failure)
