"""Searches that take long: which runs when, so that those of one account do not starve another's.

An account has one search under way; its others wait. Each search under way has a thread, and `MAX_RUNNING` of them
run: one that has run for `SLICE_S` while others wait lets them run, in their order. So a light search waits for slices
of heavy ones and not for their end. A search ends early once nobody wants its result: the client has left, or the
server stops.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import ConnectionGone
from pillarbox.world.database import MAX_SEARCH_THREADS

MAX_RUNNING: Final = 2
"""Searches that run at once in a process; the loop needs the processor as well."""
SLICE_S: Final = 0.1
"""Seconds for which a search runs before others that wait."""

T = TypeVar("T")
Pause = Callable[[], None]
"""To be called by a search, in its thread, between slices of its work of some milliseconds."""


class Searches:
    """The long searches of a process; belongs to its loop."""

    def __init__(
        self,
        *,
        max_under_way: int = MAX_SEARCH_THREADS,
        max_running: int = MAX_RUNNING,
        slice_s: float = SLICE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`slice_s` counts by `monotonic`."""
        self._max_under_way = max_under_way
        self._under_way: set[AccountId] = set()
        self._waiting: OrderedDict[AccountId, deque[asyncio.Future[None]]] = OrderedDict()
        self._slots = _Slots(max_running)
        self._slice_s = slice_s
        self._monotonic = monotonic

    async def run(
        self, account: AccountId, gone: Callable[[], bool], search: Callable[[Pause], Awaitable[T]]
    ) -> T:
        """Run a search when it is the account's turn. Raises `ConnectionGone` once `gone()` is true.

        `gone` is called in the search's thread.
        """
        await self._turn_of(account)
        running = _Running(self._slots, gone, self._slice_s, self._monotonic)
        try:
            return await search(running.pause)
        finally:
            running.end()
            self._ended(account)

    async def _turn_of(self, account: AccountId) -> None:
        if account not in self._under_way and len(self._under_way) < self._max_under_way:
            self._under_way.add(account)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._ended(account)
            raise

    def _ended(self, account: AccountId) -> None:
        self._under_way.discard(account)
        for waiting in tuple(self._waiting):
            if len(self._under_way) >= self._max_under_way:
                return
            if waiting not in self._under_way:
                self._begin_next(waiting)

    def _begin_next(self, account: AccountId) -> None:
        turns = self._waiting.pop(account)
        while turns:
            turn = turns.popleft()
            if not turn.done():
                self._under_way.add(account)
                turn.set_result(None)
                break
        if turns:
            self._waiting[account] = turns  # behind all other accounts


class _Slots:
    """How many threads may run; who waits is let in in order."""

    def __init__(self, free: int) -> None:
        self.lock = threading.Lock()
        self._free = free
        self.waiting: deque[threading.Event] = deque()

    def take(self) -> None:
        """Wait for a slot."""
        with self.lock:
            if self._free:
                self._free -= 1
                return
            let_in = threading.Event()
            self.waiting.append(let_in)
        let_in.wait()

    def give_back(self) -> None:
        """The lock is held: pass a slot on."""
        if self.waiting:
            self.waiting.popleft().set()
        else:
            self._free += 1


class _Running:
    """One search in its thread."""

    def __init__(
        self, slots: _Slots, gone: Callable[[], bool], slice_s: float, monotonic: Callable[[], float]
    ) -> None:
        self._slots = slots
        self._gone = gone
        self._slice_s = slice_s
        self._monotonic = monotonic
        self._has_slot = self._ended = False
        self._until = 0.0

    def pause(self) -> None:
        """In the thread: let others run where it is their turn."""
        if self._has_slot and self._slots.waiting and self._monotonic() >= self._until:
            self._give_back()
        if not self._has_slot:
            self._take()
        if self._ended or self._gone():
            raise ConnectionGone

    def _take(self) -> None:
        self._slots.take()
        with self._slots.lock:
            self._has_slot = True
        self._until = self._monotonic() + self._slice_s
        if self._ended:
            self._give_back()

    def _give_back(self) -> None:
        with self._slots.lock:
            if self._has_slot:
                self._has_slot = False
                self._slots.give_back()

    def end(self) -> None:
        """The result is there, or nobody waits for it any more."""
        self._ended = True
        self._give_back()
