"""LOGIN, AUTHENTICATE (RFC 9051 §6.2, RFC 4959 SASL-IR).

Credentials are checked by `server.login`. A refusal never shows whether the name or the password was
wrong; an app password that is right says what it is not for, and a right password that an app password must replace
says so.
"""

from functools import lru_cache
from typing import Final

from pillarbox.config.schema import Config
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.commands import Authenticate, Login
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.server.connection import Connection
from pillarbox.server.imap.reply import Reply, bad, no, ok
from pillarbox.server.imap.session_state import AUTOLOGOUT_S, SessionState
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Unsuitable

_FAILED: Final = no("Authentication failed", response_codes.AUTHENTICATIONFAILED)


async def login(session: SessionState, command: Login) -> Reply:
    """RFC 9051 §6.2.3."""
    who = await session.authenticator.check_password(command.login, command.password, client_of(session))
    match who:
        case None:
            return _FAILED
        case Unsuitable():
            return _unsuitable(session, who)
        case Authenticated():
            return _logged_in(session, who)


async def authenticate(session: SessionState, command: Authenticate) -> Reply | None:
    """RFC 9051 §6.2.2; None while the exchange goes on."""
    session.attempt = session.authenticator.begin(
        command.mechanism,
        client_of(session),
        session.connection.tls,
        plain_allowed=session.config.plain_passwords,
    )
    if session.attempt is None:
        return no("Unsupported authentication mechanism")
    return await respond(session, command.initial)


async def respond(session: SessionState, octets: bytes | None) -> Reply | None:
    """The client's next response in an exchange; None while it goes on."""
    assert session.attempt is not None, "the machine passes SASL responses only during an exchange"
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
        case Unsuitable():
            session.attempt = None
            return _unsuitable(session, step)
        case Authenticated():
            session.attempt = None
            return _logged_in(session, step)


def _failure(failure: Failure) -> Reply:
    match failure.reason:
        case Reason.MALFORMED | Reason.TOO_LONG:
            return bad("Invalid SASL response")
        case Reason.CREDENTIALS | Reason.CHANNEL_BINDING:
            return _FAILED


def _unsuitable(session: SessionState, refused: Unsuitable) -> Reply:
    # RFC 5530 §3: the code by which programs ask for another password
    if refused.needs_app_password:
        # A response has one code. Some programs show their person nothing of it without ALERT (RFC 9051 §7.1), and
        # others take a NO that has not this one for a failure of the server, and try again.
        words = refused.hint(session.config.web_url)
        session.write(responses.no(responses.UNTAGGED, words, response_codes.ALERT))
        return no(words, response_codes.AUTHENTICATIONFAILED)
    return no(f"Authentication failed: {refused.words}", response_codes.AUTHENTICATIONFAILED)


def conditions(authenticator: Authenticator, config: Config, connection: Connection) -> Conditions:
    """Under which conditions a client may log in over this connection as it is now."""
    plain = config.plain_passwords
    mechanisms = authenticator.mechanisms(connection.tls, plain_allowed=plain)
    return _shared(connection.tls_available, connection.tls is not None or plain, mechanisms)


@lru_cache(maxsize=64)
def _shared(tls_available: bool, passwords_allowed: bool, mechanisms: tuple[str, ...]) -> Conditions:
    """The same conditions are the same object: there are few, and a session keeps them."""
    return Conditions(tls_available, passwords_allowed, mechanisms)


def client_of(session: SessionState) -> Client:
    """The client, as the authenticator knows it."""
    return Client(session.connection.peer.address, Scope.IMAP, session.client)


def _logged_in(session: SessionState, who: Authenticated) -> Reply:
    session.account, session.credential = who.account, who.credential
    session.read_only = who.is_read_only
    session.machine.authenticated(jmap=bool(session.config.web_url) and who.may_use(Scope.JMAP))
    session.connection.set_deadline(AUTOLOGOUT_S)
    # RFC 9051 §6.2.2: the list has changed, and sending it spares the client a command
    return ok("Logged in", response_codes.capability(session.machine.capabilities()))
