"""The chore that feeds the full-text index.

Reading what arrived runs Python in a thread, so the loop pays for it: where others are served, it takes a tenth of the
time at most, and a third while somebody searches an account that is not indexed yet, which is fed first. Writing is
SQLite's work in the thread that commits, where other writers wait: it is cut into slices. Each cycle is one commit,
however many accounts got mail.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from pillarbox.mail.identifiers import AccountId
from pillarbox.store.search import feeding
from pillarbox.store.search.feeding import Attempt, Batch
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import DatabaseUnavailable, Lane, Transaction
from pillarbox.world.signals import Signals
from pillarbox.world.world import World

T = TypeVar("T")

SLICE_S: Final = 0.004
"""Emails are written to the index for so long; the commit that follows takes about as long again."""
RUN_S: Final = 10.0
"""After so long other chores have their turn."""
REST_FACTOR: Final = 9
"""A rest is so many times the processor time of the reading before it."""
SEARCHED_REST_FACTOR: Final = 2
"""The same, while somebody searches what is not indexed yet."""
CYCLE_S: Final = 0.1
"""The least rest: what arrives meanwhile shares a commit."""


class Rest(Protocol):
    """Awaited between two pieces of work, so that clients come first."""

    async def __call__(self, seconds: float | None = None, /) -> None:
        """Rest so long where others are served; `None`: many times as long as the work took."""


class Searched:
    """The accounts that are being searched, of those that are not indexed."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._found: set[AccountId] = set()
        self._watched: dict[AccountId, Callable[[], None]] = {}

    def in_order(self, behind: list[AccountId]) -> list[AccountId]:
        """Accounts that are not indexed, with those that are searched first; from now on only these are watched."""
        for account in self._watched.keys() - behind:
            self._watched.pop(account)()
            self._found.discard(account)
        for account in behind:
            if account not in self._watched:
                add = partial(self._found.add, account)
                self._watched[account] = self._signals.subscribe(feeding.searched(account), add)
        return sorted(behind, key=lambda account: account not in self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def end(self) -> None:
        """Watch none."""
        self.in_order([])


async def index_mail(world: World, rest: Rest, *, limit: int = feeding.MAX_ATTEMPT_MESSAGES) -> bool:
    """Feed the full-text index, so many emails at a time."""
    behind = await world.database.read_in_lane(Lane.MAINTENANCE, feeding.behind)
    if not behind:
        return False
    searched = Searched(world.signals)
    try:
        await _feed(world, rest, searched, searched.in_order(behind), limit)
    finally:
        searched.end()
    return True


async def _feed(world: World, rest: Rest, searched: Searched, behind: list[AccountId], limit: int) -> None:
    database, clock = world.database, world.clock
    until = clock.monotonic() + RUN_S
    attempt: Attempt | None = None
    try:
        attempt, is_cancelled = await _completed(database.write_in_thread(feeding.begin, limit, behind))
        _end_if(is_cancelled)
        while attempt is not None:
            gathered, behind, took_s = await database.read_in_lane(
                Lane.MAINTENANCE, _read, world.blobs, attempt
            )
            following = searched.in_order(behind) if clock.monotonic() < until else []
            begin = partial(feeding.begin, limit=limit, accounts=following)
            batch: Batch | None = gathered
            while batch is not None and attempt is not None:
                writing = database.write_in_thread(_write, batch, attempt, begin, clock)
                (batch, attempt), is_cancelled = await _completed(writing)
                _end_if(is_cancelled)
            await rest(took_s * SEARCHED_REST_FACTOR if searched else max(took_s * REST_FACTOR, CYCLE_S))
    except (asyncio.CancelledError, DatabaseUnavailable):
        if attempt is not None:
            with suppress(DatabaseUnavailable):
                await database.write(feeding.release, attempt)
        raise


async def _completed(writing: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """The result of a write, which records what is begun next; and whether the chore was cancelled meanwhile."""
    task, is_cancelled = asyncio.ensure_future(writing), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled and task.exception():  # nothing was begun
        raise asyncio.CancelledError
    return task.result(), is_cancelled


def _end_if(is_cancelled: bool) -> None:
    if is_cancelled:
        raise asyncio.CancelledError


def _read(tx: Transaction, blobs: Blobs, attempt: Attempt) -> tuple[Batch, list[AccountId], float]:
    """In a thread: what was gathered, the accounts that were behind before, and the processor time of it in seconds."""
    began_s = time.thread_time()
    batch = feeding.gather(tx, blobs, attempt) or Batch((), is_last=True)
    return batch, feeding.behind(tx), time.thread_time() - began_s


def _write(
    tx: Transaction,
    batch: Batch,
    attempt: Attempt,
    begin: Callable[[Transaction], Attempt | None],
    clock: Clock,
) -> tuple[Batch | None, Attempt | None]:
    """Index some of a batch; return what is left of it, and the attempt that goes on or follows."""
    until = clock.monotonic() + SLICE_S
    rest = feeding.feed(tx, batch, lambda: clock.monotonic() >= until).rest
    if rest is not None or not batch.is_last:
        return rest, attempt
    return None, begin(tx)
