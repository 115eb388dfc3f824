"""A submission as a record of JMAP (RFC 8621 §7)."""

from typing import Any

import msgspec

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import ModSeq
from pillarbox.protocol.jmap.blobs import blob_id
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.queue.submissions import RecipientStatus, Sent


def record(sent: Sent) -> dict[str, Any]:
    """All properties."""
    return {
        "id": object_id.of_submission(sent.id),
        "identityId": sent.identity,
        "emailId": object_id.of_email(sent.email),
        "threadId": object_id.of_thread(sent.thread),
        "envelope": _envelope(sent.envelope),
        "sendAt": utc_date(sent.send_at_ms),
        "undoStatus": sent.undo,
        "deliveryStatus": {one.address: _status(one) for one in sent.recipients},
        "dsnBlobIds": [blob_id.of_message(digest) for digest in sent.dsn_blobs],
        "mdnBlobIds": [blob_id.of_message(digest) for digest in sent.mdn_blobs],
    }


def state(modseq: ModSeq) -> str:
    """A state of submissions, as clients have it."""
    return str(modseq)


def read_state(text: str) -> ModSeq | None:
    """A state from its text; None for any other text."""
    return ModSeq(int(text)) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _status(one: RecipientStatus) -> dict[str, str]:
    return {"smtpReply": one.reply, "delivered": one.delivered, "displayed": one.displayed}


def _envelope(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # damaged
        return None
