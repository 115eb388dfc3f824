"""Unreliable connections: octets come late, in pieces, not at all, or the connection is reset at any octet.

A `Wire` is one simulated TCP connection. Its client end is pulled (`Stream`); its server end is pulled as well, for a
foreign server, or pushed (a transport under the real pump). Its faults were decided when it was made: its
`ConnectionFaults`. TLS is simulated: tokens are sent between the octets.

What arrives is received in the life of its receiver; so nothing reaches an ended life, and what an ended life has sent
before still arrives.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, fields
from enum import Enum
from random import Random
from typing import Any

from pillarbox.world.network import Endpoint, NetworkFailure, TlsFailure, TlsLayer

HANDSHAKE_S = 30.0
SIMULATED_TLS = TlsLayer("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, certificate=None)


@dataclass(frozen=True, slots=True)
class ConnectionFaults:
    """The faults of a connection. Octets are counted as they arrive."""

    delay_s: float = 0.02
    """The latency of each direction."""
    refused: bool = False
    silent: bool = False
    """Connecting times out."""
    up_cut: int | None = None
    """Reset when so many octets of the client's have arrived."""
    down_cut: int | None = None
    up_lost: int | None = None
    """What the client sends beyond so many octets is lost, without an error."""
    down_lost: int | None = None
    in_pieces: bool = False
    tls_fails: bool = False

    def __str__(self) -> str:
        """The faults, for the trace."""
        unusual = [f"{one.name}={getattr(self, one.name)}" for one in fields(self) if self != NO_FAULTS]
        return ", ".join(text for text in unusual if not text.endswith(("=None", "=False"))) or "good"


NO_FAULTS = ConnectionFaults()


class Token(Enum):
    """What is sent besides octets."""

    END = "no more octets"
    HELLO = "a TLS handshake is asked for"
    AGREED = "TLS is active"
    REFUSED = "no TLS"


class _Way:
    """One direction."""

    def __init__(self, wire: "Wire", cut: int | None, lost: int | None) -> None:
        self.to: End
        self.on_sent: Callable[[bytes], None] = lambda _octets: None
        """Called with what is sent."""
        self.on_arrived: Callable[[bytes], None] = lambda _octets: None
        """Called with what arrives."""
        self._wire = wire
        self._cut = cut
        self._lost = lost
        self._arrived = 0
        self._under_way: deque[bytes | Token] = deque()

    def send(self, item: bytes | Token) -> None:
        if self._wire.is_reset:
            return
        if not isinstance(item, Token):
            self.on_sent(item)
        for piece in self._wire.pieces(item):
            self._under_way.append(piece)
            self._wire.later(self._arrive, self.to.context)

    def lose_the_rest(self) -> None:
        """Nothing arrives from now on."""
        self._lost = self._arrived

    def _arrive(self) -> None:
        item = self._under_way.popleft()
        if self._wire.is_reset or (self._lost is not None and self._arrived > self._lost):
            return
        if isinstance(item, Token):
            self.to.token(item)
            return
        before, self._arrived = self._arrived, self._arrived + len(item)
        if self._lost is not None and self._arrived > self._lost:
            item = item[: self._lost - before]
        if self._cut is not None and self._arrived >= self._cut:
            self._deliver(item[: self._cut - before])
            self._wire.reset()
        else:
            self._deliver(item)

    def _deliver(self, octets: bytes) -> None:
        if octets:
            self.on_arrived(octets)
            self.to.arrived(octets)


