"""Email/parse: an Email from a blob, which need not be stored as one (RFC 8621 §4.9)."""

from pillarbox.mail.header import Header
from pillarbox.protocol.jmap.email.body_part import Interlude, go_on
from pillarbox.protocol.jmap.email.body_values import Room
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.plan import Plan


def parse_blob(
    octets: bytes, blob_id: str, plan: Plan, room: Room | None = None, interlude: Interlude = go_on
) -> bytes | None:
    """The Email as JSON, or None for `notParsable`. Costs what `plan` says of `Source.BODY`.

    `plan`: by `Plan.of_parse`. `id`, `mailboxIds`, `keywords`, `receivedAt` and `threadId` are null. An attached
    message is found by `body_part.find`; the blob ids of its parts continue its own.
    """
    if not is_parsable(octets):
        return None
    return plan.render(EmailRow(blob_id, len(octets)), octets, room, interlude)


def is_parsable(octets: bytes) -> bool:
    """Whether these may be a message: they begin with a header that has a field, which RFC 5322 §3.6 requires."""
    header, _ = Header.parse(octets)
    return any(field.name for field in header.fields)
