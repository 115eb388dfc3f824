"""The two ends and the TLS layer of a transport of the loop."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

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
