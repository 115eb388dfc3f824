"""EmailSubmission: RFC 8621 §7."""

from typing import Any, Final, Literal

from msgspec import Struct, structs

from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import UTC_DATE, Id, Reference, Text

UndoStatus = Literal["pending", "final", "canceled"]


class Address(Struct, frozen=True, forbid_unknown_fields=True):
    """A path of the envelope, and the parameters of its command without their encoding."""

    email: Text
    parameters: dict[str, Text | None] | None = None


class Envelope(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """MAIL FROM, and RCPT TO of each."""

    mail_from: Address
    rcpt_to: list[Address]


_SEND_AT: Final = Property(name="sendAt", holds=UTC_DATE, server_set=True, immutable=True)
_ROWS: Final = (
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="identityId", holds=Id, immutable=True, refers=True),
    Property(name="emailId", holds=Id, immutable=True, refers=True),
    Property(name="threadId", holds=Id, server_set=True, immutable=True),
    Property(name="envelope", holds=Envelope | None, default=None, immutable=True),
    _SEND_AT,
    # "This is server set on create", and "a client can attempt to cancel the submission by setting this property"
    Property(name="undoStatus", holds=UndoStatus, server_set_on_create=True),
    Property(name="deliveryStatus", holds=dict[str, Any] | None, server_set=True),
    Property(name="dsnBlobIds", holds=list[Id], server_set=True),
    Property(name="mdnBlobIds", holds=list[Id], server_set=True),
)
EMAIL_SUBMISSION: Final = TypeTable("EmailSubmission", *_ROWS)
RESCHEDULED: Final = TypeTable(
    "EmailSubmission",
    *[
        structs.replace(row, server_set_on_create=True, server_set=False, immutable=False)
        if row is _SEND_AT
        else row
        for row in _ROWS
    ],
)
"""With the own extension `urn:pillarbox:jmap:scheduled`, clients may change when something is sent."""

CONDITIONS: Final[dict[str, Any]] = {
    "identityIds": list[Reference],
    "emailIds": list[Reference],
    "threadIds": list[Reference],
    "undoStatus": Text,
    "before": UTC_DATE,
    "after": UTC_DATE,
}
"""§7.3."""

SORTS: Final[dict[str, dict[str, Any]]] = {"emailId": {}, "threadId": {}, "sentAt": {}}
"""§7.3."""

SCHEDULED_CONDITIONS: Final[dict[str, Any]] = {**CONDITIONS, "scheduled": bool}
SCHEDULED_SORTS: Final[dict[str, dict[str, Any]]] = {**SORTS, "sendAt": {}}
"""With what the own extension `urn:pillarbox:jmap:scheduled` adds."""


class EmailSubmissionSetArguments(SetArguments, frozen=True, kw_only=True):
    """EmailSubmission/set (§7.5). The ids are of submissions, or `#` and the creation id of one of this call."""

    on_success_update_email: dict[Reference, dict[str, Any]] | None = None
    on_success_destroy_email: list[Reference] | None = None


NO_RECIPIENTS: Final = SetError("noRecipients")
CANNOT_UNSEND: Final = SetError("cannotUnsend")
CANNOT_RESCHEDULE: Final = SetError("cannotReschedule", "It has left, or was canceled")
"""Of the own extension `urn:pillarbox:jmap:scheduled`."""


def too_many_recipients(most: int) -> SetError:
    """More than the server takes."""
    return SetError("tooManyRecipients", None, {"maxRecipients": most})


def invalid_recipients(addresses: list[str]) -> SetError:
    """These are no addresses that mail can be sent to."""
    return SetError("invalidRecipients", None, {"invalidRecipients": addresses})


def forbidden_mail_from(description: str) -> SetError:
    """The user may not use this reverse-path."""
    return SetError("forbiddenMailFrom", description)


def forbidden_to_send(description: str) -> SetError:
    """The user may not send now; the description is shown to the user."""
    return SetError("forbiddenToSend", description)
