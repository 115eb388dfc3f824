"""Coming in: CAPA, USER, PASS, AUTH, STLS, and how we shall speak: UTF8, LANG.

RFC 1939 §4, §7; 2449 §5; 5034 §4; 2595 §4; 6856 §2, §3. Who is who is for `server.authentication` to say; a
refusal never tells whether name or password was wrong.
"""

from typing import Final, assert_never

from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope
from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.capabilities import Terms, capabilities
from pillarbox.protocol.pop3.commands import Auth, Capa, Lang, Pass, Response, Stls, User, Utf8
from pillarbox.protocol.pop3.replies import Code
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.protocol.sasl.line import CANCEL, LineNotBase64, decode_initial, decode_response
from pillarbox.server.authentication import Client
from pillarbox.server.pop3.conversation import Conversation
from pillarbox.server.pop3.lease import RENEWAL, Lease
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.store import maildrop

LONG_LOOK: Final = 2000
"""Messages from which on the maildrop is read in a thread."""
LANGUAGE: Final = "en"
"""The one language our texts are written in."""
SERVER_FIRST: Final = ("LOGIN",)
"""Mechanisms in which the server speaks first."""


async def capa(session: Conversation, _: Capa) -> None:
    """RFC 2449 §5."""
    session.reply(replies.lines("capabilities follow", capabilities(_terms(session), session.machine)))


async def user(session: Conversation, command: User) -> None:
    """RFC 1939 §7: accepted whoever it is, so that nobody learns which names exist."""
    if not _terms(session).passwords:
        session.reply(replies.error("no passwords without TLS"))
        return
    session.name = command.name
    session.reply(replies.ok("and the password?"))


async def password(session: Conversation, command: Pass) -> None:
    """RFC 1939 §7."""
    account = await session.services.authenticator.check_password(
        session.name, command.password, _client(session)
    )
    await (_refuse(session) if account is None else _open(session, account))


async def auth(session: Conversation, command: Auth) -> None:
    """RFC 5034 §4."""
    if command.initial is not None and command.mechanism in SERVER_FIRST:
        # RFC 5034 §4: an initial response where the mechanism has none MUST be rejected
        session.reply(replies.error("this mechanism has no initial response"))
        return
    services = session.services
    session.attempt = services.authenticator.begin(
        command.mechanism, _client(session), session.connection.tls, plain_allowed=services.plain_allowed
    )
    if session.attempt is None:
        session.reply(replies.error("this mechanism is not offered here"))
        return
    try:
        initial = None if command.initial is None else decode_initial(command.initial)
    except LineNotBase64:
        _not_base64(session)
        return
    await _respond(session, initial)


async def response(session: Conversation, command: Response) -> None:
    """The client's next word in an exchange (RFC 5034 §4)."""
    if command.line == CANCEL:
        session.attempt = None
        session.reply(replies.error("cancelled"))
        return
    try:
        octets = decode_response(command.line)
    except LineNotBase64:
        _not_base64(session)
        return
    await _respond(session, octets)


async def stls(session: Conversation, _: Stls) -> None:
    """RFC 2595 §4: the reply is the last thing said in plain text."""
    if not session.connection.tls_available:
        session.reply(replies.error("TLS is not available, or is on already"))
        return
    session.reply(replies.ok("begin TLS"))
    session.name = ""
    dropped = await session.connection.start_tls()
    if dropped:
        session.services.telemetry.warning(
            "octets before TLS dropped", address=session.connection.peer.address, octets=dropped
        )


async def utf8(session: Conversation, _: Utf8) -> None:
    """RFC 6856 §2.1."""
    session.reply(replies.ok("UTF-8 it is"))


async def lang(session: Conversation, command: Lang) -> None:
    """RFC 6856 §3: there is one language; a range that it fits is granted (RFC 4647 §3.3.1, turned round)."""
    if command.tag is None:
        session.reply(replies.lines("languages follow", [f"{LANGUAGE} English".encode()]))
    elif command.tag == "*" or command.tag.lower().split("-")[0] == LANGUAGE:
        session.reply(replies.ok(f"{LANGUAGE} Texts are in English"))
    else:
        session.reply(replies.error(f"{LANGUAGE} That language is not spoken here"))


async def _respond(session: Conversation, octets: bytes | None) -> None:
    assert session.attempt is not None, "the machine tells responses only within an exchange"
    attempt, session.attempt = session.attempt, None
    step = await attempt.respond(octets)
    match step:
        case Challenge():
            session.attempt = attempt
            session.reply(replies.challenge(step.octets))
        case Failure(Reason.MALFORMED | Reason.TOO_LONG):
            session.reply(replies.error("that is no response of this mechanism"))
        case Failure():
            await _refuse(session)
        case Account():
            await _open(session, step)
        case _:
            assert_never(step)


async def _refuse(session: Conversation) -> None:
    session.failed_logins += 1
    session.reply(replies.error("not the right login and password", Code.AUTH))


async def _open(session: Conversation, account: Account) -> None:
    """Open the maildrop of the client, now that it has proven who it is."""
    services = session.services
    database, now_ms = services.database, services.clock.now_ms()
    if database.read_now(maildrop.is_locked, account.id, now_ms=now_ms):
        raise maildrop.InUse
    if database.read_now(maildrop.count_messages, account.id) < LONG_LOOK:
        inbox = database.read_now(maildrop.load, account.id)
    else:
        inbox = await database.read_in_thread(maildrop.load, account.id)
    opened = Maildrop(inbox)
    session.open(account, opened, Lease(services, account.id, lambda: session.connection.post(RENEWAL)))
    session.reply(replies.ok(f"{opened.count} messages ({opened.octets} octets)"))


def _not_base64(session: Conversation) -> None:
    session.attempt = None
    session.reply(replies.error("that is not base64"))


def _terms(session: Conversation) -> Terms:
    tls, plain_allowed = session.connection.tls, session.services.plain_allowed
    return Terms(
        tls_available=session.connection.tls_available,
        passwords=tls is not None or plain_allowed,
        mechanisms=session.services.authenticator.mechanisms(tls, plain_allowed=plain_allowed),
    )


def _client(session: Conversation) -> Client:
    return Client(session.connection.peer.address, Scope.POP3)
