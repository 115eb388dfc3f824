"""Coming in and going out: CAPABILITY, STARTTLS, LOGIN, AUTHENTICATE, ENABLE, ID, LOGOUT.

RFC 9051 §6.1, §6.2, §6.3.1; RFC 2971 (ID), 4959 (SASL-IR), 5161 (ENABLE). Who is who is for
`server.authentication` to say; a refusal never tells whether name or password was wrong.
"""

from typing import Final

import pillarbox
from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.capabilities import Terms
from pillarbox.protocol.imap.commands import Authenticate, Capability, Enable, Id, Login, Logout, StartTls
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.server.authentication import Client
from pillarbox.server.connection import Connection
from pillarbox.server.imap.conversation import Conversation, Services
from pillarbox.server.imap.reply import Reply, bad, no, ok

AUTOLOGOUT_S: Final = 31 * 60
"""RFC 9051 §5.4: at least 30 minutes; clients renew IDLE after 29."""


async def capability(session: Conversation, _: Capability) -> Reply:
    """RFC 9051 §6.1.1."""
    session.write(responses.capability(session.machine.capabilities()))
    return ok("Capabilities told")


async def identify(session: Conversation, _: Id) -> Reply:
    """RFC 2971: what the client says of itself changes nothing."""
    session.write(responses.identification((("name", "Pillarbox"), ("version", pillarbox.__version__))))
    return ok("Pleased to meet you")


async def logout(session: Conversation, _: Logout) -> Reply:
    """RFC 9051 §6.1.3: BYE first, then the tagged OK, then the connection is closed by `session`."""
    session.write(responses.bye("Until next time"))
    session.machine.logged_out()
    return ok("Logged out")


async def start_tls(session: Conversation, _: StartTls) -> None:
    """RFC 9051 §6.2.1: the tagged OK is the last thing said in plain text."""
    session.write(responses.ok(session.tag, "Begin TLS"))
    session.flush()
    dropped = await session.connection.start_tls()
    session.machine.tls_started(terms(session.services, session.connection))
    if dropped:
        session.services.telemetry.warning(
            "octets before TLS dropped", address=session.connection.peer.address, octets=dropped
        )


async def login(session: Conversation, command: Login) -> Reply:
    """RFC 9051 §6.2.3."""
    account = await session.services.authenticator.check_password(
        command.login, command.password, _client(session)
    )
    return _REFUSED if account is None else _welcome(session, account)


async def authenticate(session: Conversation, command: Authenticate) -> Reply | None:
    """RFC 9051 §6.2.2; None while the exchange goes on."""
    services = session.services
    session.attempt = services.authenticator.begin(
        command.mechanism, _client(session), session.connection.tls, plain_allowed=services.plain_allowed
    )
    if session.attempt is None:
        return no("That mechanism is not offered here")
    return await respond(session, command.initial)


async def respond(session: Conversation, octets: bytes | None) -> Reply | None:
    """The client's next word in an exchange; None while it goes on."""
    assert session.attempt is not None, "the machine tells SASL responses only while an exchange is under way"
    try:
        step = await session.attempt.respond(octets)
    except BaseException:
        session.attempt = None
        raise
    match step:
        case Challenge():
            session.write(session.machine.challenge(step.octets))
            return None
        case Failure():
            session.attempt = None
            return _failure(step)
        case Account():
            session.attempt = None
            return _welcome(session, step)


def _failure(failure: Failure) -> Reply:
    match failure.reason:
        case Reason.MALFORMED | Reason.TOO_LONG:
            return bad("That is no response of this mechanism")
        case Reason.CREDENTIALS | Reason.CHANNEL_BINDING:
            return _REFUSED


_REFUSED: Final = no("Not the right login and password", response_codes.AUTHENTICATIONFAILED)


async def enable(session: Conversation, command: Enable) -> Reply:
    """RFC 5161 §3.1."""
    session.write(responses.enabled(session.machine.enable(command.capabilities)))
    return ok("Enabled")


def terms(services: Services, connection: Connection) -> Terms:
    """On which terms a client may come in over this connection as it now stands."""
    return Terms(
        starttls=connection.tls_available,
        login=connection.tls is not None or services.plain_allowed,
        mechanisms=services.authenticator.mechanisms(connection.tls, plain_allowed=services.plain_allowed),
    )


def _client(session: Conversation) -> Client:
    return Client(session.connection.peer.address, Scope.IMAP)


def _welcome(session: Conversation, account: Account) -> Reply:
    session.account = account
    session.machine.authenticated()
    session.connection.set_deadline(AUTOLOGOUT_S)
    # RFC 9051 §6.2.2: the list has changed, and telling it spares the client a command
    return ok("Logged in", response_codes.capability(session.machine.capabilities()))
