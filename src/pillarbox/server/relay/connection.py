"""A connection to a host, ready for mail: with the TLS and the login that host, domain and message require.

TLS is used wherever it is offered and works (RFC 7435). Where the route demands it, or the policy (`TlsPolicy`) of
the domain or the message, no mail is sent without it.
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
from pillarbox.server.relay.session_counts import NOT_COUNTED, CountedSession
from pillarbox.server.relay.transport import requires_tls
from pillarbox.trust.dane import Mismatch, match_chain
from pillarbox.trust.tls_policy import HostRefused, Level, TlsPolicy, failure
from pillarbox.trust.tls_result import TlsResult, of_handshake
from pillarbox.world.entropy import nonce
from pillarbox.world.network import NetworkFailure, TlsFailure
from pillarbox.world.tls.client import opportunistic, verified

CONNECT_S: Final = 30.0
"""How long connecting may take."""
HANDSHAKE_S: Final = 60.0
"""How long the handshake of implicit TLS may take."""


class NotProtected(Exception):
    """The connection lacks the TLS that is required."""

    def __init__(self, result: TlsResult, what: str) -> None:
        super().__init__(what)
        self.result = result


@dataclass(frozen=True, slots=True)
class Connection:
    """An open session and the host it is with."""

    session: ClientSession
    host: Host
    opened_at_s: float
    policy: TlsPolicy
    """What it satisfies. It is one of a single domain: connections are not shared among domains."""
    lenient: bool
    """It was made for a message that sets the domain's policy aside (RFC 8689 §3)."""
    peer: Peer
    """For the record."""

    def serves(self, job: Job) -> bool:
        """Whether another job may go over this connection."""
        if self.lenient:
            return False
        return not requires_tls(job) or self.policy.certain or _verified_by_route(self.host)


async def connect(
    context: RelayContext,
    policy: TlsPolicy,
    host: Host,
    address: str,
    *,
    lenient: bool = False,
    counted: CountedSession = NOT_COUNTED,
) -> Connection | Outcome | HostRefused:
    """A connection that satisfies the policy; or the recipients' outcome; or why the host must not get the message."""
    place = f"{host.name} [{address}]"
    try:
        session = await _opened(context, policy, host, address, counted)
    except SessionRefused as refused:
        return _refused(policy, host, place, refused)
    except NotProtected as lacking:
        counted.failed(lacking.result, str(lacking))
        return _unprotected(policy, lacking.result, f"{place}: {lacking}")
    except HandshakeFailed as failed:
        counted.failed(of_handshake(str(failed)), str(failed))
        return _unprotected(policy, of_handshake(str(failed)), f"{place}: {failed}")
    except NetworkFailure as lost:
        return _deferred("4.4.1", str(lost) if host.name == address else f"{host.name}: {lost}")
    except TimeoutError:
        return _deferred("4.4.1", f"{place}: no connection in {CONNECT_S:.0f} seconds")
    counted.succeeded(encrypted=session.tls_active)
    layer = session.stream.tls
    peer = Peer(host.name, address, layer.version if layer else None, _achieved(policy, host, session))
    return Connection(session, host, context.world.clock.monotonic(), policy, lenient, peer)


async def _opened(
    context: RelayContext, policy: TlsPolicy, host: Host, address: str, counted: CountedSession
) -> ClientSession:
    """The safest session that there is. Raises as `_open`."""
    if counted.testing:
        try:
            return await _open(context, policy, host, address, tested=True)
        except HandshakeFailed as failed:
            counted.failed(of_handshake(str(failed)), str(failed))
    try:
        return await _open(context, policy, host, address)
    except HandshakeFailed as failed:
        if _demands_tls(policy, host):
            raise
        counted.failed(of_handshake(str(failed)), str(failed))
    # RFC 7435 §3: TLS was tried; unprotected is better than not at all
    return await _open(context, policy, host, address, plain=True)


