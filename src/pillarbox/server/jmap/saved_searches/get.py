"""SavedSearch/get and SavedSearch/changes.

As with Mailbox, the state changes with the counts, which any change of an email may change: then all searches are said
to have changed, and `updatedProperties` says that it is nothing but counts.
"""

from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments, GetArguments
from pillarbox.protocol.jmap.types.saved_search import COUNTED, SAVED_SEARCH
from pillarbox.server.jmap import changes as change_reading
from pillarbox.server.jmap import changes_page
from pillarbox.server.jmap.changes_page import ChangesPage
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.saved_searches import counted, records
from pillarbox.store import saved_searches, states
from pillarbox.store.saved_searches import Logged, Place, SavedSearch
from pillarbox.store.states import CannotCalculateChanges
from pillarbox.world.database import Transaction

SLICE: Final = 10
"""Searches of which records are made at a time: less than a millisecond, with the largest filters."""


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """SavedSearch/get."""
    call = arguments.read(GetArguments, given)
    properties = SAVED_SEARCH.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    account = context.account_id(given)
    state, listed = await context.world.database.read(_read, account)
    there = {object_id.of_saved_search(one.id): one for one in listed}
    if wanted is None and len(there) > context.limits.max_objects_in_get:
        raise arguments.too_many_to_get(context.limits)
    ids = tuple(there) if wanted is None else wanted
    found = [there[key] for key in ids if key in there]
    is_counted = not set(COUNTED).isdisjoint(properties)
    # Counted later than the state was read: whoever asks what has changed since hears of it once more
    counts = await counted.count(context, account, found) if is_counted else {}
    shown = []
    for number, one in enumerate(found):
        if number % SLICE == SLICE - 1:
            await context.give_way()
        record = records.record(one, counts.get(one.id))
        shown.append({name: record[name] for name in properties})
    return responses.get(call.account_id, state.text, shown, [key for key in ids if key not in there])


def _read(tx: Transaction, account: AccountId) -> tuple[Place, list[SavedSearch]]:
    return saved_searches.state(tx, account), saved_searches.listing(tx, account)


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """SavedSearch/changes."""
    call = arguments.read(ChangesArguments, given)
    since = saved_searches.parse(call.since_state)
    now = await context.world.database.read(_changes, context.account_id(given), since)
    told, end, only_counts = _page(now, since, change_reading.most_changes(call, context.limits))
    answer = responses.changes(
        call.account_id,
        call.since_state,
        end.text,
        created=map(object_id.of_saved_search, told.created),
        updated=map(object_id.of_saved_search, told.updated),
        destroyed=map(object_id.of_saved_search, told.destroyed),
        has_more=end != now[0],
    )
    return {**answer, "updatedProperties": list(COUNTED) if only_counts else None}


_Now = tuple[Place, ModSeq, list[Logged], list[int]]
"""Where the account is, the state of its emails, what has changed of its searches, and which there are."""


def _changes(tx: Transaction, account: AccountId, since: Place) -> _Now:
    """Raises `CannotCalculateChanges`, `NoSuchAccount`, `ValuesDamaged`."""
    emails = states.read(tx, account).email.modseq
    if max(since.emails, since.told_until) > emails:
        raise CannotCalculateChanges(since.text)
    logged = saved_searches.changes(tx, account, since.definitions)
    there = [one.id for one in saved_searches.listing(tx, account)]
    return saved_searches.state(tx, account), emails, logged, there


def _page(now: _Now, since: Place, most: int) -> tuple[ChangesPage[int], Place, bool]:
    """At most so many changes, where they lead to, and whether nothing but counts has changed in what is updated.

    First those of the searches, then all whose counts may have changed, by id.
    """
    place, emails, logged, there = now
    told = changes_page.page(logged, since.definitions, most)
    # Without a search, the client knew all that there was to count
    before = since._replace(emails=since.emails or emails)
    if told.until is not None:
        return told, before._replace(definitions=told.until), False
    target = before.told_until or emails
    recounted: list[int] = []
    if target != before.emails:
        known = {*told.created, *told.updated}
        recounted = [one for one in there if one > before.told_id and one not in known]
    room = most - len(told.created) - len(told.updated) - len(told.destroyed)
    some = recounted[:room]
    if len(some) < len(recounted):
        last = some[-1] if some else before.told_id
        end = before._replace(definitions=place.definitions)
        if last:
            end = end._replace(told_until=target, told_id=last)
    else:
        end = Place(place.definitions, target if there else ModSeq(0))
    only_counts = bool(some) and not told.updated
    return ChangesPage(told.created, told.updated + some, told.destroyed), end, only_counts
