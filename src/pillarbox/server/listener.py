"""The listener: accepts connections for one service, within its limits, and ends them in order.

It takes sockets that are already bound (a supervisor binds privileged ports and shares the sockets
among workers) or binds them itself, gives each new connection a `Pump`, and refuses, in the
protocol's own words, those beyond a limit. It ends in order: stop accepting, notify the sessions, wait
for them.

What is always true: a new connection is counted before a TLS handshake is spent on it, and counted until
its session's `closed()` has run.
"""

import asyncio
import contextlib
import socket
import ssl
from asyncio import sslproto
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol

from msgspec import Struct

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.server.connection import Activity, Peer, Session, SessionFactory
from pillarbox.server.networks import NONE, Networks
from pillarbox.server.pump.alarms import Alarms
from pillarbox.server.pump.owner import OwnedConnection
from pillarbox.server.pump.pump import Pump
from pillarbox.server.pump.transport import Traffic
from pillarbox.server.pump.turns import Turns
from pillarbox.world.memory import MemoryBudget
from pillarbox.world.shared import OpenCounts

READ_BUFFER_OCTETS: Final = 64 * 1024
"""The read buffer that all connections of a loop share."""
BACKLOG: Final = 1024
"""Connections the kernel may keep before we accept them."""
FALLBACK_TLS_BUFFER_OCTETS: Final = 32 * 1024
"""The read buffer that plain asyncio gives each TLS connection; it would take 256 KiB."""
FINAL_OUTPUT_S: Final = 0.25
"""At shutdown: how long peers may take to read the last output, once all handlers are done."""
DRAIN_POLL_S: Final = 0.01
"""How often a draining listener checks whether handlers are still at work."""


class TlsOffer(Protocol):
    """Where a service's certificates come from."""

    def context(self) -> ssl.SSLContext:
        """The context for the next handshake; another one after certificates were renewed."""

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data of this layer, or `None` where it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """How many connections are accepted, where `None` means without limit, and what they may take."""

    connections: int | None = None
    """Open connections of this service, in all workers."""
    connections_per_address: int | None = None
    """Open connections from one IPv4 address or IPv6 /64, of which one host may have all addresses."""
    proxies: Networks = NONE
    """Addresses that stand for many clients: not limited by address."""
    handshake_s: float = 30.0
    """Seconds a TLS handshake may take."""
    linger_s: float = 5.0
    """Seconds a closing connection may take to send its last octets; see `ConnectionOwner`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOffer:
    """What a listener serves: how sessions are made, with which TLS, within which limits."""

    name: str
    """For counts and the log: `imap`, `submission`."""
    session: SessionFactory[Any]
    busy: bytes
    """What a connection beyond a limit is sent, e.g. `421 4.3.2 Too many connections` CRLF. Not sent
    where TLS is implicit: it would cost the handshake we want to save."""
    tls: TlsOffer | None = None
    implicit_tls: bool = False
    limits: ListenerLimits = ListenerLimits()


@dataclass(slots=True)
class ListenerCounts:
    """What has happened at this listener since it was made."""

    accepted: int = 0
    refused: int = 0
    timed_out: int = 0
    handshakes_failed: int = 0
    injected: int = 0
    """Connections that sent plain text after STARTTLS."""
    failed: int = 0
    """Sessions that ended by a mistake of ours."""


class OpenSession(Struct, frozen=True):
    """An admitted connection, for an operator who looks at it."""

    service: str
    number: int
    """Of the connections that this listener has admitted."""
    peer: Peer
    open_s: float
    """Seconds since it was admitted."""
    tls: str
    """The version of TLS; empty in plain text."""
    activity: Activity
    traffic: Traffic | None


class FailureReporter(Protocol):
    """Reports sessions that failed to the operator."""

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """A session raised; the peer was sent the protocol's error."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound, listening TCP socket; port 0 takes any free one. Raises OSError as bind does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


