"""ENVELOPE: a message's header in an IMAP listing (RFC 9051 §7.5.2, the same as RFC 3501 §7.4.2).

It is rendered as the octets sent to clients. Always true: the result matches `envelope` of the formal syntax,
whatever the header holds. Strings are unfolded but otherwise as received, so encoded words are raw; an absent field
is NIL, an empty one "".

An envelope that would be longer than `MAX_ENVELOPE_OCTETS`, and each one of an enclosed message, shows of every field
only what its first `SHORT_VALUE_OCTETS` hold: thousands of addresses are many more octets here than in the message.
"""

from typing import Final

import msgspec

from pillarbox.mail import address_field
from pillarbox.mail.address_field import MAX_VALUE_OCTETS, AddressField
from pillarbox.mail.header import Header
from pillarbox.mail.imap_string import NIL, string

MAX_ENVELOPE_OCTETS: Final = 512 * 1024
"""A longer one is rendered again from less of each field, and is then below this."""

SHORT_VALUE_OCTETS: Final = 8 * 1024
"""Octets read of a field of an enclosed message, or of one whose envelope would be too long."""

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


def render(header: Header, *, enclosed: bool = False) -> bytes:
    """The ENVELOPE of the message with this header."""
    return (_read(header, SHORT_VALUE_OCTETS) if enclosed else read(header)).wire


def read(header: Header) -> Envelope:
    """The ENVELOPE and its fields."""
    envelope = _read(header, MAX_VALUE_OCTETS)
    return envelope if len(envelope.wire) <= MAX_ENVELOPE_OCTETS else _read(header, SHORT_VALUE_OCTETS)


def _read(header: Header, max_octets: int) -> Envelope:
    date, subject, message_id = header.first("date"), header.first("subject"), header.first("message-id")
    from_ = address_field.read(header, "from", max_octets)
    to, cc = address_field.read(header, "to", max_octets), address_field.read(header, "cc", max_octets)
    sender = address_field.read(header, "sender", max_octets).wire
    reply_to = address_field.read(header, "reply-to", max_octets).wire
    wire = b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _value(date, max_octets),
        _value(subject, max_octets),
        from_.wire,
        # RFC 9051 §7.5.2: the client is not expected to know that Sender and Reply-To default to From
        from_.wire if sender is NIL else sender,
        from_.wire if reply_to is NIL else reply_to,
        to.wire,
        cc.wire,
        address_field.read(header, "bcc", max_octets).wire,
        _value(header.first("in-reply-to"), max_octets),
        _value(message_id, max_octets),
    )
    return Envelope(date, subject, from_, to, cc, message_id, wire)


def field_value(header: Header, name: str) -> bytes:
    """A field's unfolded value as an `nstring`."""
    return _value(header.first(name), MAX_VALUE_OCTETS)


def _value(value: bytes | None, max_octets: int) -> bytes:
    return NIL if value is None else string(value[:max_octets])
