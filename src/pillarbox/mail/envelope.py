"""ENVELOPE: a message's header as IMAP shows it in a listing (RFC 9051 §7.5.2, the same as RFC 3501 §7.4.2).

What is rendered here are the octets that go on the wire. Always true: the result is an `envelope` of the
formal syntax, whatever the header holds. Strings are unfolded but otherwise as they came, so encoded words
are raw; and an absent field is NIL, an empty one "".
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
    """The fields of a header that ENVELOPE shows, as far as others need them too; values are unfolded."""

    date: bytes | None
    subject: bytes | None
    from_: AddressField
    to: AddressField
    cc: AddressField
    message_id: bytes | None
    wire: bytes
    """As it goes on the wire."""


def render(header: Header) -> bytes:
    """The ENVELOPE of the message with this header."""
    return read(header).wire


def read(header: Header) -> Envelope:
    """The ENVELOPE, and what else is made of its fields."""
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