class Wire:
    """One connection; `client` and `server` are its ends."""

    def __init__(self, faults: ConnectionFaults, chance: Random, client: "Pulled", server: "End") -> None:
        self.faults = faults
        self.is_reset = False
        self.client = client
        self.server = server
        self.up = _Way(self, faults.up_cut, faults.up_lost)
        self.down = _Way(self, faults.down_cut, faults.down_lost)
        self.up.to, self.down.to = server, client
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        client.join(self, self.up)
        server.join(self, self.down)

    @property
    def is_open(self) -> bool:
        """Whether an end is still open."""
        return not self.is_reset and (self.client.is_open or self.server.is_open)

    def later(self, call: Callable[[], None], context: Context) -> None:
        """Call when something sent now arrives, in the life of its receiver."""
        self._loop.call_later(self.faults.delay_s, call, context=context)

    def pieces(self, item: bytes | Token) -> tuple[bytes | Token, ...]:
        """What is sent, cut into the pieces that arrive."""
        if not self.faults.in_pieces or isinstance(item, Token) or len(item) < 2:
            return (item,)
        at = self._chance.randrange(1, len(item))
        return item[:at], item[at:]

    def reset(self) -> None:
        """Reset the connection: both ends are notified."""
        if not self.is_reset:
            self.is_reset = True
            for end in (self.client, self.server):
                self._loop.call_soon(end.was_reset, context=end.context)


class End:
    """One end of a wire."""

    def __init__(self, context: Context, peer: Endpoint) -> None:
        self.context = context
        self.is_open = True
        self._peer = peer
        self._wire: Wire
        self._out: _Way

    def join(self, wire: Wire, out: _Way) -> None:
        """Be an end of this wire."""
        self._wire, self._out = wire, out

    def arrived(self, octets: bytes) -> None:
        """Octets came."""
        raise NotImplementedError

    def token(self, token: Token) -> None:
        """A token came."""
        raise NotImplementedError

    def was_reset(self) -> None:
        """The connection is gone."""
        raise NotImplementedError


class Pulled(End):
    """An end that is read from: `Stream`."""

    def __init__(self, context: Context, peer: Endpoint) -> None:
        super().__init__(context, peer)
        self.taken = 0
        """Octets that the owner of this end has read."""
        self.tls: TlsLayer | None = None
        self._received = bytearray()
        self._tokens: deque[Token] = deque()
        self._ended = False
        self._changed: asyncio.Future[None] | None = None

    @property
    def peer(self) -> Endpoint:
        """See `Stream`."""
        return self._peer

    def channel_binding(self, _kind: str) -> bytes | None:
        """Simulated TLS has no channel binding."""
        return None

    def presented_chain(self) -> tuple[bytes, ...]:
        """Nor certificates."""
        return ()

    async def read(self) -> bytes:
        """See `Stream`."""
        while not self._received and not self._ended and not self._wire.is_reset:
            await self._change()
        if not self._received and self._wire.is_reset:
            raise NetworkFailure("Connection reset by peer")
        octets = bytes(self._received)
        self._received.clear()
        self.taken += len(octets)
        return octets

    async def write(self, octets: bytes) -> None:
        """See `Stream`."""
        if self._wire.is_reset:
            raise NetworkFailure("Connection reset by peer")
        self._out.send(octets)

    async def start_tls(self, _context: object, _server_name: str) -> None:
        """See `Stream`."""
        if self._received:
            self.abort()
            raise TlsFailure("octets in plain text before TLS began")
        self._out.send(Token.HELLO)
        if await self._next_token() is not Token.AGREED:
            self.abort()
            raise TlsFailure("handshake failed")
        self.tls = SIMULATED_TLS

    async def answer_tls(self, *, agrees: bool) -> None:
        """The server's part of a simulated handshake, for foreign servers."""
        await self._next_token()
        self._out.send(Token.AGREED if agrees else Token.REFUSED)

    async def close(self) -> None:
        """See `Stream`."""
        if self.is_open:
            self.is_open = False
            self._out.send(Token.END)

    def abort(self) -> None:
        """See `Stream`."""
        self.is_open = False
        self._wire.reset()

    def arrived(self, octets: bytes) -> None:
        """See `End`."""
        self._received += octets
        self._wake()

    def token(self, token: Token) -> None:
        """See `End`."""
        if token is Token.END:
            self._ended = True
        else:
            self._tokens.append(token)
        self._wake()

    def was_reset(self) -> None:
        """See `End`."""
        self._wake()

    async def _next_token(self) -> Token | None:
        while not self._tokens and not self._ended and not self._wire.is_reset:
            await self._change()
        return self._tokens.popleft() if self._tokens else None

    async def _change(self) -> None:
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


