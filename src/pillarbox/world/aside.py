"""Work that takes too long for the loop, in one thread beside it.

Python runs in one thread at a time, so several would not be done sooner; but the loop, which needs the interpreter
again after each system call, would wait for all of them each time: with six at work, a tenth of a second for an answer.
What waits most of its time, for the disk as a rule, belongs into other threads (`asyncio.to_thread`).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Aside:
    """Its thread begins with the first work, and ends with this."""

    __slots__ = ("_thread",)

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "aside")

    async def run(self, work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """What the work results in, when it has its turn. Raises what it raises; who is cancelled before that has none
        done.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *arguments, **keywords))