async def _open(
    context: RelayContext,
    policy: TlsPolicy,
    host: Host,
    address: str,
    *,
    plain: bool = False,
    tested: bool = False,
) -> ClientSession:
    """`plain`: without STARTTLS. `tested`: certificates are verified, though nobody demands it.

    Raises `NetworkFailure`, `TimeoutError`, `SessionRefused`, `HandshakeFailed`, `NotProtected`.
    """
    levels = (Level.MTA_STS, Level.VERIFIED)
    by_authority = tested or host.encryption is Encryption.VERIFIED or policy.level in levels
    tls = verified() if by_authority else opportunistic()
    name = host.name if by_authority else policy.server_name
    session = await _dial(context, host, address, tls, name)
    try:
        await session.open()
        if not plain and not session.tls_active and "STARTTLS" in session.capabilities:
            await session.start_tls(tls, name)
        if _demands_tls(policy, host) and not session.tls_active:
            raise NotProtected(TlsResult.STARTTLS_NOT_SUPPORTED, "TLS is required, but was not offered")
        _match_records(context, policy, session)
        await _log_in(context, session, host)
    except BaseException:
        session.abort()
        raise
    return session


def _match_records(context: RelayContext, policy: TlsPolicy, session: ClientSession) -> None:
    """Raises `NotProtected` where DANE demands other certificates than were presented."""
    if policy.dane is None:
        return
    now_s = context.world.clock.now_ms() / 1000
    chain = session.stream.presented_chain()
    found = match_chain(policy.dane.records, policy.dane.names, chain, now_s)
    if isinstance(found, Mismatch):
        raise NotProtected(found.result, found.reason)


async def _dial(
    context: RelayContext, host: Host, address: str, tls: ssl.SSLContext, name: str
) -> ClientSession:
    world = context.world
    async with world.clock.timeout(CONNECT_S):
        stream = await world.network.connect(address, host.port or context.hosts.port)
    if host.implicit_tls:
        try:
            async with world.clock.timeout(HANDSHAKE_S):
                await stream.start_tls(tls, name)
        except (TlsFailure, TimeoutError) as failed:
            stream.abort()
            raise HandshakeFailed(str(failed) or "TLS handshake timed out") from failed
    return ClientSession(stream, context.config.hostname, world.clock, tls_active=host.implicit_tls)


async def _log_in(context: RelayContext, session: ClientSession, host: Host) -> None:
    """Log in if the route has credentials. Raises `SessionRefused`, `NotProtected`."""
    if host.credentials is None:
        return
    exchange = choose(
        session.capabilities.mechanisms,
        host.credentials,
        nonce=nonce(context.world.entropy),
        binding=None,
        # A password is not given to any server that happens to offer TLS.
        plain_allowed=session.tls_active and host.encryption is not Encryption.OPPORTUNISTIC,
    )
    if exchange is None:
        raise NotProtected(
            TlsResult.VALIDATION_FAILURE, "the server offers no mechanism that is safe on this connection"
        )
    await session.authenticate(exchange)


def _verified_by_route(host: Host) -> bool:
    return host.encryption is Encryption.VERIFIED and host.certain


def _demands_tls(policy: TlsPolicy, host: Host) -> bool:
    return policy.level is not Level.OPPORTUNISTIC or host.encryption is not Encryption.OPPORTUNISTIC


def _achieved(policy: TlsPolicy, host: Host, session: ClientSession) -> str:
    """How safe the connection is, for the log."""
    if not session.tls_active:
        return "none"
    return "verified" if _verified_by_route(host) else policy.achieved


def _refused(policy: TlsPolicy, host: Host, place: str, refused: SessionRefused) -> Outcome:
    # Where TLS is demanded, only the right server's word is final; its certificates have not yet met the TLSA records
    believed = not _demands_tls(policy, host) or (refused.protected and policy.dane is None)
    permanent = refused.permanent and believed and host.credentials is None
    kind = OutcomeKind.FAILED if permanent else OutcomeKind.DEFERRED
    status = refused.status if permanent else f"4{refused.status[1:]}"
    # Another host may accept the session, so this is not final: it counts as an outcome of our own.
    return Outcome(kind, status, f"{place}: {refused}", said_by_server=False)


def _unprotected(policy: TlsPolicy, result: TlsResult, what: str) -> Outcome | HostRefused:
    if policy.level is Level.OPPORTUNISTIC:
        return _deferred("4.7.10", what)  # a route's requirement is for the operator to fix
    return failure(policy, result, what)


def outcome_of_refusal(refused: HostRefused) -> Outcome:
    """A host that must not be given the message: the next one may do, or another time."""
    # RFC 8689 §4.2.1: if no host will do for REQUIRETLS, the message is returned
    kind = OutcomeKind.FAILED if refused.status.startswith("5") else OutcomeKind.DEFERRED
    return Outcome(kind, refused.status, refused.reason, said_by_server=False)


def _deferred(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.DEFERRED, status, text, said_by_server=False)
