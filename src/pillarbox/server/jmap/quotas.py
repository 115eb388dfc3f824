"""Quota/get, /changes, /query and /queryChanges: what an account's mail uses, and may (RFC 9425).

There is one record, where the account has a limit. Its state is made of what it says, so nothing has to be kept of how
it came about, and an operator's change of the limit is seen as any other.
"""

from typing import Any

from pillarbox.directory import quota as directory_quota
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors, filters, paging, responses
from pillarbox.protocol.jmap.capabilities import MAIL
from pillarbox.protocol.jmap.filters import Condition, Filter
from pillarbox.protocol.jmap.types import quota
from pillarbox.protocol.jmap.types.quota import QUOTA, STORAGE_ID, Storage
from pillarbox.server.jmap.context import Context
from pillarbox.store import account_counters
from pillarbox.world.database import Transaction


def read(tx: Transaction, account: AccountId) -> Storage:
    """What an account uses, and may. Raises `ValuesDamaged`."""
    used = account_counters.usage(tx, account).octets
    return Storage(used, directory_quota.effective(tx, account))


def _is_visible(context: Context, storage: Storage) -> bool:
    """§4.1: a client that knows no emails is not told of a limit on them."""
    return storage.limit is not None and MAIL in context.using


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Quota/get."""
    call = arguments.read(arguments.GetArguments, given)
    properties = QUOTA.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    storage = await context.world.database.read(read, context.account_id(given))
    records = {STORAGE_ID: storage.record()} if _is_visible(context, storage) else {}
    ids = tuple(records) if wanted is None else wanted
    found = [{name: records[id_][name] for name in properties} for id_ in ids if id_ in records]
    missing = [id_ for id_ in ids if id_ not in records]
    return responses.get(call.account_id, storage.state, found, missing)


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Quota/changes."""
    call = arguments.read(arguments.ChangesArguments, given)
    before = quota.parse(call.since_state)
    if before is None:
        raise errors.cannot_calculate_changes()
    storage = await context.world.database.read(read, context.account_id(given))
    was, is_there = _is_visible(context, before), _is_visible(context, storage)
    response = responses.changes(
        call.account_id,
        call.since_state,
        storage.state,
        created=[STORAGE_ID] if is_there and not was else [],
        updated=[STORAGE_ID] if is_there and was and before != storage else [],
        destroyed=[STORAGE_ID] if was and not is_there else [],
    )
    only_used = was and is_there and before.limit == storage.limit and before.used != storage.used
    return {**response, "updatedProperties": ["used"] if only_used else None}


# --- /query

_NONE, _ONE = "0", "1"
"""States of all queries: whether there is a record. What a condition looks at of it never changes."""


async def query(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Quota/query."""
    call = arguments.read(arguments.QueryArguments, given)
    matches = _matcher(context, call.filter, call.sort)
    storage = await context.world.database.read(read, context.account_id(given))
    is_there = _is_visible(context, storage)
    ids = [STORAGE_ID] if is_there and matches else []
    page = paging.page(call, len(ids), lambda id_: ids.index(id_) if id_ in ids else None, context.limits)
    return responses.query(
        call.account_id,
        _ONE if is_there else _NONE,
        page,
        page.of(ids),
        can_calculate_changes=True,
        total=len(ids) if call.calculate_total else None,
    )


async def query_changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Quota/queryChanges."""
    call = arguments.read(arguments.QueryChangesArguments, given)
    matches = _matcher(context, call.filter, call.sort)
    if call.since_query_state not in (_NONE, _ONE):
        raise errors.cannot_calculate_changes()
    storage = await context.world.database.read(read, context.account_id(given))
    was, is_there = call.since_query_state == _ONE, _is_visible(context, storage)
    return responses.query_changes(
        call,
        _ONE if is_there else _NONE,
        [STORAGE_ID] if was and not is_there else [],
        {STORAGE_ID: 0} if is_there and not was and matches else {},
        total=int(is_there and matches) if call.calculate_total else None,
    )


def _matcher(context: Context, given: dict[str, Any] | None, sort: list[dict[str, Any]] | None) -> bool:
    """Whether the record, if there is one, matches the filter. Raises unsupportedFilter, unsupportedSort."""
    filters.read_sort(sort, quota.SORTS, context.limits)
    found = filters.read_filter(given, quota.CONDITIONS, context.limits)
    return found is None or _matches(found, Storage(0, 0).record())


def _matches(filter_: Filter, record: dict[str, Any]) -> bool:
    if isinstance(filter_, Condition):
        return all(_holds(name, value, record) for name, value in filter_.properties.items())
    held = [_matches(one, record) for one in filter_.conditions]
    match filter_.operator:
        case "AND":
            return all(held)
        case "OR":
            return any(held)
    return not any(held)


def _holds(name: str, value: str, record: dict[str, Any]) -> bool:
    match name:
        case "name":
            return value in record["name"]
        case "type":
            return value in record["types"]
    return bool(record[name] == value)
