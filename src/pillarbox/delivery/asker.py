"""Runs checks that ask: at once where everything is known, else in tasks."""

import asyncio
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

from pillarbox.delivery.asking import Unanswered, answered, answered_at_once
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.world.world import World

T = TypeVar("T")

Begun: TypeAlias = T | asyncio.Task[T]
"""The result of a check, or the task that will have it."""


class Asker:
    """Answers checks with one world, each within a time."""

    def __init__(self, world: World, *, within_s: float) -> None:
        """`within_s`: what is not answered by then has failed."""
        self._world = world
        self._within_s = within_s
        self._ahead: set[asyncio.Task[Any]] = set()
        """A task that nobody refers to may be collected before it ends."""

    def begin(self, asking: Asking[T]) -> Begun[T]:
        """Begin a check that is waited for later, with `result`."""
        found = answered_at_once(asking, self._world.resolver)
        return self._task(self._rest(found)) if isinstance(found, Unanswered) else found

    async def answer(self, asking: Asking[T]) -> T:
        """The result of a check."""
        found = answered_at_once(asking, self._world.resolver)
        return await self._rest(found) if isinstance(found, Unanswered) else found

    def look_up_ahead(self, lookups: Iterable[Lookup]) -> list[asyncio.Task[Any]]:
        """Ask what a check is going to ask: the resolver remembers the answers, or the check joins the question."""
        resolver = self._world.resolver
        return [
            self._task(resolver.lookup(lookup.name, lookup.kind))
            for lookup in lookups
            if resolver.known(lookup.name, lookup.kind) is None
        ]

    async def look_up(self, lookups: Iterable[Lookup]) -> None:
        """Ask several questions at the same time, and wait for the answers."""
        asked = self.look_up_ahead(lookups)
        if asked:
            await asyncio.wait(asked, timeout=self._within_s)

    async def _rest(self, asking: Unanswered[T]) -> T:
        world = self._world
        return await answered(asking, world.resolver, world.fetcher, world.clock, within_s=self._within_s)

    def _task(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)
        return task


async def result(begun: Begun[T]) -> T:
    """The result of a check that was begun."""
    return await begun if isinstance(begun, asyncio.Task) else begun
