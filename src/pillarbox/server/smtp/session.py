"""An SMTP or LMTP session, for every role (RFC 5321, 6409, 8314, 2033): what the pump calls.

The machine reads commands and knows which may come when; handlers answer them, by a table of the
event's type. What is always true:

* every event is answered exactly once (LMTP: the end of a message once for each recipient), in order; the
  answers to what came in one read leave in one write (RFC 2920 §3.2);
* 250 to a message follows `Accepted` from the reception, and nothing else does (`message.py`);
* a session that errs, guesses or idles too much is ended with 421 (`command_counts.py`).

Handlers: `hello.py` (EHLO), `starttls.py`, `auth.py`, `envelope.py` (MAIL, RCPT), `message.py` (DATA, BDAT),
`simple.py` (the rest).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pillarbox.delivery.checks.check import Stage
from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.commands import Auth, Hello, Mail, Rcpt, RejectedCommand, Simple
from pillarbox.protocol.smtp.machine import ChunkEnd, Event, MessageEnd, Piece, Response, SmtpMachine
from pillarbox.protocol.smtp.replies import Reply, closing, greeting
from pillarbox.server.connection import LOGIN_ENDED, Activity, Connection
from pillarbox.server.smtp import auth, envelope, hello, message, simple
from pillarbox.server.smtp.context import COMMAND_TIMEOUT_S, Context, Shared
from pillarbox.server.smtp.refusals import reply_to

Handler = Callable[[Context, Any], Awaitable[None] | None]
"""Answers one event; returns `None` where there is nothing to wait for, so that no coroutine is made."""

HANDLERS: Final[dict[type[Event], Handler]] = {
    Hello: hello.on_hello,
    Auth: auth.on_auth,
    Response: auth.on_response,
    Mail: envelope.on_mail,
    Rcpt: envelope.on_rcpt,
    Piece: message.on_piece,
    MessageEnd: message.on_message_end,
    ChunkEnd: message.on_chunk_end,
    Simple: simple.on_simple,
    RejectedCommand: simple.on_refused,
}
"""Every event but `Bdat`, which the machine keeps: its chunk is answered at `ChunkEnd`."""


class SmtpSession:
    """One connection's session."""

    __slots__ = ("_context", "machine")

    def __init__(self, shared: Shared, connection: Connection) -> None:
        self._context = Context(shared, connection)
        self.machine: SmtpMachine = self._context.machine

    async def opened(self) -> None:
        """Greet, unless a check refuses the connection."""
        context = self._context
        shared = context.shared
        context.update_conditions()
        context.connection.set_deadline(COMMAND_TIMEOUT_S)
        if shared.reception.checks.rows[context.source][Stage.CONNECT]:
            verdict = await shared.reception.check(Stage.CONNECT, context.origin())
            if verdict.refused:
                context.replies.append(_instead_of_greeting(reply_to(verdict.refused), context.hostname))
                context.close()
                return
            context.connect_verdict = context.verdict = verdict
        protocol = "LMTP" if shared.role is Role.LMTP else "ESMTP"
        context.connection.write(greeting(context.hostname, protocol).octets)

    async def handle(self, event: Event) -> None:
        """Answer one event."""
        context = self._context
        waiting = HANDLERS[type(event)](context, event)
        if waiting is not None:
            await waiting
        if context.machine.handled():
            context.flush()

    def timed_out(self) -> bytes:
        """RFC 5321 §4.5.3.2: silence for too long."""
        return closing(self._context.hostname, "4.2", "Timeout exceeded").octets

    def scarce(self) -> bytes:
        """What is received of a message cannot be kept any longer."""
        return closing(self._context.hostname, "3.1", "Insufficient system resources").octets

    def failed(self) -> bytes:
        """Our mistake; what was sent may be sent again."""
        context = self._context
        last = closing(context.hostname, "3.0", "Internal server error").octets
        return b"".join((*context.replies, last))

    def ending(self) -> bytes:
        """RFC 5321 §3.8: the server stops."""
        return closing(self._context.hostname, "3.2", "Service shutting down").octets

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        return (self._context.account.id,) if self._context.account else ()

    @property
    def logins(self) -> tuple[Login, ...]:
        """The same, with the password that was given."""
        return ((self._context.account.id, self._context.credential),) if self._context.account else ()

    def revoked(self) -> bytes:
        """The account was disabled or removed, or the password changed, revoked or not enough any more."""
        return closing(self._context.hostname, "7.0", LOGIN_ENDED).octets

    def kicked(self) -> bytes:
        """An operator ends the session."""
        return closing(self._context.hostname, "3.2", "Disconnected by the administrator").octets

    def activity(self) -> Activity:
        """What the session is doing."""
        return self._context.activity()

    def closed(self) -> None:
        """The connection is gone, and with it what was not committed (RFC 5321 §4.1.1.10)."""
        self._context.reset()


def _instead_of_greeting(reply: Reply, hostname: str) -> bytes:
    if reply.transient:
        return closing(hostname, reply.status, reply.text).octets
    # RFC 5321 §3.1: 554 in the opening message rejects the connection
    return Reply(554, reply.status, f"{hostname} {reply.text}").octets
