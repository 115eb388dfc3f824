"""The IMAP session of a connection: events in, handlers called, one tagged response each.

Always true: commands are carried out one after another, in the client's order (RFC 9051 §5.5); a tagged
OK is written after what it reports is durable; updates of the selected mailbox are sent before the
tagged response, EXPUNGE only where it is permitted; and a session that fails, fails alone, with BYE.
"""

from collections.abc import Awaitable
from typing import assert_never

from pillarbox.config.schema import Config
from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap import commands, response_codes, responses
from pillarbox.protocol.imap.events import (
    Bye,
    Event,
    IdleAborted,
    IdleEnded,
    MessageOctets,
    MessageOffered,
    MessagesDropped,
    MessagesEnded,
    Received,
    Response,
    SaslAborted,
    SaslResponse,
)
from pillarbox.protocol.imap.machine import Machine
from pillarbox.server import damage
from pillarbox.server.connection import LOGIN_ENDED, Activity, Connection, ConnectionGone
from pillarbox.server.imap import append, authenticate, idle, updates
from pillarbox.server.imap.caches import Caches
from pillarbox.server.imap.handlers import handler_of
from pillarbox.server.imap.idle import Hint
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.server.imap.reply import (
    READ_ONLY_LOGIN,
    CommandRefused,
    Reply,
    ResponseInterrupted,
    refusal,
)
from pillarbox.server.imap.session_state import LOGIN_TIMEOUT_S, NONE, SessionState
from pillarbox.server.imap.updates import MailboxGone
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World


