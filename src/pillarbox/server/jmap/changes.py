"""/changes of what the store logs: the state a client sends, and how much is read (RFC 8620 §5.2)."""

from collections.abc import Callable
from typing import Any, TypeVar

from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap.context import Context
from pillarbox.store import states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_changes import Changes
from pillarbox.store.logged import IN_THREAD
from pillarbox.store.states import CannotCalculateChanges, State

T = TypeVar("T")


def state(text: str) -> State:
    """The state behind a string. Raises `CannotCalculateChanges` where it was never given."""
    found = states.parse(text)
    if found is None:
        raise CannotCalculateChanges(text[:100])
    return found


async def of_ids(
    context: Context, given: dict[str, Any], verb: Callable[..., Changes], name: Callable[[Any], str]
) -> dict[str, Any]:
    """The whole answer, where a verb tells of ids and nothing else. `name`: how clients have an id."""
    call = arguments.read(ChangesArguments, given)
    found = await read(context, verb, given, call)
    return responses.changes(
        call.account_id,
        call.since_state,
        found.state.text,
        created=map(name, found.created),
        updated=map(name, found.updated),
        destroyed=map(name, found.destroyed),
        has_more=found.has_more,
    )


async def read(context: Context, verb: Callable[..., T], given: dict[str, Any], call: ChangesArguments) -> T:
    """Run `mailbox_changes`, or a verb like it: in a thread, where more has changed than is read in the loop."""
    database, account, since = context.world.database, context.account_id(given), state(call.since_state)
    most = most_changes(call, context.limits)
    try:
        return await database.read(verb, account, since, most=most)
    except TooMuchToRead:
        pass
    try:
        return await database.read_in_thread(verb, account, since, most=most, bounds=IN_THREAD)
    except TooMuchToRead as too_much:
        raise CannotCalculateChanges(call.since_state) from too_much


def most_changes(call: ChangesArguments, limits: Limits) -> int:
    """How many ids an answer may have: as many as the /get may name that follows it in the same request."""
    return min(call.max_changes or limits.max_objects_in_get, limits.max_objects_in_get)
