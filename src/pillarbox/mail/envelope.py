"""ENVELOPE: a message's header as IMAP shows it in a listing (RFC 9051 §7.5.2, the same as RFC 3501 §7.4.2).

What is rendered here are the octets that go on the wire. Always true: the result is an ``envelope`` of the
formal syntax, whatever the header holds. Strings are unfolded but otherwise as they came, so encoded words
are raw; and an absent field is NIL, an empty one "".
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from pillarbox.mail.address_list import AddressItem, Group, NameAddr, parse_address_list
from pillarbox.mail.header import Header
from pillarbox.mail.imap_string import NIL, nstring, string

EMPTY: Final = b"(" + b" ".join([NIL] * 10) + b")"
"""The envelope of a message without any of these fields."""

MAX_VALUE_OCTETS: Final = 256 * 1024
"""Octets of one field's value (of all its occurrences, for addresses) that are shown."""

_END_OF_GROUP: Final = b"(NIL NIL NIL NIL)"


class Addresses(NamedTuple):
    """The address lists of a header; None where the field is absent or empty."""

    from_: list[AddressItem] | None
    sender: list[AddressItem] | None
    reply_to: list[AddressItem] | None
    to: list[AddressItem] | None
    cc: list[AddressItem] | None
    bcc: list[AddressItem] | None


def render(header: Header) -> bytes:
    """The ENVELOPE of the message with this header."""
    return render_with(header, read_addresses(header))


def read_addresses(header: Header) -> Addresses:
    """All that ENVELOPE and the sort keys need of the address fields."""
    return Addresses(*(_read(header, name) for name in ("from", "sender", "reply-to", "to", "cc", "bcc")))


def render_with(header: Header, addresses: Addresses) -> bytes:
    """``render`` for one who has read the addresses already."""
    from_ = _address_list(addresses.from_)
    # RFC 9051 §7.5.2: the client is not expected to know that Sender and Reply-To default to From
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        field_value(header, "date"),
        field_value(header, "subject"),
        from_,
        _address_list(addresses.sender) if addresses.sender else from_,
        _address_list(addresses.reply_to) if addresses.reply_to else from_,
        _address_list(addresses.to),
        _address_list(addresses.cc),
        _address_list(addresses.bcc),
        field_value(header, "in-reply-to"),
        field_value(header, "message-id"),
    )


def field_value(header: Header, name: str) -> bytes:
    """A field's unfolded value as an ``nstring``."""
    value = header.first(name)
    return NIL if value is None else string(value[:MAX_VALUE_OCTETS])


def _read(header: Header, name: str) -> list[AddressItem] | None:
    values = header.all(name)
    # RFC 5322 §4.5.3: several fields of one name are one list
    return parse_address_list(b", ".join(values)[:MAX_VALUE_OCTETS]) or None if values else None


def _address_list(items: Iterable[AddressItem] | None) -> bytes:
    if not items:
        return NIL
    return b"(%b)" % b"".join(
        [_address(item) if isinstance(item, NameAddr) else _group(item) for item in items]
    )


def _address(address: NameAddr) -> bytes:
    display, route, local, domain = address
    # Only what is short is remembered, so that the octets remembered have a limit too
    if route is None and len(local) + len(domain) <= 80 and (display is None or len(display) <= 80):
        return _usual_address(address)
    return _any_address(address)


def _any_address(address: NameAddr) -> bytes:
    display, route, local, domain = address
    return b"(%b %b %b %b)" % (nstring(display), nstring(route), string(local), string(domain))


_usual_address = lru_cache(maxsize=2048)(_any_address)
"""The people of this server, its lists, and who writes to them often."""


def _group(group: Group) -> bytes:
    # RFC 9051 §7.5.2: a group begins with its name and no host, and ends with an address of NILs alone
    members = b"".join([_address(member) for member in group.members])
    return b"(NIL NIL %b NIL)%b%b" % (string(group.name), members, _END_OF_GROUP)
