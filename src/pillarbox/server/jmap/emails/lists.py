"""The lists of emails that queries are about: kept for each account, and made where they are not kept.

Everything about an account's lists is done by one request after another, so what is read here stays as it is until the
request is done with it.
"""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from weakref import WeakValueDictionary

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.server.searches import Searches
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.listing import counting, evaluation, filters, making, texts
from pillarbox.store.listing.account import ListedAccount
from pillarbox.store.listing.counting import Counts
from pillarbox.store.listing.current import Kept, ListingCache, read
from pillarbox.store.listing.evaluation import Texts
from pillarbox.store.listing.filters import Filter
from pillarbox.store.listing.lists import NEWEST_FIRST, EmailList, Orders
from pillarbox.store.listing.making import NOT_IN_MEMORY, Values
from pillarbox.store.search import Interlude
from pillarbox.store.search.feeding import searched
from pillarbox.store.search.text import go_on
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Lane, Transaction
from pillarbox.world.world import World

MAX_IN_LOOP = 10_000
"""Emails of an account whose lists are made in the loop, in a millisecond or two; each counts as often as it is
compared with something."""


class TooManyCandidates(Exception):
    """The text of more emails would have to be looked at than is allowed."""


class EmailLists:
    """The lists of a process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cache = ListingCache()
        self._searches = Searches()
        self._locks: WeakValueDictionary[AccountId, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, account: AccountId) -> AsyncIterator[Kept]:
        """The account as it is now; nobody else changes what is kept of it meanwhile."""
        lock = self._locks.setdefault(account, asyncio.Lock())
        async with lock:
            kept = await self._current(account)
            try:
                yield kept
            finally:
                self._cache.keep(account, kept)

    async def _current(self, account: AccountId) -> Kept:
        while True:
            known = self._cache.version(account)
            try:
                reading = await self._world.database.read(read, account, known)
            except TooMuchToRead:
                reading = await self._world.database.read_in_thread(read, account, known, max_rows=None)
            kept = self._cache.take(account, known, reading)
            if kept is not None:
                return kept

    async def get(self, account: AccountId, kept: Kept, wanted: Filter, orders: Orders) -> EmailList:
        """The list, made if it is not kept."""
        found = kept.lists.get(wanted, orders)
        if found is None:
            found = await self._made(account, kept.listed, wanted, orders)
            kept.lists.add(found)
        return found

    async def threads(self, kept: Kept, found: EmailList) -> None:
        """Have the list count the first emails of all threads."""
        if len(found.places) > MAX_IN_LOOP:
            await asyncio.to_thread(found.first_of_threads, kept.listed)
        else:
            found.first_of_threads(kept.listed)

    async def count(
        self, account: AccountId, kept: Kept, wanted: Filter, *, gone: Callable[[], bool], candidates: int
    ) -> Counts:
        """How many emails match. No list is kept of them, but one that is there is used.

        Raises `TooManyCandidates` where the text of more than `candidates` has to be looked at, and `ConnectionGone`
        where that goes on when `gone()` is true.
        """
        listed, found = kept.listed, kept.lists.get(wanted, NEWEST_FIRST)
        if found is None and filters.texts(wanted):
            self._world.signals.announce((searched(account),))
            matching = partial(
                _read_and_match,
                blobs=self._world.blobs,
                account=account,
                listed=listed,
                wanted=wanted,
                now_ms=self._world.clock.now_ms(),
                most=candidates,
            )
            places = await self._searches.run(
                account,
                gone,
                lambda pause: self._world.database.read_in_lane(Lane.SEARCHES, matching, pause=pause),
            )
            return await asyncio.to_thread(counting.count, listed, places, pause=go_on)
        if counting.work(listed, wanted) > MAX_IN_LOOP:
            return await asyncio.to_thread(_counted, listed, wanted, found)
        return _counted(listed, wanted, found)

    async def _made(
        self, account: AccountId, listed: ListedAccount, wanted: Filter, orders: Orders
    ) -> EmailList:
        if filters.texts(wanted) or any(order.by in NOT_IN_MEMORY for order in orders):
            self._world.signals.announce((searched(account),))
            make = partial(
                _read_and_make,
                blobs=self._world.blobs,
                account=account,
                listed=listed,
                wanted=wanted,
                orders=orders,
                now_ms=self._world.clock.now_ms(),
            )
            return await self._searches.run(
                account,
                lambda: False,
                lambda pause: self._world.database.read_in_lane(Lane.SEARCHES, make, pause=pause),
            )
        if making.work(listed, wanted, orders) > MAX_IN_LOOP:
            return await asyncio.to_thread(making.make, listed, wanted, orders, pause=go_on)
        return making.make(listed, wanted, orders, pause=go_on)


def _read_and_make(
    tx: Transaction,
    *,
    blobs: Blobs,
    account: AccountId,
    listed: ListedAccount,
    wanted: Filter,
    orders: Orders,
    now_ms: int,
    pause: Interlude,
) -> EmailList:
    """Text of emails never changes, so it makes no difference that this is read later than the account was."""
    found = _texts(tx, blobs, account, listed, wanted, now_ms=now_ms, pause=pause)
    values: Values = {
        order.by: texts.values(tx, account, order.by, listed.ids, pause=pause)
        for order in orders
        if order.by in NOT_IN_MEMORY
    }
    return making.make(listed, wanted, orders, pause=pause, texts=found, values=values)


def _texts(
    tx: Transaction,
    blobs: Blobs,
    account: AccountId,
    listed: ListedAccount,
    wanted: Filter,
    *,
    now_ms: int,
    pause: Interlude,
    most: int | None = None,
) -> Texts:
    """What matches of the emails that may. Raises `TooManyCandidates` where these are more than `most`."""
    needed = filters.texts(wanted)
    if not needed:
        return {}
    may = evaluation.matching(listed, wanted, pause=pause)
    if most is not None and len(may) > most:
        raise TooManyCandidates
    candidates = [EmailId(number) for number in making.ids(listed, may)]
    return {
        text: texts.matches(tx, blobs, account, text.query, candidates, now_ms=now_ms, pause=pause)
        for text in needed
    }


def _read_and_match(
    tx: Transaction,
    *,
    blobs: Blobs,
    account: AccountId,
    listed: ListedAccount,
    wanted: Filter,
    now_ms: int,
    most: int,
    pause: Interlude,
) -> "array[int]":
    found = _texts(tx, blobs, account, listed, wanted, now_ms=now_ms, pause=pause, most=most)
    return evaluation.matching(listed, wanted, pause=pause, texts=found)


def _counted(listed: ListedAccount, wanted: Filter, found: EmailList | None) -> Counts:
    places = evaluation.matching(listed, wanted, pause=go_on) if found is None else found.places
    return counting.count(listed, places, pause=go_on)
