"""The IMAP session that a connection carries: events in, handlers called, one tagged response each.

Always true: commands are carried out one after another, in the client's order (RFC 9051 §5.5); a tagged
OK is written after what it reports is durable; what is new in the selected mailbox is told before the
tagged response, EXPUNGE only where it may be; and a session that fails, fails alone, with BYE.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, assert_never

from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.query import mentions_sequence
from pillarbox.protocol.imap import commands, response_codes, responses
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.events import (
    Event,
    Farewell,
    IdleAborted,
    IdleEnded,
    MessageOctets,
    MessageOffered,
    MessagesDropped,
    MessagesEnded,
    Received,
    SaslAborted,
    SaslResponse,
    Say,
)
from pillarbox.protocol.imap.machine import Machine
from pillarbox.server.connection import Connection
from pillarbox.server.imap import (
    append,
    fetching,
    idling,
    listing,
    login,
    mailboxes,
    moving,
    searching,
    selecting,
    storing,
    updates,
)
from pillarbox.server.imap.conversation import Conversation, Services
from pillarbox.server.imap.idling import Hint
from pillarbox.server.imap.reply import BrokenOff, Reply, ok, refusal
from pillarbox.server.imap.updates import MailboxGone
from pillarbox.world.database import DatabaseUnavailable

Handler = Callable[[Conversation, Any], Awaitable[Reply | None]]

HANDLERS: Final[dict[type, Handler]] = {
    commands.Capability: login.capability,
    commands.Noop: idling.noop,
    commands.Logout: login.logout,
    commands.Id: login.identify,
    commands.StartTls: login.start_tls,
    commands.Authenticate: login.authenticate,
    commands.Login: login.login,
    commands.Enable: login.enable,
    commands.Select: selecting.select,
    commands.Create: mailboxes.create,
    commands.Delete: mailboxes.delete,
    commands.Rename: mailboxes.rename,
    commands.Subscribe: mailboxes.subscribe,
    commands.Unsubscribe: mailboxes.unsubscribe,
    commands.List: listing.list_mailboxes,
    commands.Lsub: listing.lsub,
    commands.Namespace: listing.namespace,
    commands.Status: listing.status,
    commands.Idle: idling.idle,
    commands.Check: idling.check,
    commands.Close: selecting.close,
    commands.Unselect: selecting.unselect,
    commands.Expunge: moving.expunge,
    commands.Search: searching.search,
    commands.Fetch: fetching.fetch,
    commands.Store: storing.store,
    commands.Copy: moving.copy,
    commands.Move: moving.move,
}
"""Who carries out which command; a handler that answers later returns None."""

LOGIN_S: Final = 60
"""How long a stranger may take to log in."""


class ImapSession(Conversation):
    """One client's session (a `server.connection.Session`)."""

    __slots__ = ()

    def __init__(self, services: Services, connection: Connection) -> None:
        terms = login.terms(services, connection)
        super().__init__(services, connection, Machine(terms, append_limit=services.append_limit_octets))

    async def opened(self) -> None:
        """Greet (RFC 9051 §7.1): with the capabilities, which spares the client a command."""
        self.connection.set_deadline(LOGIN_S)
        # Where TLS comes first it stands only now, after the session was made
        self.machine.terms = login.terms(self.services, self.connection)
        self.write(
            responses.ok(
                responses.UNTAGGED,
                f"{self.services.hostname} Pillarbox",
                response_codes.capability(self.machine.capabilities()),
            )
        )
        self.flush()

    async def handle(self, event: Event | Hint) -> None:
        """Carry out one event."""
        try:
            await self._handle(event)
        except MailboxGone:
            # RFC 2180 §3.3: the others hear BYE when a mailbox is deleted under them
            self._bye("The selected mailbox was deleted")
        except BrokenOff as broken:
            # Any word of ours would be read as octets of the message
            self.services.telemetry.warning("answer broken off", why=str(broken.__cause__))
            self.machine.logged_out()
            self.said.clear()
            self.connection.abort()
        finally:
            self.flush()

    def timed_out(self) -> bytes:
        """The client was silent for too long (RFC 9051 §5.4)."""
        return responses.bye("Idle for too long")

    def failed(self) -> bytes:
        """We were wrong."""
        return responses.bye("Something is wrong here", response_codes.SERVERBUG)

    def ending(self) -> bytes:
        """The server goes away."""
        return responses.bye("The server is going down", response_codes.UNAVAILABLE)

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        return (self.account.id,) if self.account else ()

    def revoked(self) -> bytes:
        """The account was disabled or removed."""
        return responses.bye("This account has been closed")

    def closed(self) -> None:
        """The connection is gone."""
        idling.end(self)
        append.drop(self)
        self.machine.deselect()

    async def _handle(self, event: Event | Hint) -> None:
        match event:
            case Received():
                await self._receive(event)
            case Hint():
                await idling.hinted(self)
            case Say(octets):
                self.write(octets)
            case Farewell(octets):
                self._leave(octets)
            case IdleEnded(tag):
                idling.end(self)
                await self._finish(tag, ok("No longer idle"))
            case IdleAborted(octets):
                idling.end(self)
                self.write(octets)
            case SaslResponse(octets):
                await self._carry_out(self.tag, login.respond(self, octets))
            case SaslAborted(octets):
                self.attempt = None
                self.write(octets)
            case MessageOffered() | MessageOctets() | MessagesEnded() | MessagesDropped():
                await self._handle_message(event)
            case _:
                assert_never(event)

    async def _handle_message(
        self, event: MessageOffered | MessageOctets | MessagesEnded | MessagesDropped
    ) -> None:
        match event:
            case MessageOffered(tag):
                self._offer(tag, event)
            case MessageOctets(octets):
                append.take(self, octets)
            case MessagesEnded(tag):
                await self._carry_out(tag, append.store(self))
            case MessagesDropped(octets):
                append.drop(self)
                self.write(octets)
            case _:
                assert_never(event)

    async def _receive(self, event: Received) -> None:
        command = event.command
        if event.enabling_condstore and (selected := self.machine.selected):
            # RFC 7162 §3.1.1: from which moment on MODSEQs are told
            code = response_codes.highest_modseq(selected.told_modseq)
            self.write(responses.ok(responses.UNTAGGED, "Changes are told from here", code))
        work = HANDLERS[type(command)](self, command)
        await self._carry_out(event.tag, work, expunges=_may_tell_expunges(command))
        if isinstance(command, commands.Logout):
            self._leave()

    async def _carry_out(self, tag: bytes, work: Awaitable[Reply | None], *, expunges: bool = True) -> None:
        """Await a handler and answer with its reply; a refusal is a reply as well."""
        self.tag, self.own, self.fresh = tag, frozenset(), False
        try:
            reply = await work
        except MailboxGone:
            raise
        except Exception as error:
            refused = refusal(error)
            if refused is None:
                raise
            reply = refused
        if reply is not None:
            await self._finish(tag, reply, expunges=expunges)

    async def _finish(self, tag: bytes, reply: Reply, *, expunges: bool = True) -> None:
        try:
            if not self.fresh:
                await updates.tell(self, expunges=expunges)
        except DatabaseUnavailable:
            pass  # it is told another time: what the command did stands
        self.write(reply.octets(tag))

    def _offer(self, tag: bytes, event: MessageOffered) -> None:
        self.tag = tag
        try:
            self.write(append.offered(self, event))
        except Exception as error:
            refused = refusal(error)
            if refused is None:
                raise
            append.drop(self)
            self.machine.refuse_message()
            self.write(refused.octets(tag))

    def _bye(self, text: str) -> None:
        self.machine.logged_out()
        self._leave(responses.bye(text))

    def _leave(self, octets: bytes = b"") -> None:
        self.write(octets)
        self.flush()
        self.connection.close()


def _may_tell_expunges(command: Command) -> bool:
    """Whether EXPUNGE may be told in the answer (RFC 9051 §7.5.1, RFC 7162 §3.2.10)."""
    match command:
        case commands.Fetch() | commands.Store():
            return command.uid
        case commands.Search():
            return command.uid and not mentions_sequence(command.query)
        case _:
            return True
