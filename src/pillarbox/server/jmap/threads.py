"""Thread/get and Thread/changes: RFC 8621 §3."""

from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId, ThreadId
from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import GetArguments
from pillarbox.protocol.jmap.types.thread import THREAD
from pillarbox.server.jmap import changes as change_reading
from pillarbox.server.jmap.context import Context
from pillarbox.store import emails, states, thread_ids
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_changes import thread_changes
from pillarbox.world.database import Transaction

MAX_IN_LOOP: Final = 200
"""Messages of the threads that are read in the loop: about a millisecond."""


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.1."""
    call = arguments.read(GetArguments, given)
    properties = THREAD.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    account, database = context.account_id(given), context.world.database
    if wanted is None:
        most = context.limits.max_objects_in_get
        ids = await database.read_in_thread(thread_ids.first, account, most + 1)
        if len(ids) > most:
            raise arguments.too_many_to_get(context.limits)
        wanted = tuple(map(object_id.of_thread, ids))
    threads = {text: object_id.thread(text) for text in wanted}
    asked = [thread for thread in threads.values() if thread is not None]
    try:
        state, found = await database.read(_emails, account, asked, MAX_IN_LOOP)
    except TooMuchToRead:
        state, found = await database.read_in_thread(_emails, account, asked, None)
    records: list[dict[str, Any]] = []
    missing: list[str] = []
    for text, thread in threads.items():
        several = None if thread is None else found.get(thread)
        if several is None:
            missing.append(text)
        elif "emailIds" in properties:
            if len(several) > MAX_IN_LOOP:
                await context.give_way()
            records.append({"id": text, "emailIds": list(map(object_id.of_email, several))})
        else:
            records.append({"id": text})
    # Of all threads, some may have nothing that is shown
    return responses.get(call.account_id, state, records, missing if call.ids is not None else ())


def _emails(
    tx: Transaction, account: AccountId, threads: list[ThreadId], most: int | None
) -> tuple[str, dict[int, list[EmailId]]]:
    """The state, and the ids of the emails of each thread, by date. Raises `TooMuchToRead`."""
    found = emails.of_threads(tx, account, threads, most=most)
    state = states.read(tx, account).thread.text
    return state, {thread: [email.id for email in several] for thread, several in found.items()}


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.2."""
    return await change_reading.of_ids(context, given, thread_changes, object_id.of_thread)
