"""SavedSearch/set: all of a call is one transaction."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.errors import NOT_FOUND, WILL_DESTROY, SetError
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.saved_search import COUNTED, MAX_SEARCHES, SAVED_SEARCH
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.saved_searches import counted, records
from pillarbox.server.jmap.saved_searches.remembered import Found
from pillarbox.store import saved_searches
from pillarbox.store.saved_searches import SavedSearch
from pillarbox.world.database import Transaction

MANY_OBJECTS: Final = 4
"""Records from which on a call is carried out in a thread."""


class _Asked(Struct, frozen=True):
    """What a call asks for, checked as far as each record tells by itself."""

    call: SetArguments
    limits: Limits
    created: CreatedIds
    creations: Mapping[str, dict[str, Any] | SetError]
    counts: Mapping[int, Found]
    """Of searches that are sent back with theirs, as whole records are a patch (RFC 8620 §5.3)."""


class _Done(Struct, frozen=True):
    """What was done."""

    old_state: str
    new_state: str
    outcome: SetOutcome
    created: Mapping[str, SavedSearch]
    refiltered: list[SavedSearch]
    """Those that have got another filter."""


async def set_searches(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """SavedSearch/set."""
    call = arguments.read(SetArguments, given)
    call.check(context.limits)
    account = context.account_id(given)
    creations: dict[str, dict[str, Any] | SetError] = {}
    for creation, record in (call.create or {}).items():
        await context.give_way()
        creations[creation] = _checked(SAVED_SEARCH.create(record), record, context.created, context.limits)
    counts = await _sent_back(context, account, call)
    asked = _Asked(call, context.limits, context.created, creations, counts)
    database, objects = (
        context.world.database,
        len(creations) + len(call.update or ()) + len(call.destroy or ()),
    )
    write = database.write if objects <= MANY_OBJECTS else database.write_in_thread
    done = await write(_set, account, asked)
    await _tell_counts(context, account, call, done)
    return done.outcome.set_response(call.account_id, done.old_state, done.new_state)


def _checked(
    found: dict[str, Any] | SetError, given: Mapping[str, Any], created: CreatedIds, limits: Limits
) -> dict[str, Any] | SetError:
    """What the table has made of a record or a patch, with ids for references; or all that is wrong with it."""
    if not isinstance(found, SetError):
        resolved, wrong = records.checked(found, created, limits)
        return resolved if wrong is None else wrong
    _, more = records.checked(given, created, limits)
    if more is None or "properties" not in found.extra:
        return found
    names = [*found.extra["properties"], *more.extra["properties"]]
    return errors.invalid_properties(dict.fromkeys(names), found.description)


async def _sent_back(context: Context, account: AccountId, call: SetArguments) -> Mapping[int, Found]:
    named = {
        context.created.known(reference)
        for reference, patch in (call.update or {}).items()
        if not patch.keys().isdisjoint(COUNTED)
    }
    if not named:
        return {}
    there = await context.world.database.read(saved_searches.listing, account)
    return await counted.count(
        context, account, [one for one in there if object_id.of_saved_search(one.id) in named]
    )


async def _tell_counts(context: Context, account: AccountId, call: SetArguments, done: _Done) -> None:
    """What the client has not sent: ids, defaults and counts."""
    found = await counted.count(context, account, [*done.created.values(), *done.refiltered])
    for creation, search in done.created.items():
        given = (call.create or {})[creation]
        record = records.record(search, found[search.id])
        context.created.add(creation, record["id"])
        done.outcome.created[creation] = {
            name: value for name, value in record.items() if name not in given or given[name] != value
        }
    for search in done.refiltered:
        done.outcome.updated[object_id.of_saved_search(search.id)] = records.counts(found[search.id])


# --- in the transaction


def _set(tx: Transaction, account: AccountId, asked: _Asked) -> _Done:
    """Raises stateMismatch, `NoSuchAccount`, `ValuesDamaged`. It may run twice: all it changes is here."""
    old_state = saved_searches.state(tx, account).text
    asked.call.check_state(old_state)
    there = {object_id.of_saved_search(one.id): one for one in saved_searches.listing(tx, account)}
    outcome, made, refiltered = SetOutcome(), dict[str, SavedSearch](), list[SavedSearch]()
    known = asked.created.known
    destroyed = dict.fromkeys(map(known, asked.call.destroy or ()))
    # There is room for new ones where others go in the same call
    for key in destroyed:
        if key in there:
            saved_searches.destroy(tx, account, there.pop(key).id)
            outcome.destroyed.append(key)
        else:
            outcome.not_destroyed[key] = NOT_FOUND
    for reference, patch in (asked.call.update or {}).items():
        key = known(reference)
        if key not in there:
            outcome.not_updated[key] = WILL_DESTROY if key in outcome.destroyed else NOT_FOUND
            continue
        changed = _update(tx, account, there[key], patch, asked)
        if isinstance(changed, SetError):
            outcome.not_updated[key] = changed
            continue
        outcome.updated[key] = None
        if changed.definition.filter != there[key].definition.filter:
            refiltered.append(changed)
        there[key] = changed
    for creation, record in asked.creations.items():
        if isinstance(record, SetError):
            outcome.not_created[creation] = record
        elif len(there) + len(made) >= MAX_SEARCHES:
            outcome.not_created[creation] = errors.over_quota(f"At most {MAX_SEARCHES} searches are saved")
        else:
            definition = records.definition(record)
            made[creation] = SavedSearch(saved_searches.create(tx, account, definition), definition)
    return _Done(old_state, saved_searches.state(tx, account).text, outcome, made, refiltered)


def _update(
    tx: Transaction, account: AccountId, search: SavedSearch, patch: Mapping[str, Any], asked: _Asked
) -> SavedSearch | SetError:
    """The search as it is then."""
    record = records.record(search, asked.counts.get(search.id))
    values = SAVED_SEARCH.update(
        lambda names: {name: record.get(name) for name in names}, patch, asked.limits
    )
    values = _checked(values, patch, asked.created, asked.limits)
    if isinstance(values, SetError) or not values:
        return values if isinstance(values, SetError) else search
    definition = records.definition({**record, **values})
    saved_searches.update(tx, account, search.id, definition)
    return SavedSearch(search.id, definition)
