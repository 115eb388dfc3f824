"""What the handlers of one SMTP session share: its service, its connection, and how far the dialogue has come."""

from dataclasses import dataclass, field
from typing import Final

from pillarbox.config.schema import Config
from pillarbox.delivery.checks.check import NO_VERDICT
from pillarbox.delivery.envelope import Origin, Source
from pillarbox.delivery.reception.incoming import IncomingMessage
from pillarbox.delivery.reception.reception import Reception
from pillarbox.directory.accounts import Account
from pillarbox.protocol.smtp.capabilities import Conditions, Role
from pillarbox.protocol.smtp.commands import Command, Hello, Verb
from pillarbox.protocol.smtp.machine import SmtpMachine
from pillarbox.protocol.smtp.replies import Reply, closing
from pillarbox.protocol.smtp.states import State
from pillarbox.queue.scheduled import MAX_HOLD_S
from pillarbox.server.connection import Activity, Connection
from pillarbox.server.login.attempt import Attempt
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.smtp.command_counts import CommandCounts, SessionLimits
from pillarbox.server.smtp.message_counts import MessageCounts
from pillarbox.world.world import World

# Silence after which a session is ended with 421 (RFC 5321 §4.5.3.2)
COMMAND_TIMEOUT_S: Final = 300.0
"""Waiting for a command; RFC 5321 §4.5.3.2.7 asks for 5 minutes at least."""
DATA_TIMEOUT_S: Final = 300.0
"""Waiting for more of a message; a client may take 3 minutes for a block (§4.5.3.2.5)."""
AUTH_TIMEOUT_S: Final = 120.0
"""Waiting for a response in an AUTH exchange."""

_HOUR_MS: Final = 3_600_000

_SOURCES: Final = {
    Role.MX: Source.PUBLIC,
    Role.SUBMISSION: Source.SUBMISSION,
    Role.SUBMISSIONS: Source.SUBMISSION,
    Role.LMTP: Source.TRUSTED,
}


@dataclass(frozen=True, slots=True)
class Shared:
    """What the sessions of one service share; made as `SmtpService`."""

    world: World
    authenticator: Authenticator
    config: Config
    reception: Reception
    role: Role
    limits: SessionLimits = field(default_factory=SessionLimits)
    messages: MessageCounts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", MessageCounts(self.world.shared.metrics, self.role))


def _latest_release_ms(shared: Shared) -> int:
    """Until when mail may be held; whole hours, so that what EHLO says is the same for many sessions."""
    if not shared.role.submits:
        return 0
    return (shared.world.clock.now_ms() + MAX_HOLD_S * 1000) // _HOUR_MS * _HOUR_MS


