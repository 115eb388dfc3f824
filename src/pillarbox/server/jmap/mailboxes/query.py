"""Mailbox/query and Mailbox/queryChanges: RFC 8621 §2.3, §2.4.

All mailboxes of an account are put in order, then those are taken that match. What has changed in the results since a
state is told exactly as far as the change log tells of it: a mailbox of which something may have changed that a filter
or an order depends on, or of one above it, is said to be removed, and to be added where it is now.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pillarbox.mail import object_id
from pillarbox.mail.collation import collate
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.protocol.jmap import arguments, filters, paging, responses
from pillarbox.protocol.jmap.filters import Comparator, Condition, Filter
from pillarbox.protocol.jmap.types import mailbox as types
from pillarbox.protocol.jmap.types.mailbox import MailboxQueryArguments, MailboxQueryChangesArguments
from pillarbox.server.jmap import changes as change_reading
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.mailboxes import reading
from pillarbox.server.jmap.mailboxes.reading import Order
from pillarbox.server.jmap.mailboxes.view import Shown
from pillarbox.store import mailbox_history, mailboxes, states
from pillarbox.store.mailbox_history import MailboxHistory
from pillarbox.store.states import CannotCalculateChanges, State
from pillarbox.world.database import Transaction

Matches: TypeAlias = Callable[[Shown], bool]
Tree: TypeAlias = Mapping[MailboxId, Shown]

SLICE: Final = 2_000
"""Conditions that are looked at together, each for one mailbox: less than a millisecond."""


async def query(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.3."""
    call = arguments.read(MailboxQueryArguments, given)
    wanted = _Wanted(context, call)
    seen, _ = await reading.seen(context, context.account_id(given), order=wanted.order)
    results = [shown.id for shown in await wanted.of(seen.mailboxes, context)]

    def index(anchor: str) -> int | None:
        record = context.created.known(anchor)
        return results.index(record) if record in results else None

    page = paging.page(call, len(results), index, context.limits)
    total = len(results) if call.calculate_total else None
    return responses.query(
        call.account_id, seen.state, page, page.of(results), can_calculate_changes=True, total=total
    )


