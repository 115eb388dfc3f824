"""An address field as stored: its form in ENVELOPE (RFC 9051 §7.5.2) and its sort keys.

The same users, lists and correspondents appear in field after field, so results for short fields are cached.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from pillarbox.mail import encoded_word
from pillarbox.mail.address_list import parse_address_list
from pillarbox.mail.collation import collate
from pillarbox.mail.header import Header
from pillarbox.mail.imap_string import NIL, nstring, string
from pillarbox.mail.name_addr import AddressItem, Group, NameAddr

MAX_VALUE_OCTETS: Final = 256 * 1024
"""Octets read of all occurrences of one field together; an address that would end beyond them is left out."""

MAX_SORT_CHARACTERS: Final = 255
"""Length at which sort keys are cut."""

_MAX_CACHED_OCTETS: Final = 128
_END_OF_GROUP: Final = b"(NIL NIL NIL NIL)"


class AddressField(msgspec.Struct, frozen=True, gc=False):
    """All fields of one name, read as one list."""

    wire: bytes
    """The list in ENVELOPE; NIL where the field is absent or empty."""
    mailbox_key: str
    """Mailbox of the first address, collated (RFC 5256 §3, SORT FROM)."""
    display_key: str
    """Display name, else address, of the first address, collated (RFC 5957 §3)."""


ABSENT: Final = AddressField(NIL, "", "")


def read(header: Header, name: str, max_octets: int = MAX_VALUE_OCTETS) -> AddressField:
    """The address field of this name, read from its first `max_octets`."""
    values = header.all(name)
    if not values:
        return ABSENT
    # RFC 5322 §4.5.3: several fields of one name are one list
    value = values[0] if len(values) == 1 else b", ".join(values)
    return _cached_field(value) if len(value) <= _MAX_CACHED_OCTETS else _parsed_field(value, max_octets)


def pieces(values: Sequence[bytes]) -> Iterator[str]:
    """What ENVELOPE has of the fields of one name as readable text: `Name <local@domain>, ...`."""
    value = (values[0] if len(values) == 1 else b", ".join(values))[:MAX_VALUE_OCTETS]
    for place, item in enumerate(parse_address_list(value)):
        between = ", " if place else ""
        if isinstance(item, NameAddr):
            yield between + _readable(item)
        else:
            members = ", ".join(map(_readable, item.members))
            yield f"{between}{encoded_word.decode(item.name)}: {members};"


def _readable(address: NameAddr) -> str:
    name = encoded_word.decode(address.display or b"")
    if not (address.local or address.domain):
        return name
    at = encoded_word.decode(b"%b@%b" % (address.local, address.domain) if address.domain else address.local)
    return f"{name} <{at}>" if name else at


def _parsed_field(value: bytes, max_octets: int = MAX_VALUE_OCTETS) -> AddressField:
    items = parse_address_list(value[:max_octets])
    if len(value) > max_octets and len(items) > 1:
        items.pop()
    if not items:
        return ABSENT
    return AddressField(_wire(items), _mailbox_key(items[0]), _display_key(items[0]))


_cached_field = lru_cache(maxsize=1024)(_parsed_field)


def _wire(items: Sequence[AddressItem]) -> bytes:
    return b"(%b)" % b"".join(
        [_address(item) if isinstance(item, NameAddr) else _group(item) for item in items]
    )


def _address(address: NameAddr) -> bytes:
    display, route, local, domain = address
    # Only short addresses are cached, so that the cache is bounded in octets as well
    if route is None and len(local) + len(domain) <= 80 and (display is None or len(display) <= 80):
        return _cached_address(address)
    return _rendered_address(address)


def _rendered_address(address: NameAddr) -> bytes:
    display, route, local, domain = address
    return b"(%b %b %b %b)" % (nstring(display), nstring(route), string(local), string(domain))


_cached_address = lru_cache(maxsize=2048)(_rendered_address)


def _group(group: Group) -> bytes:
    # RFC 9051 §7.5.2: a group begins with its name without a host, and ends with an address of only NILs
    members = b"".join([_address(member) for member in group.members])
    return b"(NIL NIL %b NIL)%b%b" % (string(group.name), members, _END_OF_GROUP)


def _mailbox_key(first: AddressItem) -> str:
    # RFC 5256 §3: the addr-mailbox of the first address structure, which of a group is its name
    return _key(first.name if isinstance(first, Group) else first.local)


def _display_key(first: AddressItem) -> str:
    """RFC 5957 §3: the display name, else the address."""
    if isinstance(first, Group):
        return _key(first.name)
    return _key(first.display or b"") or _key(b"%b@%b" % (first.local, first.domain))


def _key(octets: bytes) -> str:
    # Databases truncate a text at NUL or refuse it
    return collate(encoded_word.decode(octets).replace("\0", "\ufffd")[:MAX_SORT_CHARACTERS])
