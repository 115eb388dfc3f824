"""Mailbox/get and Mailbox/changes: RFC 8621 §2.1, §2.2."""

from collections.abc import Iterable
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments, GetArguments
from pillarbox.protocol.jmap.types.mailbox import COUNTS, MAILBOX
from pillarbox.server.jmap import changes as change_reading
from pillarbox.server.jmap.accounts import permitted
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.mailboxes import reading
from pillarbox.server.jmap.mailboxes.view import NONE_COUNTED, Shown, record_of
from pillarbox.store.mailbox_changes import mailbox_changes

SLICE: Final = 100
"""Mailboxes of which records are made at a time: less than a millisecond of the loop."""


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.1."""
    call = arguments.read(GetArguments, given)
    properties = MAILBOX.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    account = context.account_id(given)
    seen, counted = await reading.seen(context, account, counted=not set(COUNTS).isdisjoint(properties))
    if wanted is None:
        if len(seen.mailboxes) > context.limits.max_objects_in_get:
            raise arguments.too_many_to_get(context.limits)
        wanted = tuple(shown.id for shown in seen.mailboxes.values())
    found, missing = _found(seen.mailboxes, wanted)
    # before anything is waited for
    counts = [counted.of(shown.mailbox.id) if counted else NONE_COUNTED for shown in found]
    records = []
    for start in range(0, len(found), SLICE):
        if start:
            await context.give_way()
        some = zip(found[start : start + SLICE], counts[start : start + SLICE], strict=True)
        records += [record_of(shown, numbers, properties) for shown, numbers in some]
    records = permitted(context.accesses[call.account_id], records)
    return responses.get(call.account_id, seen.state, records, missing)


def _found(there: dict[MailboxId, Shown], wanted: Iterable[str]) -> tuple[list[Shown], list[str]]:
    found, missing = [], []
    for text in wanted:
        mailbox = object_id.mailbox(text)
        if mailbox in there:
            found.append(there[mailbox])
        else:
            missing.append(text)
    return found, missing


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.2."""
    call = arguments.read(ChangesArguments, given)
    found = await change_reading.read(context, mailbox_changes, given, call)
    answer = responses.changes(
        call.account_id,
        call.since_state,
        found.state.text,
        created=map(object_id.of_mailbox, found.created),
        updated=map(object_id.of_mailbox, found.updated),
        destroyed=map(object_id.of_mailbox, found.destroyed),
        has_more=found.has_more,
    )
    return {**answer, "updatedProperties": list(COUNTS) if found.only_counts else None}
