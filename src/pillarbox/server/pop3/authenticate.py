"""USER, PASS, AUTH, and opening the maildrop.

RFC 1939 §4, §7; 5034 §4. Logins are checked by `server.login`; a refusal never shows whether name or
password was wrong; an app password that is right says what it is not for, and a right password that an app password
must replace says so.
"""

from typing import Final, assert_never

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Auth, Pass, Response, User
from pillarbox.protocol.pop3.replies import Code
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.protocol.sasl.line import CANCEL, LineNotBase64, decode_initial, decode_response
from pillarbox.server.login.outcome import Authenticated, Unsuitable
from pillarbox.server.pop3.capability import conditions
from pillarbox.server.pop3.lease import RENEWAL, Lease
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.server.pop3.session_state import SessionState
from pillarbox.store import maildrop

MAX_MESSAGES_IN_LOOP: Final = 2000
"""A maildrop with as many messages or more is read in a thread."""
SERVER_FIRST: Final = ("LOGIN",)
"""Mechanisms in which the server sends the first challenge."""


async def user(session: SessionState, command: User) -> None:
    """RFC 1939 §7: any name is accepted, so that the reply does not reveal which names exist."""
    if not conditions(session).passwords_allowed:
        session.reply(
            replies.error("Plaintext authentication disallowed on non-secure (SSL/TLS) connections.")
        )
        return
    session.name = command.name
    session.reply(replies.ok())


async def password(session: SessionState, command: Pass) -> None:
    """RFC 1939 §7."""
    who = await session.authenticator.check_password(session.name, command.password, session.client)
    match who:
        case None:
            _failed(session)
        case Unsuitable():
            _failed(session, _sentence(session, who))
        case Authenticated():
            await _open(session, who)


async def auth(session: SessionState, command: Auth) -> None:
    """RFC 5034 §4."""
    if command.initial is not None and command.mechanism in SERVER_FIRST:
        # RFC 5034 §4: an initial response where the mechanism has none MUST be rejected
        session.reply(replies.error("Mechanism has no initial response."))
        return
    session.attempt = session.authenticator.begin(
        command.mechanism,
        session.client,
        session.connection.tls,
        plain_allowed=session.config.plain_passwords,
    )
    if session.attempt is None:
        session.reply(replies.error("Unsupported authentication mechanism."))
        return
    try:
        initial = None if command.initial is None else decode_initial(command.initial)
    except LineNotBase64:
        _not_base64(session)
        return
    await _respond(session, initial)


async def response(session: SessionState, command: Response) -> None:
    """The client's next response in a SASL exchange (RFC 5034 §4)."""
    if command.line == CANCEL:
        session.attempt = None
        session.reply(replies.error("Authentication aborted by client."))
        return
    try:
        octets = decode_response(command.line)
    except LineNotBase64:
        _not_base64(session)
        return
    await _respond(session, octets)


async def _respond(session: SessionState, octets: bytes | None) -> None:
    assert session.attempt is not None, "the machine returns responses only within an exchange"
    attempt, session.attempt = session.attempt, None
    step = await attempt.respond(octets)
    match step:
        case Challenge():
            session.attempt = attempt
            session.reply(replies.challenge(step.octets))
        case Failure(Reason.MALFORMED | Reason.TOO_LONG):
            session.reply(replies.error("Invalid authentication response."))
        case Failure():
            _failed(session)
        case Unsuitable():
            _failed(session, _sentence(session, step))
        case Authenticated():
            await _open(session, step)
        case _:
            assert_never(step)


def _sentence(session: SessionState, refused: Unsuitable) -> str:
    if refused.needs_app_password:
        return refused.hint(session.config.web_url)
    return f"Authentication failed: {refused.words}."


def _failed(session: SessionState, text: str = "Authentication failed.") -> None:
    session.failed_logins += 1
    session.reply(replies.error(text, Code.AUTH))


def _not_base64(session: SessionState) -> None:
    session.attempt = None
    session.reply(replies.error("Invalid base64 data."))


async def _open(session: SessionState, who: Authenticated) -> None:
    """Open the maildrop of an account that has logged in."""
    world, account = session.world, who.account
    database, now_ms = world.database, world.clock.now_ms()
    if await database.read(maildrop.is_locked, account.id, now_ms=now_ms):
        raise maildrop.InUse
    if await database.read(maildrop.count_messages, account.id) < MAX_MESSAGES_IN_LOOP:
        inbox = await database.read(maildrop.load, account.id)
    else:
        inbox = await database.read_in_thread(maildrop.load, account.id)
    opened = Maildrop(inbox)
    lease = Lease(world, account.id, lambda: session.connection.post(RENEWAL))
    session.open_maildrop(who, opened, lease)
    session.reply(replies.ok(f"{opened.count} messages ({opened.octets} octets)"))
