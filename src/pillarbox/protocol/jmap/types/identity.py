"""Identity: RFC 8621 §6."""

from typing import Final

from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Text
from pillarbox.protocol.jmap.types.email import EmailAddress

IDENTITY: Final = TypeTable(
    "Identity",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="name", holds=Text, default=""),
    Property(name="email", holds=Text, immutable=True),
    Property(name="replyTo", holds=list[EmailAddress] | None, default=None),
    Property(name="bcc", holds=list[EmailAddress] | None, default=None),
    Property(name="textSignature", holds=Text, default=""),
    Property(name="htmlSignature", holds=Text, default=""),
    Property(name="mayDelete", holds=bool, server_set=True),
)


def forbidden_from(description: str) -> SetError:
    """The user may not send from this address (§6.3, §7.5)."""
    return SetError("forbiddenFrom", description)
