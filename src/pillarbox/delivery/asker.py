"""Runs checks that ask: at once where everything is known, else in tasks."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeAlias, TypeVar

from pillarbox.delivery.asking import Unanswered, answered, answered_at_once
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.world.pace import Pace
from pillarbox.world.world import World

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_EARLY: Final = 50
"""Checks and look-ups that are under way, in one process, before anybody waits for them. It is a stranger who has them
begun, with each MAIL, in names of his choice: and the resolver has so many turns only, for all mail."""
LINGERS_S: Final = 12.0
"""How long the look-up of a check that was cancelled may still take a turn, and counts as begun. Were it given up at
once, a stranger could have questions asked as fast as he begins and ends transactions, and the name servers go on with
each of them."""


class Later(Generic[T_co]):
    """A check that goes on when its result is wanted."""

    __slots__ = ("go_on",)

    def __init__(self, go_on: Callable[[float], "asyncio.Task[T_co]"]) -> None:
        """`go_on`: is told when it has to end, in seconds of `Clock.monotonic`."""
        self.go_on = go_on


Begun: TypeAlias = T | asyncio.Task[T] | Later[T]
"""The result of a check, or the task that will have it, or what is left of the check."""


class Asker:
    """Answers checks with one world, each within a time, or several within one (`deadline`)."""

    def __init__(self, world: World, *, within_s: float) -> None:
        """`within_s`: what is not answered by then has failed."""
        self._world = world
        self._within_s = within_s
        self._tasks: set[asyncio.Task[Any]] = set()
        """A task that nobody refers to may be collected before it ends."""
        self._ahead: set[asyncio.Task[Any]] = set()
        """Those that were begun before anybody waits for them."""
        self._lingering: deque[float] = deque()
        """When the look-ups of those that were cancelled have ended."""
        self._pace = Pace(world.clock.monotonic)

    def deadline(self) -> float:
        """When checks that begin now have to end, in seconds of `Clock.monotonic`."""
        return self._world.clock.monotonic() + self._within_s

    def begin(self, asking: Asking[T]) -> Begun[T]:
        """Begin a check that is waited for later, with `result`."""
        found = answered_at_once(asking, self._world.resolver)
        if not isinstance(found, Unanswered):
            return found
        if not self._has_room():
            return Later(lambda ends: self._task(self._rest(found, ends)))
        return self._early(self._rest(found, self.deadline()))

    async def answer(self, asking: Asking[T], *, ends: float) -> T:
        """The result of a check. `ends`: when, at the latest; see `deadline`.

        Who waits may be no task (`server.pump.eager`), and only a task can be told that its time is over.
        """
        (found,) = await self.answers((asking,), ends=ends)
        return found

    async def answers(self, askings: Iterable[Asking[T]], *, ends: float) -> list[T]:
        """The results of several checks, each of which has all of the time: one that waits for a name server that
        stalls takes none from the others.
        """
        begun = [self._begun(asking, ends) for asking in askings]
        try:
            return [await each if isinstance(each, asyncio.Task) else each for each in begun]
        finally:
            for each in begun:
                if isinstance(each, asyncio.Task):
                    each.cancel()

    def _begun(self, asking: Asking[T], ends: float) -> T | asyncio.Task[T]:
        found = answered_at_once(asking, self._world.resolver)
        return self._task(self._rest(found, ends)) if isinstance(found, Unanswered) else found

    def look_up_ahead(self, lookups: Iterable[Lookup]) -> None:
        """Ask at once what a check is going to ask one after another: it joins the questions, or finds the answers."""
        resolver = self._world.resolver
        for lookup in lookups:
            if resolver.known(lookup.name, lookup.kind) is None and self._has_room():
                self._early(resolver.lookup(lookup.name, lookup.kind))

    async def _rest(self, asking: Unanswered[T], ends: float) -> T:
        world = self._world
        left_s = ends - world.clock.monotonic()
        return await answered(
            asking, world.resolver, world.fetcher, world.clock, within_s=left_s, pace=self._pace
        )

    def _task(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _early(self, work: Any) -> asyncio.Task[Any]:
        task = self._task(work)
        self._ahead.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._ahead.discard(task)
        if task.cancelled():  # its look-up goes on, since others may wait for the same
            self._lingering.append(self._world.clock.monotonic() + LINGERS_S)

    def _has_room(self) -> bool:
        now = self._world.clock.monotonic()
        while self._lingering and self._lingering[0] <= now:
            self._lingering.popleft()
        return len(self._ahead) + len(self._lingering) < MAX_EARLY


def going_on(begun: Begun[T], *, ends: float) -> T | asyncio.Task[T]:
    """A check that was begun; one that could not begin yet does now, and has to end at `ends`."""
    return begun.go_on(ends) if isinstance(begun, Later) else begun


async def result(begun: Begun[T], *, ends: float) -> T:
    """The result of a check that was begun; `ends`: when one that could not begin yet has to end."""
    going = going_on(begun, ends=ends)
    return await going if isinstance(going, asyncio.Task) else going