class Pushed(End, asyncio.Transport):
    """An end under a `BufferedProtocol`: the pump's transport."""

    def __init__(self, context: Context, peer: Endpoint, local: Endpoint) -> None:
        End.__init__(self, context, peer)
        asyncio.Transport.__init__(
            self,
            {"peername": (peer.address, peer.port), "sockname": (local.address, local.port)},
        )
        self._protocol: Any = None
        self._paused = False
        self._lost = False
        self._waiting: deque[bytes | Token] = deque()
        self._hello: asyncio.Future[bool] | None = None
        self._hello_came = False

    def carry(self, protocol: asyncio.BufferedProtocol) -> None:
        """Begin to serve."""
        self._protocol = protocol
        protocol.connection_made(self)

    # --- what arrives

    def arrived(self, octets: bytes) -> None:
        """See `End`."""
        self._take(octets)

    def token(self, token: Token) -> None:
        """See `End`."""
        if token is Token.HELLO:
            self._hello_came = True
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(True)
        else:
            self._take(token)

    def was_reset(self) -> None:
        """See `End`."""
        self._lose(ConnectionResetError("Connection reset by peer"))

    def _take(self, item: bytes | Token) -> None:
        if self._lost:
            return
        if self._paused or self._waiting:
            self._waiting.append(item)
        else:
            self._feed(item)

    def _feed(self, item: bytes | Token) -> None:
        if isinstance(item, Token):
            if not self._protocol.eof_received():
                self.close()
            return
        while item and not self._lost:
            buffer = self._protocol.get_buffer(len(item))
            count = min(len(buffer), len(item))
            buffer[:count] = item[:count]
            self._protocol.buffer_updated(count)
            item = item[count:]

    # --- what the pump asks: `asyncio.Transport`

    def write(self, data: Any) -> None:
        """See `asyncio.WriteTransport`."""
        if self.is_open:
            self._out.send(bytes(data))

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport`."""
        if self.is_open:
            self.is_open = False
            self._out.send(Token.END)

    def close(self) -> None:
        """See `asyncio.BaseTransport`."""
        self.write_eof()
        self._lose(None)

    def abort(self) -> None:
        """See `asyncio.WriteTransport`."""
        self._wire.reset()

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._lost or not self.is_open or self._wire.is_reset

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._paused = True

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._paused = False
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._feed_waiting)

    def _feed_waiting(self) -> None:
        while self._waiting and not self._paused and not self._lost:
            self._feed(self._waiting.popleft())

    def get_protocol(self) -> Any:
        """See `asyncio.BaseTransport`."""
        return self._protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Ignored: readers keep up."""

    async def answer_tls(self, _protocol: object) -> "Pushed":
        """The server's part of a simulated handshake. Raises `OSError`, as a loop does."""
        loop = asyncio.get_running_loop()
        self._hello = loop.create_future()
        if self._hello_came or self._wire.is_reset:
            self._hello.set_result(not self._wire.is_reset)
        give_up = loop.call_later(HANDSHAKE_S, self.abort)
        came = await self._hello
        give_up.cancel()
        if not came or self._wire.faults.tls_fails:
            self._out.send(Token.REFUSED)
            raise ConnectionAbortedError("handshake failed")
        self._out.send(Token.AGREED)
        self._extra["ssl_object"] = _SIMULATED_TLS_OBJECT  # type: ignore[attr-defined]  # where get_extra_info looks
        self.resume_reading()
        return self

    def _lose(self, failure: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self.is_open = False
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(False)
            asyncio.get_running_loop().call_soon(
                self._protocol.connection_lost, failure, context=self.context
            )


class _SimulatedTlsObject:
    """What the pump asks a TLS object."""

    def selected_alpn_protocol(self) -> str | None:
        """See `ssl.SSLObject`: none is used."""
        return None

    def version(self) -> str:
        return SIMULATED_TLS.version

    def cipher(self) -> tuple[str, str, int]:
        return SIMULATED_TLS.cipher, SIMULATED_TLS.version, SIMULATED_TLS.bits


_SIMULATED_TLS_OBJECT = _SimulatedTlsObject()
