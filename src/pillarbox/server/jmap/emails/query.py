"""Email/query and Email/queryChanges: RFC 8621 §4.4, §4.5.

What the store keeps of an account's emails answers both: a list is made once, and what changes is put in its place.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors, paging, responses
from pillarbox.protocol.jmap.capabilities import SNOOZE
from pillarbox.protocol.jmap.filters import read_filter, read_sort
from pillarbox.protocol.jmap.types.email import (
    SNOOZE_SORTS,
    SORTS,
    EmailQueryArguments,
    EmailQueryChangesArguments,
)
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.filters import conditions, filter_of, names, orders_of
from pillarbox.server.jmap.emails.lists import MAX_IN_LOOP, EmailLists
from pillarbox.server.jmap.emails.signed import CONDITIONS as CONDITIONS_OF_SIGNATURES
from pillarbox.server.jmap.emails.signed import SignatureReader
from pillarbox.store import states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.listing import changed, filters
from pillarbox.store.listing.changed import Changed
from pillarbox.store.listing.current import Kept
from pillarbox.store.listing.filters import Filter
from pillarbox.store.listing.lists import By, EmailList, Orders
from pillarbox.store.logged import IN_THREAD
from pillarbox.store.states import CannotCalculateChanges, State

SLICE: Final = 10_000
"""Results that are looked through before others are served."""
_IMMUTABLE: Final = frozenset((By.RECEIVED, By.SIZE, By.SENT, By.FROM, By.TO, By.SUBJECT))


async def query(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Email/query (§4.4)."""
    call = arguments.read(EmailQueryArguments, given)
    account = context.account_id(given)
    asked = _Asked(context, call)
    lists = context.caches.lists
    async with lists.of(account) as kept:
        wanted, orders = await asked.filter(account, kept), asked.orders
        found = await lists.get(account, kept, wanted, orders)
        results = await _results(lists, kept, found, call, context.limits.max_query_results)
        page = paging.page(
            call,
            len(results),
            lambda name: _index(kept, results, context.created.known(name)),
            context.limits,
        )
        return responses.query(
            call.account_id,
            kept.state.text,
            page,
            _names(kept, page.of(results)),
            can_calculate_changes=True,
            total=len(results) if call.calculate_total else None,
        )


class _Asked:
    """Filter and sort order of a call."""

    def __init__(self, context: Context, call: EmailQueryArguments | EmailQueryChangesArguments) -> None:
        """Raises `MethodError`."""
        self._context = context
        self._asked = read_filter(call.filter, conditions(context.using), context.limits)
        self._of_signatures = not CONDITIONS_OF_SIGNATURES.isdisjoint(names(self._asked))
        self._filter = None if self._of_signatures else filter_of(self._asked, context.created)
        sorts = {**SORTS, **SNOOZE_SORTS} if SNOOZE in context.using else SORTS
        self.orders = orders_of(read_sort(call.sort, sorts, context.limits))

    async def filter(self, account: AccountId, kept: Kept) -> Filter:
        """Where it is about signatures, all emails that have one are verified before. Raises `MethodError`."""
        if self._filter is not None:
            return self._filter
        context = self._context
        found = await SignatureReader(context, account).all(context.caches.lists, kept)
        return filter_of(self._asked, context.created, found)


async def _results(
    lists: EmailLists, kept: Kept, found: EmailList, call: EmailQueryArguments, most: int
) -> Sequence[int]:
    """The places of the results: of threads that are collapsed no more than the page needs, where that is known."""
    if not call.collapse_threads:
        return found.places
    if call.calculate_total or call.anchor is not None or call.position < 0:
        await lists.threads(kept, found)
        return found.first_of_threads(kept.listed)
    needed = call.position + (most if call.limit is None else min(call.limit, most))
    if needed > MAX_IN_LOOP:
        await lists.threads(kept, found)
    return found.first_of_threads(kept.listed, needed)


