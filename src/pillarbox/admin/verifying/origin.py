"""Who handed a saved message over, as its own fields tell.

The topmost Received field was written by the host that took the message last. Where that was handed over within one
network (by 127.0.0.1 or 10.0.0.1), or does not say by whom, the next one down counts. Fields further down may be
written by anybody: so the first one that names a public address is the last one that is looked at.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from msgspec.structs import replace

from pillarbox.admin.verifying.examining import Handover
from pillarbox.admin.verifying.requests import RequestRefused, address_of, sender_of
from pillarbox.mail.header import Header

MAX_FIELDS: Final = 20
"""Received fields that are looked at."""
MAX_FIELD_OCTETS: Final = 1000
"""Of each."""

_WITHIN: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
# RFC 5321 §4.4: `from HELO (NAME [ADDRESS]) by HOST`; Exim: `([ADDRESS] helo=HELO)`; qmail: `(HELO NAME) (ADDRESS)`
_FROM: Final = re.compile(r"from[ \t]+(\S+)")
_BY: Final = re.compile(r"[ \t)]by[ \t]+([^\s;]+)")
_ADDRESS: Final = re.compile(r"[\[(](?:IPv6:)?([0-9A-Fa-f:.]{2,45})[\])]")
_HELO: Final = re.compile(r"\((?:[^()]{0,200}[ \t])?(?:helo=|HELO |EHLO )([^\s()]+)")


def origin(header: Header) -> Handover:
    """What is known of the client; nothing of it may be true."""
    found = _client(header)
    path = header.first("return-path")
    if path is None:
        return found
    text = path[:MAX_FIELD_OCTETS].decode("utf-8", "replace").strip()
    return replace(found, mail_from=sender_of(text), mail_from_known=True)


def _client(header: Header) -> Handover:
    for field in header.all("received")[:MAX_FIELDS]:
        text = field[:MAX_FIELD_OCTETS].decode("latin-1")
        by = _BY.search(text)
        sender, host = (text[: by.start() + 1], by[1]) if by else (text, "")
        ip, helo = _address(sender), _helo(sender)
        if ip is not None and not _is_within(ip):
            return Handover(
                ip=ip, helo=helo, source=f"the Received field of {host or 'a host without a name'}"
            )
    return Handover()


def _is_within(ip: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of a machine or a network of somebody's own, which says nothing elsewhere."""
    return ip.is_loopback or ip.is_link_local or any(ip in network for network in _WITHIN)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    for found in _ADDRESS.finditer(text):
        try:
            return address_of(found[1])
        except RequestRefused:
            continue
    return None


def _helo(text: str) -> str:
    found = _HELO.search(text) or _FROM.match(text)
    return found[1] if found else ""
