"""Email/changes (RFC 8621 §4.3)."""

from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments
from pillarbox.server.jmap.context import Context
from pillarbox.store import email_changes, states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_changes import Changes
from pillarbox.store.logged import IN_THREAD
from pillarbox.store.states import CannotCalculateChanges, State

MAX_CHANGES: Final = 5_000
"""Emails of one response; the client asks for the rest."""


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.3."""
    call = arguments.read(ChangesArguments, given)
    since = states.parse(call.since_state)
    if since is None:
        raise errors.cannot_calculate_changes("No state of this account's emails")
    try:
        found = await _found(context, context.account_id(given), since, call.max_changes)
    except (CannotCalculateChanges, TooMuchToRead) as error:
        raise errors.cannot_calculate_changes() from error
    return responses.changes(
        call.account_id,
        call.since_state,
        found.state.text,
        created=_texts(found.created),
        updated=_texts(found.updated),
        destroyed=_texts(found.destroyed),
        has_more=found.has_more,
    )


async def _found(context: Context, account: AccountId, since: State, most: int | None) -> Changes:
    database, most = context.world.database, min(most or MAX_CHANGES, MAX_CHANGES)
    try:
        return await database.read(email_changes.email_changes, account, since, most=most)
    except TooMuchToRead:
        return await database.read_in_thread(
            email_changes.email_changes, account, since, most=most, bounds=IN_THREAD
        )


def _texts(ids: list[int]) -> list[str]:
    return [object_id.of_email(EmailId(number)) for number in ids]
