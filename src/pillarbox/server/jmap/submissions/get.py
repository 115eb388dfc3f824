"""EmailSubmission/get and /changes: RFC 8621 §7.1, §7.2."""

from collections.abc import Sequence
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments, GetArguments
from pillarbox.protocol.jmap.types.email_submission import EMAIL_SUBMISSION
from pillarbox.queue import submissions
from pillarbox.queue.submissions import CannotCalculateChanges, Logged, Sent
from pillarbox.server.jmap import changes_page
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.submissions import view
from pillarbox.world.database import Transaction

TOGETHER: Final = 10
"""Submissions that are read at once; each may have a thousand recipients."""
RECIPIENT_OCTETS: Final = 100
"""What a recipient takes in an answer, at least."""


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.1."""
    call = arguments.read(GetArguments, given)
    properties = EMAIL_SUBMISSION.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    account = context.account_id(given)
    state, ids = await context.world.database.read_in_thread(_start, account, everything=wanted is None)
    if len(ids) > context.limits.max_objects_in_get:
        raise arguments.too_many_to_get(context.limits)
    names = tuple(map(object_id.of_submission, ids)) if wanted is None else wanted
    found, not_found = await _records(context, account, names, properties)
    return responses.get(call.account_id, view.state(state), found, not_found)


def _start(tx: Transaction, account: AccountId, *, everything: bool) -> tuple[ModSeq, list[int]]:
    return submissions.state(tx, account), submissions.ids(tx, account) if everything else []


async def _records(
    context: Context, account: AccountId, names: Sequence[str], properties: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Raises requestTooLarge where the answer can't have all."""
    found, not_found, recipients = [], [], 0
    for start in range(0, len(names), TOGETHER):
        some = names[start : start + TOGETHER]
        sent = await _read(context, account, some)
        for name in some:
            if name not in sent:
                not_found.append(name)
                continue
            record = view.record(sent[name])
            found.append({key: record[key] for key in properties})
            recipients += len(sent[name].recipients) if "deliveryStatus" in properties else 0
        if recipients * RECIPIENT_OCTETS > context.room_octets:
            raise errors.request_too_large("The response would be too large: ask for less at once")
        await context.give_way()
    return found, not_found


async def _read(context: Context, account: AccountId, names: Sequence[str]) -> dict[str, Sent]:
    ids = [number for name in names if (number := object_id.submission(name)) is not None]
    sent = await context.world.database.read_in_thread(submissions.get, account, ids) if ids else []
    return {object_id.of_submission(one.id): one for one in sent}


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.2."""
    call = arguments.read(ChangesArguments, given)
    since = view.read_state(call.since_state)
    if since is None:
        raise errors.cannot_calculate_changes()
    try:
        now, logged = await context.world.database.read_in_thread(_changes, context.account_id(given), since)
    except CannotCalculateChanges:
        raise errors.cannot_calculate_changes() from None
    most = min(call.max_changes or context.limits.max_objects_in_get, context.limits.max_objects_in_get)
    told = changes_page.page(logged, since, most)
    return responses.changes(
        call.account_id,
        call.since_state,
        view.state(now if told.until is None else told.until),
        created=map(object_id.of_submission, told.created),
        updated=map(object_id.of_submission, told.updated),
        destroyed=map(object_id.of_submission, told.destroyed),
        has_more=told.until is not None,
    )


def _changes(tx: Transaction, account: AccountId, since: ModSeq) -> tuple[ModSeq, list[Logged]]:
    return submissions.state(tx, account), submissions.changes(tx, account, since)
