"""A network inside one process, with faults that a test sets.

`serve` registers a coroutine for an address and port; `connect` runs it with the other end of a new pipe. TLS is
simulated: the client's `start_tls` waits until the server's end calls `answer_tls`; octets then pass unencrypted.
Faults are looked up at each connection (`faults`), so they may come and go.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pillarbox.world.clock import Clock
from pillarbox.world.network.stream import READ_OCTETS, Endpoint, NetworkFailure, TlsFailure, TlsLayer

MAX_PIPE_OCTETS = 256 * 1024
"""A writer waits while a pipe holds more."""

SIMULATED_TLS = TlsLayer("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, certificate=None)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with connections to an address."""

    refuses: bool = False
    """Connection refused, at once."""
    silent: bool = False
    """Packets are lost: connecting never ends."""
    delay_s: float = 0.0
    """Each write takes so long."""
    cut_after_octets: int | None = None
    """The connection is reset when the client has sent so many octets."""


NO_FAULT = Fault()


class MemoryNetwork:
    """See `Network`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._serving: dict[Endpoint, Callable[[MemoryStream], Awaitable[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.faults: Callable[[Endpoint], Fault] = lambda _to: NO_FAULT

    def serve(
        self, address: str, port: int, accept: Callable[["MemoryStream"], Awaitable[None]] | None
    ) -> None:
        """Serve connections to this address and port by `accept`; `None` ends that."""
        self._serving.pop(Endpoint(address, port), None)
        if accept:
            self._serving[Endpoint(address, port)] = accept

    async def connect(self, address: str, port: int, *, source: str | None = None) -> "MemoryStream":
        """See `Network`."""
        to = Endpoint(address, port)
        fault = self.faults(to)
        if fault.silent:
            await asyncio.get_running_loop().create_future()
        accept = self._serving.get(to)
        if fault.refuses or accept is None:
            raise NetworkFailure(f"{address} port {port}: Connection refused")
        ours, theirs = _joined(Endpoint(source or "127.0.0.1", 0), to, fault, self._clock)
        task = asyncio.ensure_future(self._run(accept, theirs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    async def _run(self, accept: Callable[["MemoryStream"], Awaitable[None]], stream: "MemoryStream") -> None:
        try:
            await accept(stream)
        except NetworkFailure:
            pass  # the client closed the connection; `accept` has seen that
        finally:
            await stream.close()


class _Pipe:
    """Octets in transit in one direction."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.closed = False
        self.reset = False
        self._changed: set[asyncio.Future[None]] = set()

    async def changed(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed.add(waiter)
        try:
            await waiter
        finally:
            self._changed.discard(waiter)

    def wake(self) -> None:
        for waiter in self._changed:
            if not waiter.done():
                waiter.set_result(None)


class MemoryStream:
    """One end of a pipe pair. See `Stream`."""

    def __init__(self, peer: Endpoint, incoming: _Pipe, outgoing: _Pipe, fault: Fault, clock: Clock) -> None:
        self._peer = peer
        self._incoming = incoming
        self._outgoing = outgoing
        self._fault = fault
        self._clock = clock
        self._sent = 0
        self._tls_answer: bool | None = None
        self._chain: tuple[bytes, ...] = ()
        self._distrusted = ""
        self._other: MemoryStream | None = None
        self._layer: TlsLayer | None = None

    @property
    def peer(self) -> Endpoint:
        """See `Stream`."""
        return self._peer

    @property
    def tls(self) -> TlsLayer | None:
        """See `Stream`."""
        return self._layer

    def channel_binding(self, kind: str) -> bytes | None:  # noqa: ARG002  (the protocol's signature)
        """Simulated TLS has no channel binding."""
        return None

    def presented_chain(self) -> tuple[bytes, ...]:
        """See `Stream`: what the other end gave to `answer_tls`."""
        return self._chain if self._layer else ()

    async def read(self) -> bytes:
        """See `Stream`."""
        pipe = self._incoming
        while not pipe.octets and not pipe.closed:
            await pipe.changed()
        if pipe.reset:
            raise NetworkFailure(f"{self._peer.address}: Connection reset by peer")
        taken = bytes(pipe.octets[:READ_OCTETS])
        del pipe.octets[:READ_OCTETS]
        pipe.wake()
        return taken

    async def write(self, octets: bytes) -> None:
        """See `Stream`."""
        if self._fault.delay_s:
            await self._clock.sleep(self._fault.delay_s)
        pipe = self._outgoing
        if pipe.reset or self._incoming.reset:
            raise NetworkFailure(f"{self._peer.address}: Connection reset by peer")
        limit = self._fault.cut_after_octets
        if limit is not None and self._sent + len(octets) > limit:
            pipe.octets += octets[: limit - self._sent]
            self.abort()
            raise NetworkFailure(f"{self._peer.address}: Connection reset by peer")
        self._sent += len(octets)
        if not pipe.closed:
            pipe.octets += octets
            pipe.wake()
        while len(pipe.octets) > MAX_PIPE_OCTETS and not pipe.closed:
            await pipe.changed()

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:  # noqa: ARG002  (as above)
        """See `Stream`. Waits for the other end's `answer_tls`."""
        if self._incoming.octets:
            self.abort()
            raise TlsFailure("octets in plain text before TLS began")
        while self._tls_answer is None and not self._incoming.closed:
            await self._incoming.changed()
        if not self._tls_answer:
            self.abort()
            raise TlsFailure(f"{self._peer.address}: handshake failed")
        if self._distrusted and context.verify_mode is ssl.CERT_REQUIRED:
            self.abort()
            raise TlsFailure(f"{self._peer.address}: certificate verify failed: {self._distrusted}")
        self._layer = SIMULATED_TLS

    def answer_tls(self, *, agrees: bool = True, chain: tuple[bytes, ...] = (), distrusted: str = "") -> None:
        """The server's side of a simulated handshake, with certificates; `distrusted`: why a client that verifies them
        does not accept them.
        """
        assert self._other is not None
        self._layer = SIMULATED_TLS if agrees else None
        self._incoming.octets.clear()
        self._other._tls_answer = agrees  # noqa: SLF001  (the other end of the same pipe)
        self._other._chain, self._other._distrusted = chain, distrusted  # noqa: SLF001  (likewise)
        self._outgoing.wake()

    async def close(self) -> None:
        """See `Stream`."""
        self._outgoing.closed = self._incoming.closed = True
        self._outgoing.wake()
        self._incoming.wake()

    def abort(self) -> None:
        """See `Stream`."""
        for pipe in (self._outgoing, self._incoming):
            pipe.closed = pipe.reset = True
            pipe.wake()


def _joined(
    client: Endpoint, server: Endpoint, fault: Fault, clock: Clock
) -> tuple[MemoryStream, MemoryStream]:
    there, back = _Pipe(), _Pipe()
    ours = MemoryStream(server, back, there, fault, clock)
    theirs = MemoryStream(client, there, back, Fault(delay_s=fault.delay_s), clock)
    ours._other, theirs._other = theirs, ours  # noqa: SLF001  (two ends of one pipe)
    return ours, theirs
