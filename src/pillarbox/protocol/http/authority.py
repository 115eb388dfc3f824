"""Host and port, as the Host field and a request target name them (RFC 9110 §4.2, RFC 3986 §3.2)."""

from ipaddress import AddressValueError, IPv6Address
from typing import Final

MAX_HOST_OCTETS: Final = 255
_OF_NAMES: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"


def authority(octets: bytes) -> str | None:
    """The authority in lower case, or `None` if it is none: names and addresses only, with a port or without.

    An empty one stays empty: it is what a client sends whose target has none (RFC 9112 §3.2).
    """
    if not octets:
        return ""
    host, port = _divided(octets)
    if not _is_host(host) or (port is not None and not _is_port(port)):
        return None
    return octets.decode("ascii").lower()


def split(text: str) -> tuple[str, int | None]:
    """Host (an IPv6 address in brackets) and port of what `authority` has returned."""
    host, port = _divided(text.encode("ascii"))
    return host.decode("ascii"), int(port) if port else None


def _divided(octets: bytes) -> tuple[bytes, bytes | None]:
    host, colon, port = octets.rpartition(b":")
    if not colon or octets.endswith(b"]"):
        return octets, None
    return host, port


def _is_port(octets: bytes) -> bool:
    # RFC 3986 §3.2.3: the digits may be left out
    return not octets or (octets.isdigit() and len(octets) <= 5 and int(octets) <= 65_535)


def _is_host(octets: bytes) -> bool:
    if not octets or len(octets) > MAX_HOST_OCTETS:
        return False
    if octets.startswith(b"["):
        return octets.endswith(b"]") and _is_ipv6(octets[1:-1])
    return not octets.strip(_OF_NAMES)


def _is_ipv6(octets: bytes) -> bool:
    try:
        return "%" not in str(IPv6Address(octets.decode("ascii")))
    except (AddressValueError, UnicodeDecodeError):
        return False
