"""Connections that lie: octets come late, in pieces, not at all, or the connection is cut at any octet.

A `Wire` is one TCP connection of the simulated world. Its client end is pulled (the door's `Stream`); its
server end is pulled as well, where a stranger sits, or pushed (a transport under the real pump). What happens
to it was decided when it was made: its `RecipientResult`. TLS is pretended: tokens go along between the octets.

Whatever arrives, arrives in the life of the one who receives it; so nothing comes to the dead, and what the
dead have sent before still does.
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
PRETENDED_TLS = TlsLayer("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, certificate=None)


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """What will happen to a connection. Octets are counted as they arrive."""

    delay_s: float = 0.02
    """How long everything is on its way."""
    refused: bool = False
    silent: bool = False
    """Connecting never ends."""
    up_cut: int | None = None
    """Reset when so many octets of the client's have arrived."""
    down_cut: int | None = None
    up_lost: int | None = None
    """What the client sends beyond so many octets vanishes, and nobody is told."""
    down_lost: int | None = None
    in_pieces: bool = False
    tls_fails: bool = False

    def __str__(self) -> str:
        """What is unusual about it."""
        unusual = [f"{one.name}={getattr(self, one.name)}" for one in fields(self) if self != GOOD]
        return ", ".join(text for text in unusual if not text.endswith(("=None", "=False"))) or "good"


GOOD = RecipientResult()


class Token(Enum):
    """What travels besides octets."""

    END = "no more octets"
    HELLO = "a TLS handshake is asked for"
    AGREED = "TLS stands"
    REFUSED = "no TLS"


class _Way:
    """One direction."""

    def __init__(self, wire: "Wire", cut: int | None, lost: int | None) -> None:
        self.to: End
        self.spoken: Callable[[bytes], None] = lambda _octets: None
        """Listens to what is sent."""
        self.heard: Callable[[bytes], None] = lambda _octets: None
        """Listens to what arrives."""
        self._wire = wire
        self._cut = cut
        self._lost = lost
        self._arrived = 0
        self._under_way: deque[bytes | Token] = deque()

    def send(self, item: bytes | Token) -> None:
        if self._wire.is_reset:
            return
        if not isinstance(item, Token):
            self.spoken(item)
        for piece in self._wire.pieces(item):
            self._under_way.append(piece)
            self._wire.later(self._arrive, self.to.context)

    def lose_the_rest(self) -> None:
        """From now on nothing arrives."""
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
            self.heard(octets)
            self.to.arrived(octets)


class Wire:
    """One connection; `client` and `server` are its ends."""

    def __init__(self, fate: RecipientResult, chance: Random, client: "Pulled", server: "End") -> None:
        self.fate = fate
        self.is_reset = False
        self.client = client
        self.server = server
        self.up = _Way(self, fate.up_cut, fate.up_lost)
        self.down = _Way(self, fate.down_cut, fate.down_lost)
        self.up.to, self.down.to = server, client
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        client.join(self, self.up)
        server.join(self, self.down)

    @property
    def is_open(self) -> bool:
        """Whether anybody still has an end in hand."""
        return not self.is_reset and (self.client.is_open or self.server.is_open)

    def later(self, call: Callable[[], None], context: Context) -> None:
        """Call when something sent now arrives, in the life of the one it arrives at."""
        self._loop.call_later(self.fate.delay_s, call, context=context)

    def pieces(self, item: bytes | Token) -> tuple[bytes | Token, ...]:
        """What is sent, as it travels."""
        if not self.fate.in_pieces or isinstance(item, Token) or len(item) < 2:
            return (item,)
        at = self._chance.randrange(1, len(item))
        return item[:at], item[at:]

    def reset(self) -> None:
        """Cut: both ends are told, in their own time."""
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
    """An end that reads when it likes: `Stream`."""

    def __init__(self, context: Context, peer: Endpoint) -> None:
        super().__init__(context, peer)
        self.taken = 0
        """Octets that whoever holds this end has really read."""
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
        """Pretended TLS binds nothing."""
        return None

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
        self.tls = PRETENDED_TLS

    async def answer_tls(self, *, agrees: bool) -> None:
        """The server's part of a pretended handshake, for strangers."""
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

    # What arrives

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

    # What the pump asks: Transport

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
        """Whoever reads here keeps up."""

    async def answer_tls(self, _protocol: object) -> "Pushed":
        """The server's part of a pretended handshake. Raises OSError, as a loop does."""
        loop = asyncio.get_running_loop()
        self._hello = loop.create_future()
        if self._hello_came or self._wire.is_reset:
            self._hello.set_result(not self._wire.is_reset)
        impatience = loop.call_later(HANDSHAKE_S, self.abort)
        came = await self._hello
        impatience.cancel()
        if not came or self._wire.fate.tls_fails:
            self._out.send(Token.REFUSED)
            raise ConnectionAbortedError("handshake failed")
        self._out.send(Token.AGREED)
        self._extra["ssl_object"] = _PRETENDED_OBJECT  # type: ignore[attr-defined]  # where get_extra_info looks
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


class _PretendedObject:
    """What the pump wants to know of a TLS layer."""

    def selected_alpn_protocol(self) -> str | None:
        """See `ssl.SSLObject`: nobody asks for any."""
        return None

    def version(self) -> str:
        return PRETENDED_TLS.version

    def cipher(self) -> tuple[str, str, int]:
        return PRETENDED_TLS.cipher, PRETENDED_TLS.version, PRETENDED_TLS.bits


_PRETENDED_OBJECT = _PretendedObject()
