"""Email/changes (RFC 8621 §4.3)."""

from typing import Any

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import EmailId
from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments
from pillarbox.server.jmap import changes as logged_changes
from pillarbox.server.jmap.context import Context
from pillarbox.store import email_changes


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.3."""
    call = arguments.read(ChangesArguments, given)
    found = await logged_changes.read(context, email_changes.email_changes, given, call)
    return responses.changes(
        call.account_id,
        call.since_state,
        found.state.text,
        created=_texts(found.created),
        updated=_texts(found.updated),
        destroyed=_texts(found.destroyed),
        has_more=found.has_more,
    )


def _texts(ids: list[int]) -> list[str]:
    return [object_id.of_email(EmailId(number)) for number in ids]
