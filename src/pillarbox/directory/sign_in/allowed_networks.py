"""The networks from which an app password may be used: kept as one text, looked at when somebody logs in.

An address is written in two ways where a socket of IPv6 takes IPv4 too: the IPv4-mapped one is the IPv4 address here,
in networks as well.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from pillarbox.directory.naming import NameRefused

MAX_NETWORKS: Final = 20
"""Of one app password."""
MAX_NETWORK_CHARACTERS: Final = 64
"""Of a network as somebody writes it; the longest has 49."""
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def network_of(written: str) -> str:
    """A network as it is kept: `192.0.2.0/24`, `2001:db8::/32`; a single address is a network of one.

    Raises `NameRefused`, also where the address has bits beyond the prefix: who writes 192.0.2.7/24 may mean either.
    """
    address, slash, prefix = written.strip().partition("/")
    try:
        # A netmask in place of the prefix, or a zone, which `ip_network` takes
        is_odd = "%" in written or (slash and not (prefix.isascii() and prefix.isdigit()))
        if is_odd or len(written) > MAX_NETWORK_CHARACTERS:
            raise ValueError
        found = ipaddress.ip_network(f"{address}{slash}{prefix}", strict=False)
    except ValueError:
        raise NameRefused(
            f"'{written[:MAX_NETWORK_CHARACTERS]}' is not a network: write 192.0.2.0/24, 2001:db8::/32, or an address"
        ) from None
    if slash and found.network_address != ipaddress.ip_address(address):
        raise NameRefused(f"'{written}' has an address inside of the network: write {found}, or {address}")
    return str(_unmapped(found))


def joined(networks: Iterable[str]) -> str:
    """Networks as they are kept; none is the empty text: from everywhere. Raises `NameRefused`."""
    found = list(dict.fromkeys(map(network_of, networks)))
    if len(found) > MAX_NETWORKS:
        raise NameRefused(f"an app password has at most {MAX_NETWORKS} networks, not {len(found)}")
    return " ".join(found)


def permit(networks: str, address: str) -> bool:
    """Whether a client with this IP address is in one of the networks, as they are kept; or there are none.

    Nobody is in networks that are damaged, or has no address (a local socket).
    """
    if not networks:
        return True
    try:
        allowed, client = _parsed(networks), _address(address)
    except ValueError:
        return False
    return any(client in network for network in allowed)


def plain_address(address: str) -> str:
    """An IP address as it is shown: one that is IPv4-mapped as IPv4, without a zone; any other text unchanged."""
    try:
        return str(_address(address))
    except ValueError:
        return address


@lru_cache(maxsize=256)
def _parsed(networks: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, networks.split()))


def _address(text: str) -> Address:
    parsed = ipaddress.ip_address(text.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        number = int(network.network_address) & 0xFFFF_FFFF
        return ipaddress.IPv4Network((number, network.prefixlen - _MAPPED.prefixlen))
    return network
