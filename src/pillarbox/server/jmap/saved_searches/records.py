"""A saved search as its client has it, and as the store has it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.mail import object_id
from pillarbox.protocol.jmap import errors, filters
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.filters import Condition, Filter
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types.email import CONDITIONS, SORTS
from pillarbox.protocol.jmap.types.mailbox import COUNTS
from pillarbox.protocol.jmap.types.saved_search import MAX_FILTER_OCTETS
from pillarbox.server.jmap.emails.filters import filter_of, orders_of
from pillarbox.server.jmap.saved_searches.remembered import Found
from pillarbox.store.saved_searches import Definition, SavedSearch


def record(search: SavedSearch, found: Found | None) -> dict[str, Any]:
    """All properties; without what was found, those of the definition."""
    given = search.definition
    return {
        "id": object_id.of_saved_search(search.id),
        "name": given.name,
        "filter": _decoded(given.filter),
        "sort": _decoded(given.sort),
        "collapseThreads": given.collapse_threads,
        "sortOrder": given.sort_order,
        **({} if found is None else counts(found)),
    }


def counts(found: Found) -> dict[str, Any]:
    """Those properties that nobody sets."""
    if isinstance(found, str):
        return {**dict.fromkeys(COUNTS), "countsError": found}
    numbers = found.emails, found.unread_emails, found.threads, found.unread_threads
    return {**dict(zip(COUNTS, numbers, strict=True)), "countsError": None}


def definition(record: Mapping[str, Any]) -> Definition:
    """Of a record that was checked."""
    return Definition(
        record["name"],
        _encoded(record["filter"]),
        _encoded(record["sort"] or None),
        record["collapseThreads"],
        record["sortOrder"],
    )


def _encoded(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _decoded(text: str | None) -> Any:
    try:
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:  # damaged
        return None


# --- what is wrong with a filter or an order


def checked(
    values: Mapping[str, Any], created: CreatedIds, limits: Limits
) -> tuple[dict[str, Any], SetError | None]:
    """The values with ids for references, and an error that names what Email/query would not take.

    A value that is not even of the right type is left to the table.
    """
    wrong, said, resolved = list[str](), "", dict(values)
    for name, kind, check in (("filter", dict, _checked_filter), ("sort", list, _checked_sort)):
        if not isinstance(values.get(name), kind):
            continue
        try:
            resolved[name] = check(values[name], created, limits)
        except MethodError as refused:
            wrong.append(name)
            said = said or str(refused.description)
    return resolved, errors.invalid_properties(wrong, said) if wrong else None


def _checked_filter(given: Any, created: CreatedIds, limits: Limits) -> Any:
    found = filters.read_filter(given, CONDITIONS, limits)
    filter_of(found, created)
    written = None if found is None else _written(found, created)
    if len(msgspec.json.encode(written)) > MAX_FILTER_OCTETS:
        raise errors.invalid_arguments(f"The filter has more than {MAX_FILTER_OCTETS} octets")
    return written


def _checked_sort(given: Any, _: CreatedIds, limits: Limits) -> Any:
    orders_of(filters.read_sort(given, SORTS, limits))
    return given


def _written(found: Filter, created: CreatedIds) -> dict[str, Any]:
    """The filter with ids for references. Raises invalidArguments where nothing was created so."""
    if isinstance(found, Condition):
        return {name: _resolved(name, value, created) for name, value in found.properties.items()}
    return {
        "operator": found.operator,
        "conditions": [_written(condition, created) for condition in found.conditions],
    }


def _resolved(name: str, value: Any, created: CreatedIds) -> Any:
    match name:
        case "inMailbox":
            return _id(value, created)
        case "inMailboxOtherThan":
            return [_id(one, created) for one in value]
    return value


def _id(reference: str, created: CreatedIds) -> str:
    found = created.get(reference)
    if found is None:
        raise errors.invalid_arguments(f"Nothing was created as '{reference}'")
    return found