async def query_changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.4."""
    call = arguments.read(MailboxQueryChangesArguments, given)
    wanted = _Wanted(context, call)
    since = change_reading.state(call.since_query_state)
    if not since.is_whole:
        raise CannotCalculateChanges(call.since_query_state)  # no query has such a state
    account = context.account_id(given)
    state, there, history = await reading.read_names(context, account, _read_since, since, wanted.order)
    results = await wanted.of(there, context)
    # `upToId` is void: whatever these results depend on can change (RFC 8620 §5.6)
    added = {shown.id: index for index, shown in enumerate(results) if shown.mailbox.id in history.changed}
    # A mailbox that came since is in no earlier result
    removed = sorted(history.destroyed | history.changed - history.created)
    total = len(results) if call.calculate_total else None
    return responses.query_changes(
        call, state, [object_id.of_mailbox(one) for one in removed], added, total=total
    )


def _read_since(
    tx: Transaction, account: AccountId, since: State, order: Order
) -> tuple[str, Tree, MailboxHistory]:
    history = mailbox_history.history(tx, account, since)
    there = reading.in_order(mailboxes.listing(tx, account), order)
    return states.read(tx, account).mailbox.text, there, history


class _Wanted:
    """What a call asks for."""

    def __init__(self, context: Context, call: MailboxQueryArguments | MailboxQueryChangesArguments) -> None:
        limits = context.limits
        chosen = filters.read_filter(call.filter, types.CONDITIONS, limits)
        self._order = filters.read_sort(call.sort, types.SORTS, limits)
        self._matches = None if chosen is None else _matcher(chosen, context)
        self._cost = 1 if chosen is None else _count(chosen)
        self._sort_as_tree = call.sort_as_tree
        self._filter_as_tree = call.filter_as_tree

    def order(self, several: Iterable[Shown]) -> list[Shown]:
        """All mailboxes in the order that is asked for."""
        ordered = _in_order(several, self._order)
        return _as_tree(ordered) if self._sort_as_tree else ordered

    async def of(self, there: Tree, context: Context) -> list[Shown]:
        """Those that match, of all in order."""
        ordered = list(there.values())
        if self._matches is None:
            return ordered
        some = max(1, SLICE // self._cost)
        found: list[Shown] = []
        for start in range(0, len(ordered), some):
            if start:
                await context.give_way()
            found += filter(self._matches, ordered[start : start + some])
        return _with_ancestors(found, there) if self._filter_as_tree else found


_collated: Final = lru_cache(maxsize=8192)(collate)
"""A name is compared with those of many others, and looked at by many conditions."""


# --- order


def _in_order(several: Iterable[Shown], order: Sequence[Comparator]) -> list[Shown]:
    """By the comparators, then by name and id, so that equal ones always come in the same order."""
    ordered = sorted(several, key=lambda shown: (_collated(shown.name), shown.mailbox.id))
    first = {comparator.property: comparator for comparator in reversed(order)}
    # What stands behind an equal property in the list decides nothing
    for name in reversed(list(dict.fromkeys(comparator.property for comparator in order))):
        ordered.sort(key=_KEYS[name], reverse=not first[name].is_ascending)
    return ordered


_KEYS: Final[Mapping[str, Callable[[Shown], Any]]] = {
    "sortOrder": lambda shown: shown.sort_order,
    "name": lambda shown: _collated(shown.name),
}


def _as_tree(ordered: Sequence[Shown]) -> list[Shown]:
    """Each before those below it, and siblings in their order."""
    children: dict[MailboxId | None, list[Shown]] = {}
    for shown in reversed(ordered):
        children.setdefault(shown.parent, []).append(shown)
    found: list[Shown] = []
    waiting = children.get(None, [])
    while waiting:
        shown = waiting.pop()
        found.append(shown)
        waiting += children.get(shown.mailbox.id, ())
    return found


# --- filter


def _with_ancestors(found: Sequence[Shown], tree: Tree) -> list[Shown]:
    """Those of which all mailboxes above are found as well."""
    there = {shown.mailbox.id for shown in found}
    kept: dict[MailboxId | None, bool] = {None: True}

    def is_kept(one: MailboxId | None) -> bool:
        if one not in kept:
            kept[one] = one in there and is_kept(tree[one].parent)  # as deep as names have levels
        return kept[one]

    return [shown for shown in found if is_kept(shown.mailbox.id)]


def _count(chosen: Filter) -> int:
    if isinstance(chosen, Condition):
        return max(1, len(chosen.properties))
    return 1 + sum(map(_count, chosen.conditions))


def _matcher(chosen: Filter, context: Context) -> Matches:
    if isinstance(chosen, Condition):
        every = [_CONDITIONS[name](value, context) for name, value in chosen.properties.items()]
        return every[0] if len(every) == 1 else lambda shown: all(matches(shown) for matches in every)
    several = [_matcher(condition, context) for condition in chosen.conditions]
    match chosen.operator:
        case "AND":
            return lambda shown: all(matches(shown) for matches in several)
        case "OR":
            return lambda shown: any(matches(shown) for matches in several)
        case "NOT":
            return lambda shown: not any(matches(shown) for matches in several)


def _parent(value: str | None, context: Context) -> Matches:
    parent = None if value is None else context.created.known(value)
    return lambda shown: shown.parent_id == parent


def _name(value: str, _: Context) -> Matches:
    """In the collation of all other texts: without regard to case, or to how a letter is composed."""
    text = collate(value)
    return lambda shown: text in _collated(shown.name)


_CONDITIONS: Final[Mapping[str, Callable[[Any, Context], Matches]]] = {
    "parentId": _parent,
    "name": _name,
    "role": lambda value, _: lambda shown: shown.mailbox.role == value,
    "hasAnyRole": lambda value, _: lambda shown: (shown.mailbox.role is not None) is value,
    "isSubscribed": lambda value, _: lambda shown: shown.mailbox.subscribed is value,
}
