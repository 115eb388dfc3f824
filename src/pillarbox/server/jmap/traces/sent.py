"""Of an email that its account has sent: to whom, what became of it, and what was tried, as far as it is kept."""

from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.queue import attempts, submissions
from pillarbox.queue.attempts import Attempt
from pillarbox.queue.submissions import Sent
from pillarbox.store import email_blobs
from pillarbox.world.database import Transaction

MAX_SUBMISSIONS: Final = 10
"""The last ones that are told of, of an email."""
MAX_RECIPIENTS: Final = 100
"""Told of, of each of these."""
MAX_ATTEMPTS: Final = 500
"""And of attempts for all of its recipients."""
MAX_EMAILS: Final = 20
"""With the same octets, of which submissions are looked for."""


def told(tx: Transaction, account: AccountId, email: EmailId, digest: bytes) -> list[dict[str, Any]]:
    """The submissions of this email, and of others with the same octets, oldest first."""
    emails = dict.fromkeys((email, *email_blobs.emails(tx, account, digest, limit=MAX_EMAILS)))
    found = [one for each in emails for one in submissions.of_email(tx, account, each, limit=MAX_SUBMISSIONS)]
    messages = dict(sorted(found)[-MAX_SUBMISSIONS:])
    records = []
    for sent in submissions.get(tx, account, messages):
        message = messages[sent.id]
        tried = [] if message is None else attempts.of_message(tx, message, limit=MAX_ATTEMPTS)
        records.append(_record(sent, tried))
    return records


def _record(sent: Sent, tried: list[Attempt]) -> dict[str, Any]:
    by_recipient: dict[str, list[dict[str, Any]]] = {}
    for one in tried:
        by_recipient.setdefault(one.recipient, []).append(_attempt(one))
    return {
        "id": object_id.of_submission(sent.id),
        "sendAt": utc_date(sent.send_at_ms),
        "undoStatus": sent.undo,
        "recipients": [
            {
                "address": one.address,
                "delivered": one.delivered,
                "reply": one.reply,
                "attempts": [] if one.queued_as is None else by_recipient.get(one.queued_as, []),
            }
            for one in sent.recipients[:MAX_RECIPIENTS]
        ],
        "hasMoreRecipients": len(sent.recipients) > MAX_RECIPIENTS,
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "at": utc_date(one.at_ms),
        "status": one.status,
        "reply": one.reply,
        "host": one.host,
        "ip": one.address,
        "tls": one.tls,
    }
