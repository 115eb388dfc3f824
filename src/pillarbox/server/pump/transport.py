"""The two ends, the TLS layer and the traffic of a transport of the loop."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final, cast

from msgspec import Struct

from pillarbox.server.connection import NOBODY, Peer, TlsState


def end_of(transport: asyncio.Transport | None, which: str) -> Peer:
    """One end of the connection, `peername` or `sockname`; an IPv4 address mapped into IPv6 is written as IPv4."""
    name = transport.get_extra_info(which) if transport is not None else None
    if not isinstance(name, tuple):
        return NOBODY
    return Peer(name[0].removeprefix("::ffff:"), name[1])


def tls_of(transport: asyncio.Transport | None) -> ssl.SSLObject | None:
    """The TLS layer, or `None` in plain text."""
    if transport is None:
        return None
    return cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))


def tls_state(
    transport: asyncio.Transport | None, channel_binding: Callable[[ssl.SSLObject, str], bytes | None]
) -> TlsState | None:
    """The TLS layer as sessions see it, or `None` in plain text."""
    layer = tls_of(transport)
    cipher = layer.cipher() if layer else None
    if layer is None or cipher is None:
        return None
    return TlsState(
        version=cast("str", layer.version()),
        cipher=cipher[0],
        bits=cipher[2],
        bindings=lambda kind: channel_binding(layer, kind),
        alpn=layer.selected_alpn_protocol(),
    )


class Traffic(Struct, frozen=True):
    """What went over a connection, TLS included."""

    received_octets: int
    sent_octets: int
    """What the peer has acknowledged."""
    silent_s: float
    """Since the peer last sent something."""


# Linux' struct tcp_info: tcpi_last_data_recv in ms, tcpi_bytes_acked, tcpi_bytes_received
_LAST_RECEIVED: Final = struct.Struct("=52xI")
_TRANSFERRED: Final = struct.Struct("=120xQQ")


def traffic_of(transport: asyncio.Transport | None) -> Traffic | None:
    """What the kernel has counted; `None` where it does not, as for a UNIX socket."""
    option = getattr(socket, "TCP_INFO", None)
    connected = transport.get_extra_info("socket") if transport is not None else None
    if option is None or connected is None:
        return None
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, option, _TRANSFERRED.size)
        sent, received = _TRANSFERRED.unpack(told)
    except (OSError, struct.error):
        return None
    return Traffic(received, sent, _LAST_RECEIVED.unpack_from(told)[0] / 1000)
