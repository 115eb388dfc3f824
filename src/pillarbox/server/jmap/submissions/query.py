"""EmailSubmission/query and /queryChanges: RFC 8621 §7.3, §7.4.

An account has some thousands of submissions at most, so all are looked at. Of what they are filtered and sorted by,
`undoStatus` changes, and when they are sent.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.protocol.jmap import arguments, errors, paging, responses
from pillarbox.protocol.jmap.arguments import QueryArguments, QueryChangesArguments
from pillarbox.protocol.jmap.capabilities import SCHEDULED
from pillarbox.protocol.jmap.filters import Comparator, Condition, Filter, read_filter, read_sort
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.scalars import milliseconds
from pillarbox.protocol.jmap.types.email_submission import (
    CONDITIONS,
    SCHEDULED_CONDITIONS,
    SCHEDULED_SORTS,
    SORTS,
)
from pillarbox.queue import submissions
from pillarbox.queue.submissions import CannotCalculateChanges, Listed, Logged
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.submissions import view
from pillarbox.world.database import Transaction

LOOKED_AT_TOGETHER: Final = 2_000
"""Conditions that are looked at until others have their turn."""

Matches = Callable[[Listed], bool]


async def query(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.3."""
    call = arguments.read(QueryArguments, given)
    asked = _Asked(context, call)
    state, listed = await context.world.database.read_in_thread(_read, context.account_id(given))
    results = await asked.results(listed)
    places = {key: place for place, key in enumerate(results)}
    known = context.created.known
    page = paging.page(call, len(results), lambda name: places.get(known(name)), context.limits)
    return responses.query(
        call.account_id,
        view.state(state),
        page,
        page.of(results),
        can_calculate_changes=True,
        total=len(results) if call.calculate_total else None,
    )


async def query_changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.4."""
    call = arguments.read(QueryChangesArguments, given)
    asked = _Asked(context, call)
    since = view.read_state(call.since_query_state)
    if since is None:
        raise errors.cannot_calculate_changes()
    try:
        state, listed, logged = await context.world.database.read_in_thread(
            _read_changes, context.account_id(given), since
        )
    except CannotCalculateChanges:
        raise errors.cannot_calculate_changes() from None
    results = await asked.results(listed)
    removed = [
        object_id.of_submission(one.id)
        for one in logged
        if one.created <= since and (one.destroyed or not asked.is_lasting)
    ]
    may_be_new = {
        object_id.of_submission(one.id)
        for one in logged
        if not one.destroyed and (one.created > since or not asked.is_lasting)
    }
    added = {key: index for index, key in enumerate(results) if key in may_be_new}
    if asked.is_lasting and call.up_to_id is not None:
        last = context.created.known(call.up_to_id)
        if last in results:
            end = results.index(last)
            added = {key: index for key, index in added.items() if index <= end}
    total = len(results) if call.calculate_total else None
    return responses.query_changes(call, view.state(state), removed, added, total=total)


def _read(tx: Transaction, account: AccountId) -> tuple[ModSeq, list[Listed]]:
    return submissions.state(tx, account), submissions.listing(tx, account)


def _read_changes(
    tx: Transaction, account: AccountId, since: ModSeq
) -> tuple[ModSeq, list[Listed], list[Logged]]:
    return (*_read(tx, account), submissions.changes(tx, account, since))


class _Asked:
    """Filter and sort order of a call."""

    def __init__(self, context: Context, call: QueryArguments | QueryChangesArguments) -> None:
        """Raises `MethodError`."""
        self._context = context
        is_extended = SCHEDULED in context.using
        self._filter = read_filter(
            call.filter, SCHEDULED_CONDITIONS if is_extended else CONDITIONS, context.limits
        )
        self._order = read_sort(call.sort, SCHEDULED_SORTS if is_extended else SORTS, context.limits)
        conditions = list(_conditions(self._filter)) if self._filter else []
        self._costs = 1 + len(conditions)
        self.is_lasting = all(_CHANGING.isdisjoint(one.properties) for one in conditions) and all(
            _KEYS[one.property] != "send_at_ms" for one in self._order
        )
        """Whether a submission keeps its place among the others for as long as it is there."""

    async def results(self, listed: list[Listed]) -> list[str]:
        """The ids of those that match, in order; where that leaves two equal, the older first."""
        matches = _matches(self._filter, self._context.created) if self._filter else _all
        found: list[Listed] = []
        step = max(1, LOOKED_AT_TOGETHER // self._costs)
        for start in range(0, len(listed), step):
            found += filter(matches, listed[start : start + step])
            await self._context.give_way()
        for comparator in reversed(self._order):
            found.sort(key=_key(comparator), reverse=not comparator.is_ascending)
            await self._context.give_way()
        return [object_id.of_submission(one.id) for one in found]


_KEYS: Final = {
    "emailId": "email",
    "threadId": "thread",
    "sentAt": "send_at_ms",
    "sendAt": "send_at_ms",
}
_CHANGING: Final = frozenset(("undoStatus", "scheduled", "before", "after"))


def _key(comparator: Comparator) -> Callable[[Listed], int]:
    return attrgetter(_KEYS[comparator.property])


# --- filters


def _conditions(chosen: Filter) -> Iterator[Condition]:
    if isinstance(chosen, Condition):
        yield chosen
    else:
        for one in chosen.conditions:
            yield from _conditions(one)


def _all(_: Listed) -> bool:
    return True


def _matches(chosen: Filter, created: CreatedIds) -> Matches:
    if isinstance(chosen, Condition):
        return _every([_CONDITIONS[name](value, created) for name, value in chosen.properties.items()])
    below = [_matches(one, created) for one in chosen.conditions]
    match chosen.operator:
        case "AND":
            return _every(below)
        case "OR":
            return lambda one: any(matches(one) for matches in below)
        case "NOT":
            return lambda one: not any(matches(one) for matches in below)


def _every(several: list[Matches]) -> Matches:
    if len(several) == 1:
        return several[0]
    return lambda one: all(matches(one) for matches in several)


def _identities(value: list[str], created: CreatedIds) -> Matches:
    ids = frozenset(map(created.known, value))
    return lambda one: one.identity in ids


def _emails(value: list[str], created: CreatedIds) -> Matches:
    ids = frozenset(object_id.email(created.known(name)) for name in value)
    return lambda one: one.email in ids


def _threads(value: list[str], created: CreatedIds) -> Matches:
    ids = frozenset(object_id.thread(created.known(name)) for name in value)
    return lambda one: one.thread in ids


def _undo_status(value: str, _: CreatedIds) -> Matches:
    return lambda one: one.undo == value


def _scheduled(value: bool, _: CreatedIds) -> Matches:
    return lambda one: (one.undo == submissions.PENDING) is value


def _before(value: str, _: CreatedIds) -> Matches:
    at_ms = milliseconds(value) or 0
    return lambda one: _shown_ms(one) < at_ms


def _after(value: str, _: CreatedIds) -> Matches:
    at_ms = milliseconds(value) or 0
    return lambda one: _shown_ms(one) >= at_ms


def _shown_ms(one: Listed) -> int:
    """When it is sent, in whole seconds as clients see it."""
    return one.send_at_ms // 1000 * 1000


_CONDITIONS: Final[dict[str, Callable[[Any, CreatedIds], Matches]]] = {
    "identityIds": _identities,
    "emailIds": _emails,
    "threadIds": _threads,
    "undoStatus": _undo_status,
    "scheduled": _scheduled,
    "before": _before,
    "after": _after,
}
