"""An open connection to the other server, logged in."""

import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.importing.imap.patience import is_busy
from pillarbox.admin.importing.imap.remote import Encryption, Password, Remote, SecretUnavailable, Token
from pillarbox.admin.importing.imap.session import (
    CommandRefused,
    ConnectionLost,
    HandshakeFailed,
    LoginFailed,
    Session,
)
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.protocol.imap.client.reader import MAX_CONTENT_OCTETS
from pillarbox.protocol.sasl.client import BearerToken, ClientExchange, Credentials, choose, choose_bearer
from pillarbox.protocol.sasl.exchange import AuthenticationFailed
from pillarbox.world.clock import Clock
from pillarbox.world.entropy import Entropy, nonce
from pillarbox.world.network import Network, NetworkFailure, Stream, TlsFailure

CONNECT_S: Final = 30.0
HANDSHAKE_S: Final = 60.0

_OTHER_NAME: Final = frozenset((62, 64))
"""What OpenSSL's `X509_verify_cert_error_string` says of a certificate for another host name or address."""
_AUTHORITY: Final = "If you know its authority: --ca FILE"


class RemoteRefused(Exception):
    """The server can't be used as it is: trying again would not help. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What connecting needs of the world."""

    network: Network
    clock: Clock
    entropy: Entropy
    lookup: Callable[[str], Awaitable[list[str]]]
    """The addresses of a host. Raises `NetworkFailure`."""


@may(OPERATOR)
async def connect(
    remote: Remote, world: Surroundings, *, max_content_octets: int = MAX_CONTENT_OCTETS
) -> Session:
    """Connect and log in. Raises `RemoteRefused`, or `ConnectionLost` where it may succeed later."""
    try:
        stream = await _dial(remote, world)
        session = Session(
            stream,
            world.clock,
            tls_active=remote.encryption is Encryption.TLS,
            max_content_octets=max_content_octets,
        )
        try:
            await _prepare(session, remote, world)
        except BaseException:
            session.abort()
            raise
    except (HandshakeFailed, TlsFailure) as failure:
        raise _without_tls(remote, failure) from failure
    except NetworkFailure as failure:
        raise ConnectionLost(str(failure)) from failure
    except TimeoutError as failure:
        raise ConnectionLost(f"{remote.host} port {remote.port}: no answer in time") from failure
    except CommandRefused as refused:
        if is_busy(refused.response):
            raise ConnectionLost(str(refused), refused.response) from refused
        raise RemoteRefused(f"A command after the login was refused by {remote.host}: {refused}") from refused
    except LoginFailed as failed:
        raise _login_refused(remote, failed) from failed
    return session


async def _dial(remote: Remote, world: Surroundings) -> Stream:
    addresses = await world.lookup(remote.host)
    failure = NetworkFailure(f"{remote.host}: no address")
    for address in addresses:
        try:
            async with world.clock.timeout(CONNECT_S):
                stream = await world.network.connect(address, remote.port)
        except NetworkFailure as failed:
            failure = failed
            continue
        if remote.encryption is Encryption.TLS:
            try:
                async with world.clock.timeout(HANDSHAKE_S):
                    await stream.start_tls(remote.tls, remote.host)
            except BaseException:
                stream.abort()
                raise
        return stream
    raise failure


async def _prepare(session: Session, remote: Remote, world: Surroundings) -> None:
    await session.open()
    if remote.encryption is Encryption.STARTTLS:
        if session.authenticated or "STARTTLS" not in session.offered:
            raise RemoteRefused(f"STARTTLS is not offered by {remote.host} on port {remote.port}.")
        await session.start_tls(remote.tls, remote.host)
    if not session.authenticated:
        await _log_in(session, remote, world)
    if "UTF8=ONLY" in session.offered:
        await session.ask(b"ENABLE UTF8=ACCEPT", expects=1)  # RFC 6855 §6
    if "ID" in session.offered:
        try:
            # RFC 2971; Gmail asks for it, and some providers give no mail without it
            await session.ask(b'ID ("name" "Pillarbox")', expects=1)
        except CommandRefused:
            pass


async def _log_in(session: Session, remote: Remote, world: Surroundings) -> None:
    try:
        secret = remote.secret()
        exchange = _exchange(session, remote, secret, world)
    except SecretUnavailable as failure:
        raise RemoteRefused(str(failure)) from failure
    except AuthenticationFailed as failure:
        raise RemoteRefused(f"This login can't be sent to {remote.host}: {failure}") from failure
    if exchange is not None:
        await session.authenticate(exchange)
    elif isinstance(secret, Password) and _may_send_password(session, remote):
        if "LOGINDISABLED" in session.offered:
            raise RemoteRefused(f"Logging in by password is not allowed by {remote.host} on this connection.")
        await session.log_in(remote.login, secret.text)
    else:
        raise RemoteRefused(_no_mechanism(session, remote, secret))


def _exchange(
    session: Session, remote: Remote, secret: Password | Token, world: Surroundings
) -> ClientExchange | None:
    offered = [name.removeprefix("AUTH=") for name in session.offered if name.startswith("AUTH=")]
    plain_allowed = _may_send_password(session, remote)
    match secret:
        case Token(text):
            bearer = BearerToken(remote.login, text, remote.host, remote.port)
            return choose_bearer(offered, bearer) if plain_allowed else None
        case Password(text):
            credentials = Credentials(remote.login, text)
            return choose(
                offered, credentials, nonce=nonce(world.entropy), binding=None, plain_allowed=plain_allowed
            )


def _may_send_password(session: Session, remote: Remote) -> bool:
    return session.tls_active or remote.encryption is Encryption.NONE


# --- in plain words


def _no_mechanism(session: Session, remote: Remote, secret: Password | Token) -> str:
    offered = ", ".join(sorted(name[5:] for name in session.offered if name.startswith("AUTH="))) or "none"
    kind = "tokens" if isinstance(secret, Token) else "passwords"
    return f"No supported way to log in by {kind} is offered by {remote.host}. It offers: {offered}"


def _without_tls(remote: Remote, failure: Exception) -> Exception:
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message.rstrip(".")
        named = "Give the host by a name that is in it" if cause.verify_code in _OTHER_NAME else _AUTHORITY
        return RemoteRefused(
            f"The certificate of {remote.host} is not trusted: {why}. {named}. To connect all the same, open to "
            "eavesdroppers: --insecure-certificate"
        )
    if failure.__cause__ is None:  # nothing broke: STARTTLS was refused
        return RemoteRefused(f"{remote.host} port {remote.port}: {failure}")
    hint = " Does this port begin with TLS? If not: --starttls" if remote.encryption is Encryption.TLS else ""
    return ConnectionLost(f"TLS with {remote.host} port {remote.port} failed: {failure}.{hint}")


def _login_refused(remote: Remote, failed: LoginFailed) -> Exception:
    if failed.response.code != "AUTHENTICATIONFAILED" and is_busy(failed.response):
        return ConnectionLost(str(failed), failed.response)
    why = _error_of(failed.challenge)
    return RemoteRefused(
        f"Login of {remote.login} refused by {remote.host}: {str(failed.response).rstrip('.')}{why}. Is the password "
        "or token right? Providers with two-factor authentication want an app password or a token."
    )


def _error_of(challenge: bytes) -> str:
    """What OAUTHBEARER and XOAUTH2 say about an error (RFC 7628 §3.2.2)."""
    try:
        told = json.loads(challenge)
    except ValueError:
        return ""
    status = told.get("status") if isinstance(told, dict) else None
    return f" ({status[:100]})" if isinstance(status, str) else ""