def _index(kept: Kept, results: Sequence[int], name: str) -> int | None:
    email = object_id.email(name)
    place = None if email is None else kept.listed.place(email)
    try:
        return None if place is None else results.index(place)
    except ValueError:
        return None


def _names(kept: Kept, places: Sequence[int]) -> list[str]:
    ids = kept.listed.ids
    return [object_id.of_email(EmailId(ids[place])) for place in places]


# --- queryChanges


async def query_changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Email/queryChanges (§4.5)."""
    call = arguments.read(EmailQueryChangesArguments, given)
    account = context.account_id(given)
    asked = _Asked(context, call)
    since = states.parse(call.since_query_state)
    if since is None:
        raise errors.cannot_calculate_changes()
    lists = context.caches.lists
    while True:
        async with lists.of(account) as kept:
            wanted, orders = await asked.filter(account, kept), asked.orders
            moved = bool(filters.of_threads(wanted)) or any(order.by is By.THREAD_FLAG for order in orders)
            told = await _changed(context, account, since, kept, whole_threads=moved or call.collapse_threads)
            if told is None:
                continue  # something has changed meanwhile
            found = await lists.get(account, kept, wanted, orders)
            if call.collapse_threads:
                await lists.threads(kept, found)
            results = found.first_of_threads(kept.listed) if call.collapse_threads else found.places
            lasting = not call.collapse_threads and _is_lasting(wanted, orders)
            return await _changes(context, call, kept, results, told, lasting=lasting)


def _is_lasting(wanted: Filter, orders: Orders) -> bool:
    """Whether an email keeps its place among the others for as long as it is there."""
    return filters.is_immutable(wanted) and all(order.by in _IMMUTABLE for order in orders)


async def _changed(
    context: Context, account: AccountId, since: State, kept: Kept, *, whole_threads: bool
) -> Changed | None:
    database, version = context.world.database, kept.listed.version
    try:
        try:
            return await database.read(changed.since, account, since, version, whole_threads=whole_threads)
        except TooMuchToRead:
            return await database.read_in_thread(
                changed.since,
                account,
                since,
                version,
                whole_threads=whole_threads,
                bounds=IN_THREAD,
            )
    except (CannotCalculateChanges, TooMuchToRead):
        raise errors.cannot_calculate_changes() from None


async def _changes(
    context: Context,
    call: EmailQueryChangesArguments,
    kept: Kept,
    results: Sequence[int],
    told: Changed,
    *,
    lasting: bool,
) -> dict[str, Any]:
    # Where nothing moves, what the client has stays as it is; what it has perhaps, it must not have twice
    removed = (told.destroyed if lasting else told.others) | told.again
    added = await _indexes(context, kept, results, told.created if lasting else told.created | told.others)
    if lasting and call.up_to_id is not None:
        last = _index(kept, results, context.created.known(call.up_to_id))
        if last is not None:
            added = [(index, email) for index, email in added if index <= last]
    if call.max_changes is not None and len(removed) + len(added) > call.max_changes:
        raise errors.MethodError(errors.TOO_MANY_CHANGES)
    response: dict[str, Any] = {
        "accountId": call.account_id,
        "oldQueryState": call.since_query_state,
        "newQueryState": kept.state.text,
        "removed": [object_id.of_email(EmailId(email)) for email in sorted(removed)],
        "added": [{"id": object_id.of_email(email), "index": index} for index, email in added],
    }
    if call.calculate_total:
        response["total"] = len(results)
    return response


async def _indexes(
    context: Context, kept: Kept, results: Sequence[int], emails: Collection[int]
) -> list[tuple[int, EmailId]]:
    """Where these emails are in the results, ascending; those that are not there are left out."""
    listed = kept.listed
    wanted = {place for email in emails if (place := listed.place(email)) is not None}
    found: list[tuple[int, EmailId]] = []
    for start in range(0, len(results) if wanted else 0, SLICE):
        for index, place in enumerate(results[start : start + SLICE], start):
            if place in wanted:
                found.append((index, EmailId(listed.ids[place])))
        await context.give_way()
    return found
