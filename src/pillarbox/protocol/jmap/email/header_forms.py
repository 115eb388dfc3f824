"""The parsed forms of header fields (RFC 8621 §4.1.2).

A form is made of the octets behind the colon, folded as they are. It exists for any octets, and what it says is text
that UTF-8 can encode. Of a longer value than `MAX_VALUE_OCTETS` only those are read, except in the Raw form; of an
address list at most `address_tokens.MAX_ADDRESSES`. Usual values cost some microseconds; the dearest within these
limits is an address list of 256 KiB of brackets, with 120 ms.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pillarbox.mail import charset, date, encoded_word, list_urls, message_id
from pillarbox.mail.address import Address
from pillarbox.mail.address_field import MAX_VALUE_OCTETS
from pillarbox.mail.address_list import parse_address_list
from pillarbox.mail.name_addr import AddressList, Group, NameAddr
from pillarbox.mail.normalization import normalize
from pillarbox.protocol.jmap.types.email import EmailAddress


class EmailAddressGroup(Struct, frozen=True, gc=False):
    """EmailAddressGroup (RFC 8621 §4.1.2.4)."""

    name: str | None
    """None for addresses that are in no group."""
    addresses: list[EmailAddress]


FormValue = str | list[EmailAddress] | list[EmailAddressGroup] | list[str] | None


class Form(Enum):
    """The forms, by what a property has behind the name of a field."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    RAW = "asRaw"
    TEXT = "asText"
    ADDRESSES = "asAddresses"
    GROUPED_ADDRESSES = "asGroupedAddresses"
    MESSAGE_IDS = "asMessageIds"
    DATE = "asDate"
    URLS = "asURLs"


def raw(value: bytes) -> str:
    """Raw: as it stands, without NUL; what is not UTF-8 becomes U+FFFD (§4.1.2.1)."""
    return value.decode("utf-8", "replace").replace("\0", "")


def text(value: bytes) -> str:
    """Text: unfolded, decoded and in NFC (§4.1.2.2).

    Octets above 127 that are not UTF-8 are read as windows-1252, like everywhere here.
    """
    decoded = encoded_word.decode_text(_unfolded(value).lstrip(b" "))
    return decoded if decoded.isascii() else normalize("NFC", decoded)


def addresses(value: bytes) -> list[EmailAddress]:
    """Addresses: all mailboxes, those in groups as well (§4.1.2.3)."""
    found: list[EmailAddress] = []
    for item in _address_list(value):
        if isinstance(item, NameAddr):
            found.append(_address(item))
        else:
            found += map(_address, item.members)
    return found


def grouped_addresses(value: bytes) -> list[EmailAddressGroup]:
    """GroupedAddresses: those of no group are together, as far as they follow one another (§4.1.2.4)."""
    found: list[EmailAddressGroup] = []
    alone: list[EmailAddress] | None = None
    for item in _address_list(value):
        if isinstance(item, Group):
            found.append(EmailAddressGroup(_name(item.name) or "", list(map(_address, item.members))))
            alone = None
        elif alone is None:
            alone = [_address(item)]
            found.append(EmailAddressGroup(None, alone))
        else:
            alone.append(_address(item))
    return found


def message_ids(value: bytes) -> list[str] | None:
    """MessageIds, opaque between their angle brackets (§4.1.2.5)."""
    return message_id.message_ids(_unfolded(value))


def sent_date(value: bytes) -> str | None:
    """Date, in the zone in which it is written (§4.1.2.6)."""
    sent = date.parse_sent(_unfolded(value[: 2 * date.MAX_DATE_OCTETS]).strip(b" \t"))
    return None if sent is None else date.rfc3339(sent.at_ms, sent.zone_minutes)


def urls(value: bytes) -> list[str] | None:
    """URLs, without brackets and comments (§4.1.2.7)."""
    return list_urls.urls(_unfolded(value))


READERS: Final[Mapping[Form, Callable[[bytes], FormValue]]] = {
    Form.RAW: raw,
    Form.TEXT: text,
    Form.ADDRESSES: addresses,
    Form.GROUPED_ADDRESSES: grouped_addresses,
    Form.MESSAGE_IDS: message_ids,
    Form.DATE: sent_date,
    Form.URLS: urls,
}
"""What makes the value of each form."""


def _unfolded(value: bytes) -> bytes:
    """RFC 5322 §2.2.3: only the line ends go, the white space behind them stays."""
    value = value[:MAX_VALUE_OCTETS]
    return value.replace(b"\r\n", b"").replace(b"\n", b"") if b"\n" in value else value


def _address_list(value: bytes) -> AddressList:
    items = parse_address_list(_unfolded(value).strip(b" \t\r"))
    if len(value) > MAX_VALUE_OCTETS and len(items) > 1 and not items.cut:
        items.pop()  # it may be cut
    return items


def _address(item: NameAddr) -> EmailAddress:
    # Only short ones are remembered, so that the memory is bounded in octets as well
    if len(item.local) + len(item.domain) + len(item.display or b"") <= _MAX_CACHED_OCTETS:
        return _cached_address(item)
    return _read_address(item)


_MAX_CACHED_OCTETS: Final = 128


def _read_address(item: NameAddr) -> EmailAddress:
    # RFC 2047 §5: no part of an addr-spec is ever encoded
    local, domain = charset.guess(item.local), charset.guess(item.domain)
    if not domain:
        email = local
    elif not local:
        email = f"@{domain}"
    else:
        email = str(Address(local, domain))
    return EmailAddress(email.replace("\0", ""), _name(item.display))


_cached_address = lru_cache(maxsize=2048)(_read_address)


def _name(display: bytes | None) -> str | None:
    """A display name, whose quoting is gone already.

    Where it is an encoded word in quotes it is decoded, which RFC 2047 §5 (3) does not allow: so many senders write it
    so that all mail programs do.
    """
    if display is None:
        return None
    name = encoded_word.decode_text(display).strip(" \t")
    return name if name.isascii() else normalize("NFC", name)
