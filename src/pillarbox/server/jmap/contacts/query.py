"""ContactCard/query and /queryChanges: RFC 9610 §3.3, §3.4.

All cards of the account are looked at, in a thread. Whatever a card is filtered and sorted by, may change with it; so
where results are told to have changed, each card that has changed is named, as RFC 8620 §5.6 has it.
"""

from collections.abc import Callable
from functools import partial
from heapq import merge
from typing import Any, Final, NamedTuple, TypeVar

from pillarbox.contacts import looking
from pillarbox.contacts.log import Kind
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, CardId, ModSeq
from pillarbox.protocol.jmap import arguments, paging, responses
from pillarbox.protocol.jmap.arguments import QueryArguments, QueryChangesArguments
from pillarbox.protocol.jmap.filters import read_filter, read_sort
from pillarbox.protocol.jmap.types.contact_card import CONDITIONS, SORTS
from pillarbox.server.jmap.contacts import filters, states
from pillarbox.server.jmap.context import Context
from pillarbox.server.searches import Pause
from pillarbox.world.database import Lane, Transaction

SORTED_TOGETHER: Final = 1_000
"""Cards that are sorted at once: half a millisecond, about."""

T = TypeVar("T")


async def query(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.3."""
    call = arguments.read(QueryArguments, given)
    account = context.account_id(given)
    look = partial(_look, account=account, asked=_Asked(context, call))
    state, results = await _searched(context, account, look)
    page = paging.page(
        call, len(results), lambda name: _index(results, context.created.known(name)), context.limits
    )
    return responses.query(
        call.account_id,
        state,
        page,
        [object_id.of_card(card) for card in page.of(results)],
        can_calculate_changes=True,
        total=len(results) if call.calculate_total else None,
    )


async def query_changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.4. `upToId` is void: every condition and sort order is about what may change (RFC 8620 §5.6)."""
    call = arguments.read(QueryChangesArguments, given)
    since, account = states.since(call.since_query_state), context.account_id(given)
    look = partial(_look_for_changes, account=account, asked=_Asked(context, call), since=since)
    found = await _searched(context, account, look)
    total = found.total if call.calculate_total else None
    return responses.query_changes(call, found.state, found.removed, found.added, total=total)


def _index(results: list[CardId], name: str) -> int | None:
    card = object_id.card(name)
    try:
        return None if card is None else results.index(card)
    except ValueError:
        return None


class _Asked:
    """Filter and sort order of a call."""

    def __init__(self, context: Context, call: QueryArguments | QueryChangesArguments) -> None:
        """Raises `MethodError`."""
        asked = read_filter(call.filter, CONDITIONS, context.limits)
        self.order = filters.keys(read_sort(call.sort, SORTS, context.limits))
        self.wanted = filters.wanted(asked, context.created)


async def _searched(context: Context, account: AccountId, look: Callable[..., T]) -> T:
    """What a verb finds that looks at all cards: in a thread, when it is the account's turn."""
    database = context.world.database
    return await context.caches.contact_searches.run(
        account, lambda: False, lambda pause: database.read_in_lane(Lane.SEARCHES, look, pause=pause)
    )


# --- in the thread


def _look(tx: Transaction, *, account: AccountId, asked: _Asked, pause: Pause) -> tuple[str, list[CardId]]:
    """The state, and all cards that match, in order; where that leaves two equal, the older first."""
    pause()
    state = states.of_cards(tx, account)
    found, values = list[CardId](), list[list[Any]]()
    wanted, keys = asked.wanted, [key for key, _ in asked.order]
    for some in looking.pages(tx, account, texts=wanted.texts, books=wanted.books):
        matching = list(filter(wanted.matches, some))
        found += [card.id for card in matching]
        values += [[key(card) for key in keys] for card in matching]
        pause()
    places = list(range(len(found)))
    for number, (_, descending) in reversed(list(enumerate(asked.order))):
        places = _arranged(places, [value[number] for value in values], descending=descending, pause=pause)
    return state, [found[at] for at in places]


def _arranged(places: list[int], values: list[Any], *, descending: bool, pause: Pause) -> list[int]:
    """The places by their values; those of equal value keep their order. Sorting is one call of C, which nobody
    interrupts: so it is done in parts."""
    parts = []
    for start in range(0, len(places), SORTED_TOGETHER):
        some = places[start : start + SORTED_TOGETHER]
        parts.append(sorted(some, key=values.__getitem__, reverse=descending))
        pause()
    return list(merge(*parts, key=values.__getitem__, reverse=descending))


class _Changed(NamedTuple):
    state: str
    total: int
    removed: list[str]
    added: dict[str, int]


def _look_for_changes(
    tx: Transaction, *, account: AccountId, asked: _Asked, since: ModSeq, pause: Pause
) -> _Changed:
    _, logged = states.changed(tx, account, Kind.CARD, since)
    state, results = _look(tx, account=account, asked=asked, pause=pause)
    removed = [object_id.of_card(CardId(one.id)) for one in logged if one.created <= since]
    changed = {one.id for one in logged if not one.destroyed}
    added = {object_id.of_card(card): index for index, card in enumerate(results) if card in changed}
    return _Changed(state, len(results), removed, added)
