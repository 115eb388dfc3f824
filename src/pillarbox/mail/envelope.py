"""ENVELOPE: a message's header in an IMAP listing (RFC 9051 §7.5.2, the same as RFC 3501 §7.4.2).

It is rendered as the octets sent to clients. Always true: the result matches `envelope` of the formal syntax,
whatever the header holds. Strings are unfolded but otherwise as received, so encoded words are raw; an absent field
is NIL, an empty one "".
"""

from typing import Final

import msgspec

from pillarbox.mail import address_field
from pillarbox.mail.address_field import MAX_VALUE_OCTETS, AddressField
from pillarbox.mail.header import Header
from pillarbox.mail.imap_string import NIL, string

EMPTY: Final = b"(" + b" ".join([NIL] * 10) + b")"
"""The envelope of a message without any of these fields."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """ENVELOPE, and those of its fields that are needed elsewhere too; values are unfolded."""

    date: bytes | None
    subject: bytes | None
    from_: AddressField
    to: AddressField
    cc: AddressField
    message_id: bytes | None
    wire: bytes
    """ENVELOPE as sent to clients."""


def render(header: Header) -> bytes:
    """The ENVELOPE of the message with this header."""
    return read(header).wire


def read(header: Header) -> Envelope:
    """The ENVELOPE and its fields."""
    date, subject, message_id = header.first("date"), header.first("subject"), header.first("message-id")
    from_ = address_field.read(header, "from")
    to, cc = address_field.read(header, "to"), address_field.read(header, "cc")
    sender = address_field.read(header, "sender").wire
    reply_to = address_field.read(header, "reply-to").wire
    wire = b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _value(date),
        _value(subject),
        from_.wire,
        # RFC 9051 §7.5.2: the client is not expected to know that Sender and Reply-To default to From
        from_.wire if sender is NIL else sender,
        from_.wire if reply_to is NIL else reply_to,
        to.wire,
        cc.wire,
        address_field.read(header, "bcc").wire,
        field_value(header, "in-reply-to"),
        _value(message_id),
    )
    return Envelope(date, subject, from_, to, cc, message_id, wire)


def field_value(header: Header, name: str) -> bytes:
    """A field's unfolded value as an `nstring`."""
    return _value(header.first(name))


def _value(value: bytes | None) -> bytes:
    return NIL if value is None else string(value[:MAX_VALUE_OCTETS])