class ImapSession(SessionState):
    """One client's session (a `server.connection.Session`)."""

    __slots__ = ()

    def __init__(
        self,
        world: World,
        authenticator: Authenticator,
        config: Config,
        caches: Caches,
        connection: Connection,
        limits: ImapLimits,
    ) -> None:
        machine = Machine(
            authenticate.conditions(authenticator, config, connection),
            append_limit=config.limits.message_octets,
        )
        super().__init__(world, authenticator, config, caches, connection, machine, limits)

    async def opened(self) -> None:
        """Greet (RFC 9051 §7.1): with the capabilities, which spares the client a command."""
        self.connection.set_deadline(LOGIN_TIMEOUT_S)
        # With implicit TLS it is active only now, after the session was made
        self.machine.conditions = authenticate.conditions(self.authenticator, self.config, self.connection)
        self.write(
            responses.ok(
                responses.UNTAGGED,
                f"{self.config.hostname} Pillarbox ready",
                response_codes.capability(self.machine.capabilities()),
            )
        )
        self.flush()

    async def handle(self, event: Event | Hint) -> None:
        """Carry out one event."""
        try:
            match event:
                case Received():
                    await self._receive(event)
                case IdleEnded(tag):
                    await self._carry_out(tag, idle.done(self))
                case SaslResponse(octets):
                    await self._carry_out(self.tag, authenticate.respond(self, octets))
                case MessageOffered():
                    await self._message_offered(event)
                case MessagesEnded(tag):
                    await self._carry_out(tag, append.messages_ended(self))
                case MessageOctets(octets):
                    await append.message_octets(self, octets)
                case Hint():
                    await idle.hint_received(self)
                case _:
                    self._handle_at_once(event)
        except MailboxGone:
            # RFC 2180 §3.3: a session whose mailbox was deleted by another is disconnected
            self.machine.logged_out()
            self._close(responses.bye("Selected mailbox was deleted"))
        except ResponseInterrupted as interrupted:
            # Whatever we write would be read as octets of the message
            self.world.telemetry.warning("response interrupted", why=str(interrupted.__cause__))
            self.machine.logged_out()
            self.output.clear()
            self.connection.abort()
        finally:
            self.flush()

    def _handle_at_once(self, event: Response | Bye | IdleAborted | SaslAborted | MessagesDropped) -> None:
        """Carry out an event that never waits."""
        match event:
            case Response(octets):
                self.write(octets)
            case Bye(octets):
                self._close(octets)
            case IdleAborted(octets):
                idle.end(self)
                self.write(octets)
            case SaslAborted(octets):
                self.attempt = None
                self.write(octets)
            case MessagesDropped(octets):
                append.drop(self)
                self.write(octets)
            case _:
                assert_never(event)

    def timed_out(self) -> bytes:
        """The client was silent for too long (RFC 9051 §5.4)."""
        return responses.bye("Disconnected for inactivity")

    def scarce(self) -> bytes:
        """What is received of a command cannot be kept any longer (RFC 5530 §3)."""
        return responses.bye("Insufficient system resources", response_codes.UNAVAILABLE)

    def failed(self) -> bytes:
        """The session raised an error of ours."""
        return responses.bye("Internal server error", response_codes.SERVERBUG)

    def ending(self) -> bytes:
        """The server shuts down."""
        return responses.bye("Server shutting down", response_codes.UNAVAILABLE)

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        return (self.account.id,) if self.account else ()

    @property
    def logins(self) -> tuple[Login, ...]:
        """The same, with the password that was given."""
        return ((self.account.id, self.credential),) if self.account else ()

    def revoked(self) -> bytes:
        """The account was disabled or removed, or the password changed, revoked or not enough any more."""
        return responses.bye(LOGIN_ENDED)

    def kicked(self) -> bytes:
        """An operator ends the session."""
        return responses.bye("Disconnected by the administrator", response_codes.UNAVAILABLE)

    def activity(self) -> Activity:
        """What the session is doing."""
        selected = self.machine.selected
        return Activity(
            login=self.account.login if self.account else "",
            state=f"selected {selected.name}" if selected else self.machine.state.value,
            command=self.last_command.__name__.upper() if self.last_command else "",
            client=self.client,
        )

    def closed(self) -> None:
        """The connection is gone."""
        idle.end(self)
        append.drop(self)
        self.machine.deselect()

    # --- commands

    async def _message_offered(self, event: MessageOffered) -> None:
        self.tag = event.tag
        if event.index == 0:
            self.last_command = type(event.command)
            self.caches.commands[self.last_command].value += 1
        try:
            if self.read_only:
                raise CommandRefused(READ_ONLY_LOGIN)
            self.write(await append.message_offered(self, event))
        except Exception as error:
            reply = await self._refusal(error)
            if reply is None:
                raise
            append.drop(self)
            self.machine.refuse_message()
            self.write(reply.octets(event.tag))

    async def _receive(self, event: Received) -> None:
        command = event.command
        if self.account is None:
            self.commands_before_login += 1
            if self.commands_before_login > self.limits.commands_before_login:
                self.machine.logged_out()
                self._close(responses.bye("Too many commands before login"))
                return
        if event.enabling_condstore:
            self._condstore_enabled(command)
        self.last_command = kind = type(command)
        self.caches.commands[kind].value += 1
        work = handler_of(kind, read_only=self.read_only)(self, command)
        await self._carry_out(event.tag, work, expunges=command.permits_expunge)
        if isinstance(command, commands.Logout):
            self._close()

    def _condstore_enabled(self, command: commands.Command) -> None:
        selecting = isinstance(command, commands.Select)  # which describes the other mailbox
        if not selecting and (selected := self.machine.selected):
            # RFC 7162 §3.1.1: from which MODSEQ on they are sent
            code = response_codes.highest_modseq(selected.complete_modseq)
            self.write(responses.ok(responses.UNTAGGED, "Highest", code))

    async def _refusal(self, error: Exception) -> Reply | None:
        """The reply to what a handler raised, or None if it is our error and not of damaged values."""
        reply = refusal(error)
        if reply is None and not isinstance(error, ConnectionGone | MailboxGone | ResponseInterrupted):
            account = self.account.id if self.account else None
            reply = refusal(await damage.explained(self.world, error, account))
        return reply

    async def _carry_out(self, tag: bytes, work: Awaitable[Reply | None], *, expunges: bool = True) -> None:
        """Await a handler and write its tagged response; a refusal is one as well."""
        self.tag, self.own_modseqs, self.up_to_date = tag, NONE, False
        try:
            reply = await work
        except Exception as error:
            reply = await self._refusal(error)
            if reply is None:
                raise
        if reply is None:
            return
        if not self.up_to_date:
            try:
                await updates.send(self, expunges=expunges)
            except DatabaseUnavailable:
                pass  # updates are sent another time: what the command did is done
        self.write(reply.octets(tag))

    def _close(self, octets: bytes = b"") -> None:
        self.write(octets)
        self.flush()
        self.connection.close()
