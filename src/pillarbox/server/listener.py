"""The listener: accepts connections for one service and keeps count of them.

It takes sockets that are already bound (a supervisor binds privileged ports and shares the sockets
among workers) or binds them itself, gives each newcomer a `Pump`, and
turns away, in the protocol's own words, who is too many. It ends in order: stop accepting, tell the
sessions, wait for them.

What is always true: a newcomer is counted before a TLS handshake is spent on it, and counted until
its session's `closed()` has run.
"""

import asyncio
import contextlib
import socket
import ssl
from asyncio import sslproto
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Peer, Session, SessionFactory
from pillarbox.server.pump import READ_BUFFER, Pump
from pillarbox.world.shared import OpenCounts

BACKLOG: Final = 1024
"""Connections the kernel may keep before we accept them."""
FALLBACK_TLS_BUFFER: Final = 32 * 1024
"""Octets of the read buffer that plain asyncio gives each TLS connection; it would take 256 KiB."""


FAREWELL_S: Final = 0.25
"""How long peers may take to hear that the server goes away, once all handlers are done."""
DRAIN_LOOK_S: Final = 0.01
"""How often a draining listener looks whether handlers are still at work."""


class TlsOffer(Protocol):
    """Where a service's certificates come from."""

    def context(self) -> ssl.SSLContext:
        """The context for the next handshake; another one after certificates were renewed."""

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data of this layer, or `None` where it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many may come; `None` means without limit."""

    connections: int | None = 20_000
    """Open connections of this service, in all workers."""
    per_address: int | None = None
    """Open connections from one address."""
    handshake_s: float = 30.0
    """Seconds a TLS handshake may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served at a door."""

    name: str
    """For counts and the log: `imap`, `submission`."""
    session: SessionFactory[Any]
    busy: bytes
    """What those are told who are too many, e.g. `421 4.3.2 Too many connections` CRLF. Not said
    where TLS is implicit: it would cost the handshake we want to save."""
    tls: TlsOffer | None = None
    implicit_tls: bool = False
    limits: Limits = Limits()


@dataclass(slots=True)
class Counts:
    """What has happened at this door since it opened."""

    accepted: int = 0
    refused: int = 0
    timed_out: int = 0
    handshakes_failed: int = 0
    injected: int = 0
    """Connections that sent plain text after STARTTLS."""
    failed: int = 0
    """Sessions that ended by a mistake of ours."""


class Witness(Protocol):
    """Who is told what the operator should know; the node's telemetry."""

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """A session raised; the peer heard the protocol's words for that."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound, listening TCP socket; port 0 takes any free one. Raises OSError as bind does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind((host, port))
        door.listen(BACKLOG)
        door.setblocking(False)
    except OSError:
        door.close()
        raise
    return door


class Listener:
    """One service's open doors in this worker."""

    def __init__(
        self,
        service: Service,
        witness: Witness,
        *,
        open_counts: OpenCounts,
        buffer: memoryview | None = None,
    ) -> None:
        """`buffer` is the loop's shared read buffer; listeners of one loop may share one.

        Limits hold for all who share `open_counts`.
        """
        assert not service.implicit_tls or service.tls is not None, "implicit TLS needs a certificate"
        self.service = service
        self.counts = Counts()
        self.buffer = buffer if buffer is not None else shared_buffer()
        self.handshake_s = service.limits.handshake_s
        self.implicit_tls = service.implicit_tls
        self._witness = witness
        self._pumps: set[Pump[Any]] = set()
        self._open_counts = open_counts
        self._servers: list[asyncio.Server] = []
        self._empty: asyncio.Event | None = None

    async def open(self, doors: Iterable[socket.socket]) -> None:
        """Accept connections at these sockets (TCP or unix), which are listening already."""
        loop = asyncio.get_running_loop()
        if type(loop).__module__.startswith("asyncio"):
            sslproto.SSLProtocol.max_size = FALLBACK_TLS_BUFFER
        for door in doors:
            if door.family != socket.AF_UNIX:
                # What is accepted inherits it. The loops do not set it on every socket, and an
                # answer in two writes would then wait for the peer's delayed ACK.
                door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            make = loop.create_unix_server if door.family == socket.AF_UNIX else loop.create_server
            server = await make(lambda: Pump(self, loop), sock=door, backlog=BACKLOG)
            self._servers.append(server)

    @property
    def addresses(self) -> tuple[Peer, ...]:
        """Where we listen; with the port the kernel chose where it was 0."""
        names = [door.getsockname() for server in self._servers for door in server.sockets]
        return tuple(Peer(name[0], name[1]) for name in names if isinstance(name, tuple))

    @property
    def open_connections(self) -> int:
        """Admitted connections that have not ended."""
        return len(self._pumps)

    def accounts(self) -> set[AccountId]:
        """Who is logged in here."""
        return {pump.account.id for pump in self._pumps if pump.account}

    def revoke(self, accounts: Container[AccountId]) -> None:
        """End the sessions of these accounts."""
        for pump in tuple(self._pumps):
            if pump.account and pump.account.id in accounts:
                pump.revoke()

    async def drain(self, seconds: float) -> None:
        """Accept no more, tell the sessions, wait for handlers at work at most so long, then cut the rest off.

        Nobody is waited for who merely does not read or does not close: the peer's patience is its own.
        """
        for server in self._servers:
            server.close()
        for pump in tuple(self._pumps):
            pump.end()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        # Looked at now and then: an event for each handler's end would cost every command something.
        while loop.time() < until and any(pump.working for pump in self._pumps):  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_LOOK_S)
        if self._pumps:
            self._empty = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), min(seconds, FAREWELL_S))
        for pump in tuple(self._pumps):
            pump.abort()

    # What a pump asks: ConnectionOwner

    def admit(self, pump: Pump[Any]) -> Session[Any] | bytes:
        """Count the newcomer and make its session, or turn it away."""
        limits, name, address = self.service.limits, self.service.name, pump.peer.address
        count = self._open_counts.count
        full = limits.connections is not None and count(name) >= limits.connections
        crowded = limits.per_address is not None and count(name, address) >= limits.per_address
        if full or crowded:
            self.counts.refused += 1
            return b"" if self.implicit_tls else self.service.busy
        session = self.service.session(pump)
        self.counts.accepted += 1
        self._pumps.add(pump)
        self._open_counts.add(name)
        self._open_counts.add(name, address)
        return session

    def tls_context(self) -> ssl.SSLContext | None:
        """The certificates of now."""
        return self.service.tls.context() if self.service.tls is not None else None

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data, for SCRAM-PLUS."""
        return self.service.tls.channel_binding(tls, kind) if self.service.tls is not None else None

    def released(self, pump: Pump[Any]) -> None:
        """Forget a connection that has ended."""
        self._pumps.discard(pump)
        self._open_counts.remove(self.service.name)
        self._open_counts.remove(self.service.name, pump.peer.address)
        if self._empty is not None and not self._pumps:
            self._empty.set()

    def timed_out(self, pump: Pump[Any]) -> None:  # noqa: ARG002 # ConnectionOwner's signature
        """Count it."""
        self.counts.timed_out += 1

    def injected(self, pump: Pump[Any], octets: int) -> None:  # noqa: ARG002 # ConnectionOwner's signature
        """Count it."""
        self.counts.injected += 1

    def handshake_failed(self, pump: Pump[Any], error: BaseException) -> None:  # noqa: ARG002 # ConnectionOwner's signature
        """Count it."""
        self.counts.handshakes_failed += 1

    def failed(self, pump: Pump[Any], error: Exception) -> None:
        """Count it, and tell the operator."""
        self.counts.failed += 1
        self._witness.session_failed(self.service.name, pump.peer, error)


def shared_buffer() -> memoryview:
    """A read buffer for all connections of one loop."""
    return memoryview(bytearray(READ_BUFFER))
