"""MDN: RFC 9007 §2."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from pillarbox.mail.disposition_reading import ReceivedNotification
from pillarbox.protocol.jmap.arguments import Arguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Reference, Text

Line = Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f]*\Z", max_length=2_000)]
"""A text for one header field."""


class DispositionRecord(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What became of the message; letter case counts."""

    action_mode: Literal["manual-action", "automatic-action"]
    sending_mode: Literal["mdn-sent-manually", "mdn-sent-automatically"]
    type: Literal["deleted", "dispatched", "displayed", "processed"]


MDN: Final = TypeTable(
    "MDN",
    Property(name="forEmailId", holds=Reference, refers=True),
    Property(name="subject", holds=Line | None, default=None),
    Property(name="textBody", holds=Text | None, default=None),
    Property(name="includeOriginalMessage", holds=bool, default=False),
    Property(name="reportingUA", holds=Line | None, default=None),
    Property(name="disposition", holds=DispositionRecord),
    Property(name="mdnGateway", holds=Line | None, server_set=True),
    Property(name="originalRecipient", holds=Line | None, server_set=True),
    Property(name="finalRecipient", holds=Line | None, default=None),
    Property(name="originalMessageId", holds=Line | None, server_set=True),
    Property(name="error", holds=list[Line] | None, server_set=True),
    Property(name="extensionFields", holds=dict[Line, Line] | None, default=None),
)


class MdnSendArguments(Arguments, frozen=True, kw_only=True):
    """MDN/send (§2.1)."""

    identity_id: Reference
    send: dict[Id, dict[str, Any]]
    on_success_update_email: dict[Reference, dict[str, Any]] | None = None


class MdnParseArguments(Arguments, frozen=True, kw_only=True):
    """MDN/parse (§2.2)."""

    blob_ids: list[Text]


ALREADY_SENT: Final = SetError("mdnAlreadySent", "The email has the keyword $mdnsent")


def record(found: ReceivedNotification, email: str | None) -> dict[str, Any]:
    """A notification as MDN/parse returns it. `email`: the id of the message that it is about, where that is known."""
    disposition = found.disposition
    message_id = found.original_message_id
    return {
        "forEmailId": email,
        "subject": found.subject,
        "textBody": found.text,
        "includeOriginalMessage": found.has_original,
        "reportingUA": found.reporting_ua,
        "disposition": {
            "actionMode": disposition.action_mode,
            "sendingMode": disposition.sending_mode,
            "type": disposition.type,
        },
        "mdnGateway": found.mdn_gateway,
        "originalRecipient": found.original_recipient,
        "finalRecipient": found.final_recipient,
        "originalMessageId": None if message_id is None else f"<{message_id}>",
        "error": list(found.errors) or None,
        "extensionFields": found.extension_fields or None,
    }
