"""Who a request comes from, as proxies tell it: Forwarded (RFC 7239) and the fields before it, `X-Forwarded-*`.

Whoever asks can write these fields, too. So they are read only where the peer is a proxy that is trusted, and from
the right, where that proxy has added its own: as far as addresses are those of trusted proxies, the next to the left
is believed. Where the two kinds of fields do not name the same client, one of them is not the proxy's.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from pillarbox.protocol.http.authority import authority

MAX_HOPS: Final = 20
_TOKEN_ENDS: Final = b' \t,;="()<>@:\\/[]?{}'


class ForwardedWrong(Exception):
    """What a trusted proxy tells can't be read. The text says what is wrong."""


class Forwarded(Struct, frozen=True, gc=False):
    """What trusted proxies say of a request."""

    address: str = ""
    """The client's IP address; empty where it is not told."""
    scheme: str = ""
    """`http` or `https`: how the client reached the first of them; empty where it is not told."""
    authority: str = ""
    """The host that the client asked; empty where it is not told."""


NOTHING: Final = Forwarded()
_UNKNOWN: Final = ""


def forwarded(fields: list[tuple[bytes, bytes]], is_trusted: Callable[[str], bool]) -> Forwarded:
    """Read the fields of a request (names in lower case) that came from a trusted proxy. Raises `ForwardedWrong`."""
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name == b"forwarded" or name.startswith(b"x-forwarded-"):
            by_name.setdefault(name, []).append(value)
    if not by_name:
        return NOTHING
    older, newer = _of_x_fields(by_name, is_trusted), _of_forwarded(by_name, is_trusted)
    if older.address and newer.address and older.address != newer.address:
        raise ForwardedWrong("Forwarded and X-Forwarded-For name different clients.")
    if older.scheme and newer.scheme and older.scheme != newer.scheme:
        raise ForwardedWrong("Forwarded and X-Forwarded-Proto name different schemes.")
    return Forwarded(
        newer.address or older.address, newer.scheme or older.scheme, newer.authority or older.authority
    )


# --- X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host


def _of_x_fields(by_name: dict[bytes, list[bytes]], is_trusted: Callable[[str], bool]) -> Forwarded:
    hops = _hops(b",".join(by_name.get(b"x-forwarded-for", [])), b"X-Forwarded-For")
    return Forwarded(
        _nearest([_address(hop) for hop in hops], is_trusted),
        _scheme(_last(by_name, b"x-forwarded-proto")),
        _host(_last(by_name, b"x-forwarded-host")),
    )


def _hops(value: bytes, name: bytes) -> list[bytes]:
    if not value:
        return []
    hops = [hop.strip(b" \t") for hop in value.split(b",", MAX_HOPS)]
    if len(hops) > MAX_HOPS or not all(hops):
        raise ForwardedWrong(f"{name.decode()} has an empty entry or too many.")
    return hops


def _last(by_name: dict[bytes, list[bytes]], name: bytes) -> bytes:
    hops = _hops(b",".join(by_name.get(name, [])), name)
    return hops[-1] if hops else b""


# --- Forwarded


def _of_forwarded(by_name: dict[bytes, list[bytes]], is_trusted: Callable[[str], bool]) -> Forwarded:
    values = by_name.get(b"forwarded")
    if not values:
        return NOTHING
    elements = _elements(b",".join(values))
    last = elements[-1]
    return Forwarded(
        _nearest([_node(element.get(b"for", b"")) for element in elements], is_trusted),
        _scheme(last.get(b"proto", b"")),
        _host(last.get(b"host", b"")),
    )


def _elements(value: bytes) -> list[dict[bytes, bytes]]:
    """RFC 7239 §4: what each proxy has added."""
    elements: list[dict[bytes, bytes]] = [{}]
    at = 0
    while True:
        at = _spaces(value, at)
        name, at = _token(value, at)
        if value[at : at + 1] != b"=":
            raise _wrong()
        content, at = _quoted(value, at + 2) if value[at + 1 : at + 2] == b'"' else _token(value, at + 1)
        if name.lower() in elements[-1]:
            raise _wrong()  # RFC 7239 §4: each parameter once
        elements[-1][name.lower()] = content
        at = _spaces(value, at)
        if at == len(value):
            return elements
        if value[at : at + 1] == b",":
            elements.append({})
        elif value[at : at + 1] != b";":
            raise _wrong()
        if len(elements) > MAX_HOPS:
            raise _wrong()
        at += 1


def _spaces(value: bytes, at: int) -> int:
    while value[at : at + 1] in (b" ", b"\t"):
        at += 1
    return at


def _token(value: bytes, at: int) -> tuple[bytes, int]:
    end = at
    while end < len(value) and value[end] > 0x20 and value[end] < 0x7F and value[end] not in _TOKEN_ENDS:
        end += 1
    if end == at:
        raise _wrong()
    return value[at:end], end


def _quoted(value: bytes, at: int) -> tuple[bytes, int]:
    end = value.find(b'"', at)
    # Nothing that is meant here has a quoted pair in it
    if end < 0 or b"\\" in value[at:end]:
        raise _wrong()
    return value[at:end], end + 1


def _node(value: bytes) -> str:
    """RFC 7239 §6: an address with or without a port; an identifier that means nothing to us is unknown."""
    if value in (b"", b"unknown") or value.startswith(b"_"):
        return _UNKNOWN
    return _address(value)


def _wrong() -> ForwardedWrong:
    return ForwardedWrong("Forwarded is not as RFC 7239 has it.")


# --- what both have


def _nobody() -> ForwardedWrong:
    return ForwardedWrong("A proxy names a client that is no IP address.")


def _nearest(addresses: list[str], is_trusted: Callable[[str], bool]) -> str:
    """The last address that is none of a trusted proxy; where all are, the first."""
    for address in reversed(addresses):
        if address == _UNKNOWN or not is_trusted(address):
            return address
    return addresses[0] if addresses else _UNKNOWN


def _address(value: bytes) -> str:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`."""
    text, port = value.decode("ascii", "replace"), ""
    if text.startswith("["):
        text, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise _nobody()
        port = port[1:]
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
    try:
        address = ip_address(text)
    except ValueError:
        raise _nobody() from None
    if "%" in text or (port and not (port.isascii() and port.isdigit() and len(port) <= 5)):
        raise _nobody()
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _scheme(value: bytes) -> str:
    scheme = value.lower()
    if scheme not in (b"", b"http", b"https"):
        raise ForwardedWrong("A proxy names a scheme that is neither http nor https.")
    return scheme.decode()


def _host(value: bytes) -> str:
    host = authority(value)
    if host is None:
        raise ForwardedWrong("A proxy names a host that is none.")
    return host
