"""Email/changes (RFC 8621 §4.3)."""

from typing import Any

from pillarbox.mail import object_id
from pillarbox.server.jmap import changes as logged_changes
from pillarbox.server.jmap.context import Context
from pillarbox.store import email_changes


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.3."""
    return await logged_changes.of_ids(context, given, email_changes.email_changes, object_id.of_email)
