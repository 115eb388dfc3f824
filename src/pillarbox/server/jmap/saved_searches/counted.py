"""How many emails match saved searches: counted when a client asks, and remembered until an email changes.

One call does no more than so much of it. What it has no time for is told without counts; what it has counted stays, so
a client that asks again gets further. Only text is read from the disk, as any search reads it: in a thread, in turns.
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import filters
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.types.email import CONDITIONS
from pillarbox.protocol.jmap.types.saved_search import NOT_YET, TOO_EXPENSIVE, UNSUPPORTED_FILTER
from pillarbox.server.connection import ConnectionGone
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.filters import filter_of
from pillarbox.server.jmap.emails.lists import TooManyCandidates
from pillarbox.server.jmap.saved_searches.remembered import Found
from pillarbox.store.listing import counting
from pillarbox.store.listing import filters as listed_filters
from pillarbox.store.listing.current import Kept
from pillarbox.store.listing.filters import Filter
from pillarbox.store.saved_searches import SavedSearch


def key(search: SavedSearch) -> bytes:
    """What tells its filter from others."""
    return sha256((search.definition.filter or "").encode("utf-8", "surrogatepass")).digest()


async def count(context: Context, account: AccountId, searches: list[SavedSearch]) -> Mapping[int, Found]:
    """The counts by the id of the search."""
    if not searches:
        return {}
    counter = _Counter(context, account)
    found: dict[int, Found] = {}
    async with context.caches.lists.of(account) as kept:
        known = context.caches.saved.of(account, kept.state)
        for search in searches:
            digest = key(search)
            if digest not in known:
                await context.give_way()
                counted = await counter.count(kept, search)
                if counted == NOT_YET:
                    found[search.id] = NOT_YET
                    continue
                known[digest] = counted
            found[search.id] = known[digest]
    return found


class _Counter:
    """Counts for one call."""

    def __init__(self, context: Context, account: AccountId) -> None:
        self._context, self._account = context, account
        self._bounds = context.caches.saved.bounds
        self._work_left = self._bounds.work
        self._clock = context.world.clock
        self._began = self._clock.monotonic()

    async def count(self, kept: Kept, search: SavedSearch) -> Found:
        try:
            wanted = self._filter(search)
        except (MethodError, msgspec.DecodeError):
            return UNSUPPORTED_FILTER
        work = counting.work(kept.listed, wanted)
        if work > self._bounds.work:
            return TOO_EXPENSIVE
        now = self._clock.monotonic()
        is_late = now >= self._began + self._bounds.texts_s and listed_filters.texts(wanted)
        if work > self._work_left or is_late:
            return NOT_YET
        self._work_left -= work
        until, monotonic = now + self._bounds.text_s, self._clock.monotonic
        try:
            return await self._context.caches.lists.count(
                self._account,
                kept,
                wanted,
                gone=lambda: monotonic() >= until,
                candidates=self._bounds.candidates,
            )
        except (ConnectionGone, TooManyCandidates):
            return TOO_EXPENSIVE

    def _filter(self, search: SavedSearch) -> Filter:
        """Raises `MethodError`, `DecodeError`."""
        text = search.definition.filter
        given = None if text is None else msgspec.json.decode(text, type=dict)
        return filter_of(filters.read_filter(given, CONDITIONS, self._context.limits), CreatedIds())