class Context:
    """One session, for its handlers."""

    __slots__ = (
        "_origin",
        "account",
        "attempt",
        "connect_verdict",
        "connection",
        "counts",
        "credential",
        "hello",
        "incoming",
        "machine",
        "replies",
        "shared",
        "source",
        "verdict",
    )

    def __init__(self, shared: Shared, connection: Connection) -> None:
        self.shared = shared
        self.connection = connection
        self.machine = SmtpMachine(
            Conditions(
                role=shared.role,
                message_octets=shared.config.limits.message_octets,
                recipients=shared.config.limits.recipients,
                transactions=shared.limits.transactions,
                max_hold_s=MAX_HOLD_S if shared.role.submits else 0,
                latest_release_ms=_latest_release_ms(shared),
            )
        )
        self.counts = CommandCounts(shared.limits)
        self.replies: list[bytes] = []
        """What was answered to the events of this read; it leaves in one write."""
        self.source = _SOURCES[shared.role]
        """Whose mail this service takes."""
        self.hello: Hello | None = None
        self.account: Account | None = None
        """Who has logged in."""
        self.credential = ""
        """The mark of the password that it has logged in with."""
        self.attempt: Attempt | None = None
        """The AUTH exchange under way."""
        self.incoming: IncomingMessage | None = None
        """The open transaction: from MAIL to the end of its message (RFC 5321 §4.1.1)."""
        self._origin: Origin | None = None
        self.connect_verdict = self.verdict = NO_VERDICT
        """What the checks say of the connection, and of the connection and the greeting."""

    @property
    def hostname(self) -> str:
        """What we call ourselves."""
        return self.shared.config.hostname

    def activity(self) -> Activity:
        """For an operator: what the session is doing."""
        return Activity(
            login=self.account.login if self.account else "",
            state=self.machine.state.value,
            client=self.hello.name if self.hello else "",
        )

    # --- answering

    def answer(self, reply: Reply) -> None:
        """Answer; a command that is refused for good counts as an error."""
        self.replies.append(reply.octets)
        if reply.code >= 500:
            self.end_if(self.counts.error())

    def flush(self) -> None:
        """Send what was answered."""
        if self.replies:
            octets = self.replies[0] if len(self.replies) == 1 else b"".join(self.replies)
            self.replies.clear()
            self.connection.write(octets)

    def end_if(self, why: str | None) -> None:
        """End the session with 421, where there is a reason."""
        if why is None or self.machine.state is State.END:
            return
        self.shared.world.telemetry.event("smtp session ended", client=self.connection.peer.address, why=why)
        self.replies.append(closing(self.hostname, "7.0", why).octets)
        self.close()

    def close(self) -> None:
        """Read no more; send what was answered, and close."""
        self.machine.close()
        self.flush()
        self.connection.close()

    def refused_by_table(self, command: Command) -> bool:
        """Whether the command may not come now (`protocol.smtp.states`); then it was answered."""
        refusal = self.machine.refusal(command)
        if refusal:
            self.answer(refusal)
        return refusal is not None

    # --- state

    def reset(self) -> None:
        """The transaction is over."""
        if self.incoming:
            self.incoming.abandon()
            self.incoming = None

    def greeted(self, hello: Hello | None) -> None:
        """The client has given its name, or that was forgotten."""
        self.hello = hello
        self._origin = None

    def update_conditions(self) -> None:
        """What is offered now: after the connection, TLS, or a login has changed it."""
        connection, shared = self.connection, self.shared
        self._origin = None
        tls = connection.tls
        mechanisms: tuple[str, ...] = ()
        if shared.role.submits and self.account is None:
            mechanisms = shared.authenticator.mechanisms(tls, plain_allowed=shared.config.plain_passwords)
        self.machine.change(
            tls_active=tls is not None, tls_available=connection.tls_available, mechanisms=mechanisms
        )

    def origin(self, *, smtputf8: bool = False) -> Origin:
        """Where messages of this session come from."""
        if smtputf8:
            return self._made_origin(smtputf8=True)
        if self._origin is None:
            self._origin = self._made_origin(smtputf8=False)
        return self._origin

    def _made_origin(self, *, smtputf8: bool) -> Origin:
        connection, hello, role = self.connection, self.hello, self.shared.role
        tls = connection.tls
        return Origin(
            source=self.source,
            service=role.value,
            protocol=transmission_type(
                role,
                smtputf8=smtputf8,
                extended=hello is not None and hello.verb is not Verb.HELO,
                tls=tls is not None,
                authenticated=self.account is not None,
            ),
            client_name=hello.name if hello else "",
            client_address=connection.peer.address,
            server_address=connection.local.address,
            cipher=tls.cipher if tls else None,
            account=self.account,
        )


def transmission_type(role: Role, *, smtputf8: bool, extended: bool, tls: bool, authenticated: bool) -> str:
    """The `with` of Received (RFC 3848 §1, RFC 6531 §4.3)."""
    if role is Role.LMTP:
        base = "UTF8LMTP" if smtputf8 else "LMTP"
    elif smtputf8:
        base = "UTF8SMTP"
    else:
        base = "ESMTP" if extended or tls else "SMTP"
    return f"{base}{'S' if tls else ''}{'A' if authenticated else ''}"