class Listener:
    """One service's listening sockets in this worker, and the connections that came by them."""

    def __init__(
        self,
        service: ServiceOffer,
        reporter: FailureReporter,
        *,
        open_counts: OpenCounts,
        buffer: memoryview | None = None,
        turns: Turns | None = None,
        memory: MemoryBudget | None = None,
    ) -> None:
        """`buffer` is the loop's shared read buffer, `turns` how connections share the loop: listeners of one loop
        share one of each.

        Limits hold for all who share `open_counts`, and `memory` for all of a process.
        """
        assert not service.implicit_tls or service.tls is not None, "implicit TLS needs a certificate"
        self.service = service
        self.counts = ListenerCounts()
        self.buffer = buffer if buffer is not None else shared_buffer()
        self.turns = turns if turns is not None else Turns()
        self.alarms = Alarms()
        self.memory = memory or MemoryBudget()
        self.handshake_s = service.limits.handshake_s
        self.linger_s = service.limits.linger_s
        self.implicit_tls = service.implicit_tls
        self._reporter = reporter
        self._connections: dict[OwnedConnection, tuple[int, float]] = {}
        """Each with its number, and when it was admitted."""
        self._numbers = count(1)
        self._open_counts = open_counts
        self._servers: list[asyncio.Server] = []
        self._empty: asyncio.Event | None = None

    async def open(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections at these sockets (TCP or unix), which are listening already."""
        loop = asyncio.get_running_loop()
        if type(loop).__module__.startswith("asyncio"):
            sslproto.SSLProtocol.max_size = FALLBACK_TLS_BUFFER_OCTETS
        for listening in sockets:
            if listening.family != socket.AF_UNIX:
                # What is accepted inherits it. The loops do not set it on every socket, and an
                # answer in two writes would then wait for the peer's delayed ACK.
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            make = loop.create_unix_server if listening.family == socket.AF_UNIX else loop.create_server
            self._servers.append(await make(self.pump, sock=listening, backlog=BACKLOG))

    def pump(self, peer: Peer | None = None) -> Pump[Any]:
        """The loop's protocol for a new connection.

        `peer` replaces the peer that the transport reports. So a protocol that reads a PROXY header first can
        hand its transport over: `transport.set_protocol(pump)`, then `pump.connection_made(transport)`.
        The connection is admitted and counted, and TLS begins, under that address.
        """
        return Pump(self, asyncio.get_running_loop(), peer)

    @property
    def addresses(self) -> tuple[Peer, ...]:
        """Where we listen; with the port the kernel chose where it was 0."""
        names = [listening.getsockname() for server in self._servers for listening in server.sockets]
        return tuple(Peer(name[0], name[1]) for name in names if isinstance(name, tuple))

    @property
    def open_connections(self) -> int:
        """Admitted connections that have not ended."""
        return len(self._connections)

    def logins(self) -> set[Login]:
        """The logins that sessions here rely on."""
        return {login for connection in self._connections for login in connection.logins}

    def revoke(self, logins: Container[Login]) -> None:
        """End the sessions that rely on one of these logins."""
        for connection in tuple(self._connections):
            if any(login in logins for login in connection.logins):
                connection.revoke()

    @property
    def connections(self) -> tuple[OwnedConnection, ...]:
        """The connections that are open now, oldest first."""
        return tuple(self._connections)

    def described(self, connection: OwnedConnection) -> OpenSession | None:
        """One of `connections`; `None` once it has ended, or is closing."""
        admitted = self._connections.get(connection)
        if admitted is None or connection.gone:
            return None
        number, since_s = admitted
        tls = connection.tls
        return OpenSession(
            service=self.service.name,
            number=number,
            peer=connection.peer,
            open_s=self.turns.monotonic() - since_s,
            tls=tls.version if tls else "",
            activity=connection.activity,
            traffic=connection.traffic,
        )

    async def drain(self, seconds: float) -> None:
        """Accept no more, notify the sessions, wait for handlers at work at most so long, then cut the rest off.

        A peer that merely does not read or does not close is not waited for.
        """
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.end()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        # Polled: an event for each handler's end would cost every command something.
        while loop.time() < until and any(connection.working for connection in self._connections):  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_POLL_S)
        if self._connections:
            self._empty = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), min(seconds, FINAL_OUTPUT_S))
        for connection in tuple(self._connections):
            connection.abort()

    # --- for a pump: ConnectionOwner

    def admit(self, connection: OwnedConnection) -> Session[Any] | bytes:
        """Count the connection and make its session, or refuse it."""
        limits, name, client = self.service.limits, self.service.name, _client(connection.peer)
        count = self._open_counts.count
        full = limits.connections is not None and count(name) >= limits.connections
        crowded = (
            limits.connections_per_address is not None
            and count(name, client) >= limits.connections_per_address
            and connection.peer.address not in limits.proxies
        )
        if full or crowded:
            self.counts.refused += 1
            return b"" if self.implicit_tls else self.service.busy
        session = self.service.session(connection)
        self.counts.accepted += 1
        self._connections[connection] = next(self._numbers), self.turns.monotonic()
        self._open_counts.add(name)
        self._open_counts.add(name, client)
        return session

    def released(self, connection: OwnedConnection) -> None:
        """Forget a connection that has ended."""
        self._connections.pop(connection, None)
        self._open_counts.remove(self.service.name)
        self._open_counts.remove(self.service.name, _client(connection.peer))
        if self._empty is not None and not self._connections:
            self._empty.set()

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for the next handshake, with the certificates as last reloaded."""
        return self.service.tls.context() if self.service.tls is not None else None

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data, for SCRAM-PLUS."""
        return self.service.tls.channel_binding(tls, kind) if self.service.tls is not None else None

    def timed_out(self) -> None:
        """Count it."""
        self.counts.timed_out += 1

    def injected(self, octets: int) -> None:  # noqa: ARG002 # ConnectionOwner's signature
        """Count it."""
        self.counts.injected += 1

    def handshake_failed(self, error: BaseException) -> None:  # noqa: ARG002 # ConnectionOwner's signature
        """Count it."""
        self.counts.handshakes_failed += 1

    def failed(self, peer: Peer, error: Exception) -> None:
        """Count it, and report it to the operator."""
        self.counts.failed += 1
        self._reporter.session_failed(self.service.name, peer, error)


def _client(peer: Peer) -> str:
    return client_key(peer.address) if ":" in peer.address else peer.address


def shared_buffer() -> memoryview:
    """A read buffer for all connections of one loop."""
    return memoryview(bytearray(READ_BUFFER_OCTETS))
