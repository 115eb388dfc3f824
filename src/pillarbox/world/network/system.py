"""The machine's network, on the loop's transports."""

import asyncio
import os
import socket
import ssl
from typing import cast

from pillarbox.world.network.stream import READ_OCTETS, Endpoint, NetworkFailure, Stream, TlsFailure, TlsLayer
from pillarbox.world.tls.binding import channel_binding
from pillarbox.world.tls.client import presented_chain


class SystemNetwork:
    """See `Network`."""

    __slots__ = ()

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Stream:
        """See `Network`."""
        loop = asyncio.get_running_loop()
        local = (source, 0) if source else None
        try:
            _transport, link = await loop.create_connection(_Link, address, port, local_addr=local)
        except OSError as error:
            raise NetworkFailure(f"{address} port {port}: {_reason(error)}") from error
        return _SystemStream(link, Endpoint(address, port))


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    # asyncio's own loop names the address here, which is known, and not the reason
    return os.strerror(error.errno) if error.errno and text.startswith("Connect call failed") else text


async def addresses_of(host: str) -> list[str]:
    """The addresses of a host that an operator names, as the machine finds them: in `/etc/hosts`, then in the DNS.

    Raises `NetworkFailure`.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
        raise NetworkFailure(f"{host}: {getattr(error, 'strerror', None) or error}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Link(asyncio.Protocol):
    """Buffers what arrives, and pauses the peer while it is not read."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = False
        """The peer will send no more."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error: Exception | None = None
        self.may_write = True
        self._paused = False
        """Reading from the transport is paused."""
        self._waiters: set[asyncio.Future[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) >= READ_OCTETS:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        # Plain TCP stays open for what is still to be sent; TLS can't be half closed here.
        return self.transport.get_extra_info("ssl_object") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        if not self.lost.done():
            self.lost.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True
        self._wake()

    async def changed(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def take(self) -> bytes:
        taken = bytes(self.received[:READ_OCTETS])
        del self.received[:READ_OCTETS]
        if self._paused and len(self.received) < READ_OCTETS and not self.ended:
            self._paused = False
            self.transport.resume_reading()
        return taken

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class _SystemStream:
    __slots__ = ("_link", "_peer")

    def __init__(self, link: _Link, peer: Endpoint) -> None:
        self._link = link
        self._peer = peer

    @property
    def peer(self) -> Endpoint:
        return self._peer

    @property
    def tls(self) -> TlsLayer | None:
        layer = self._tls_object()
        cipher = layer.cipher() if layer else None
        if layer is None or cipher is None:
            return None
        return TlsLayer(layer.version() or "", cipher[0], cipher[2], layer.getpeercert(binary_form=True))

    def channel_binding(self, kind: str) -> bytes | None:
        layer = self._tls_object()
        return channel_binding(layer, kind, layer.getpeercert(binary_form=True)) if layer else None

    def presented_chain(self) -> tuple[bytes, ...]:
        layer = self._tls_object()
        return presented_chain(layer) if layer else ()

    async def read(self) -> bytes:
        link = self._link
        while not link.received and not link.ended:
            await link.changed()
        if not link.received:
            self._raise_if_lost()
        return link.take()

    async def write(self, octets: bytes) -> None:
        self._raise_if_lost()
        self._link.transport.write(octets)
        while not self._link.may_write and not self._link.lost.done():
            await self._link.changed()
        self._raise_if_lost()

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        link = self._link
        if link.received:
            # RFC 3207 §6: what came before TLS may be an attacker's; a correct server sends nothing here.
            self.abort()
            raise TlsFailure("octets in plain text before TLS began")
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(link.transport, link, context, server_hostname=server_name)
        except OSError as error:  # ssl.SSLError, ConnectionError and time-outs are all of this family
            self.abort()
            raise TlsFailure(f"{self._peer.address}: {error}") from error
        assert secured is not None, "a connection that was not closed gives a transport"
        link.transport = secured

    async def close(self) -> None:
        self._link.transport.close()
        await asyncio.shield(self._link.lost)

    def abort(self) -> None:
        self._link.transport.abort()

    def _tls_object(self) -> ssl.SSLObject | None:
        return cast("ssl.SSLObject | None", self._link.transport.get_extra_info("ssl_object"))

    def _raise_if_lost(self) -> None:
        if self._link.lost.done() and self._link.error:
            raise NetworkFailure(f"{self._peer.address}: {self._link.error}") from self._link.error
