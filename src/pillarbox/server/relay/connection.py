"""A connection to a host, ready for mail: with the TLS and the login that host and message require.

TLS is used wherever it is offered and works (RFC 7435). It is required where the route or the message (RFC 8689) says
so; then no mail is sent without it.
"""

import ssl
from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.sasl.client import choose
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue.attempts import Peer
from pillarbox.queue.schedule import Job
from pillarbox.server.relay.context import RelayContext
from pillarbox.server.relay.host_finder import Encryption, Host
from pillarbox.server.relay.session import ClientSession, HandshakeFailed, SessionRefused
from pillarbox.world.entropy import nonce
from pillarbox.world.network import NetworkFailure, TlsFailure
from pillarbox.world.tls.client import opportunistic, verified

CONNECT_S: Final = 30.0
"""How long connecting may take."""
HANDSHAKE_S: Final = 60.0
"""How long the handshake of implicit TLS may take."""


class NotProtected(Exception):
    """The connection lacks the TLS that is required."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open session and the host it is with."""

    session: ClientSession
    host: Host
    opened_at_s: float
    verified: bool
    """The host is identified by a certificate for a certain name."""
    peer: Peer
    """For the record."""

    def serves(self, job: Job) -> bool:
        """Whether a job may go over this connection."""
        return self.verified or not must_be_verified(job)


def must_be_verified(job: Job) -> bool:
    """Whether the message may go to a host identified by its certificate only."""
    # RFC 8689 §5: a DSN is sent without REQUIRETLS rather than not at all
    return job.message.require_tls and job.message.reverse_path is not None


async def connect(context: RelayContext, job: Job, host: Host, address: str) -> Connection | Outcome:
    """A connection over which the job may go, or the outcome for its recipients if there is none."""
    place = f"{host.name} [{address}]"
    encryption = Encryption.VERIFIED if must_be_verified(job) else host.encryption
    try:
        try:
            return await _open(context, host, address, encryption, plain=False)
        except HandshakeFailed:
            if encryption is not Encryption.OPPORTUNISTIC:
                raise
            # RFC 7435 §3: TLS was tried; unprotected is better than not at all
            return await _open(context, host, address, encryption, plain=True)
    except SessionRefused as refused:
        return _refused(host, place, refused)
    except (HandshakeFailed, NotProtected) as failure:
        return _unprotected(job, f"{place}: {failure}")
    except NetworkFailure as failure:
        return _deferred("4.4.1", str(failure) if host.name == address else f"{host.name}: {failure}")
    except TimeoutError:
        return _deferred("4.4.1", f"{place}: no connection in {CONNECT_S:.0f} seconds")


async def _open(
    context: RelayContext, host: Host, address: str, encryption: Encryption, *, plain: bool
) -> Connection:
    """Raises `NetworkFailure`, `TimeoutError`, `SessionRefused`, `HandshakeFailed`, `NotProtected`."""
    tls = verified() if encryption is Encryption.VERIFIED else opportunistic()
    session = await _dial(context, host, address, tls)
    try:
        await session.open()
        if not plain and not session.tls_active and "STARTTLS" in session.capabilities:
            await session.start_tls(tls, host.name)
        if encryption is not Encryption.OPPORTUNISTIC and not session.tls_active:
            raise NotProtected("TLS is required, but was not offered")
        await _log_in(context, session, host, encryption)
    except BaseException:
        session.abort()
        raise
    identified = session.tls_active and encryption is Encryption.VERIFIED and host.certain
    layer = session.stream.tls
    peer = Peer(host.name, address, layer.version if layer else None)
    return Connection(session, host, context.world.clock.monotonic(), identified, peer)


async def _dial(context: RelayContext, host: Host, address: str, tls: ssl.SSLContext) -> ClientSession:
    world = context.world
    async with world.clock.timeout(CONNECT_S):
        stream = await world.network.connect(address, host.port or context.hosts.port)
    if host.implicit_tls:
        try:
            async with world.clock.timeout(HANDSHAKE_S):
                await stream.start_tls(tls, host.name)
        except (TlsFailure, TimeoutError) as failure:
            stream.abort()
            raise HandshakeFailed(str(failure) or "TLS handshake timed out") from failure
    return ClientSession(stream, context.config.hostname, world.clock, tls_active=host.implicit_tls)


async def _log_in(context: RelayContext, session: ClientSession, host: Host, encryption: Encryption) -> None:
    """Log in if the route has credentials. Raises `SessionRefused`, `NotProtected`."""
    if host.credentials is None:
        return
    exchange = choose(
        session.capabilities.mechanisms,
        host.credentials,
        nonce=nonce(context.world.entropy),
        binding=None,
        # A password is not given to any server that happens to offer TLS.
        plain_allowed=session.tls_active and encryption is not Encryption.OPPORTUNISTIC,
    )
    if exchange is None:
        raise NotProtected("the server offers no mechanism that is safe on this connection")
    await session.authenticate(exchange)


def _refused(host: Host, place: str, refused: SessionRefused) -> Outcome:
    permanent = refused.permanent and host.credentials is None
    kind = OutcomeKind.FAILED if permanent else OutcomeKind.DEFERRED
    status = refused.status if permanent else f"4{refused.status[1:]}"
    # Another host may accept the session, so this is not final: it counts as an outcome of our own.
    return Outcome(kind, status, f"{place}: {refused}", said_by_server=False)


def _unprotected(job: Job, text: str) -> Outcome:
    # RFC 8689 §4.2.1: if no host will do, the message is returned; a route's requirement is for the operator to fix
    if must_be_verified(job):
        return Outcome(OutcomeKind.FAILED, "5.7.10", text, said_by_server=False)
    return _deferred("4.7.10", text)


def _deferred(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.DEFERRED, status, text, said_by_server=False)
