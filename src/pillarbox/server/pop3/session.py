"""One POP3 session: each command goes to its handler, each failure becomes a reply.

The machine refuses what is out of place; handlers say what there is to say. What goes wrong is told in the
protocol's own terms: the world's failures as `[SYS/TEMP]`, damage as `[SYS/PERM]` (RFC 3206 §4). A failure in
the middle of a multi-line reply, which no status line can take back, ends the connection, so that no
client takes a part of a message for the whole.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.pop3 import commands, replies
from pillarbox.protocol.pop3.commands import Command
from pillarbox.protocol.pop3.machine import Machine, State
from pillarbox.protocol.pop3.replies import Code
from pillarbox.server.authentication import AuthenticationUnavailable
from pillarbox.server.connection import Connection
from pillarbox.server.pop3 import listing, login, retrieval
from pillarbox.server.pop3.conversation import Conversation
from pillarbox.server.pop3.lease import Renewal
from pillarbox.server.pop3.maildrop import NoSuchNumber
from pillarbox.server.pop3.services import Services
from pillarbox.store.fetch import NoSuchMessage
from pillarbox.store.maildrop import InUse
from pillarbox.world.blobs import BlobMissing
from pillarbox.world.database import DatabaseUnavailable

AUTOLOGOUT_S: Final = 600.0
"""RFC 1939 §3: an inactivity timer "MUST be of at least 10 minutes' duration"."""
REFUSALS: Final = 20
"""Commands in a row that are none or out of place; then the connection is closed."""
LOGIN_FAILURES: Final = 5
"""Wrong passwords on one connection; then it is closed."""

Handler = Callable[[Conversation, Any], Awaitable[None]]

HANDLERS: Final[dict[type[Command], Handler]] = {
    commands.Capa: login.capa,
    commands.User: login.user,
    commands.Pass: login.password,
    commands.Auth: login.auth,
    commands.Response: login.response,
    commands.Stls: login.stls,
    commands.Utf8: login.utf8,
    commands.Lang: login.lang,
    commands.Stat: listing.stat,
    commands.List: listing.scan,
    commands.Uidl: listing.unique_ids,
    commands.Dele: listing.delete,
    commands.Rset: listing.reset,
    commands.Noop: listing.nothing,
    commands.Quit: listing.leave,
    commands.Retr: retrieval.retrieve,
    commands.Top: retrieval.top,
}
"""Who serves what the machine lets pass."""


FAILURES: Final[dict[type[Exception], tuple[str, Code | None]]] = {
    NoSuchNumber: ("no such message", None),
    NoSuchMessage: ("that message is gone", None),
    InUse: ("another session is deleting messages", Code.IN_USE),
    AuthenticationUnavailable: ("too busy, try again later", Code.SYS_TEMP),
    DatabaseUnavailable: ("not possible now, try again later", Code.SYS_TEMP),
    BlobMissing: ("that message is damaged", Code.SYS_PERM),
}
"""What a handler may raise, and what the client hears of it."""


class Pop3Session:
    """A `pillarbox.server.connection.Session`."""

    __slots__ = ("_conversation", "_refused")

    def __init__(self, services: Services, connection: Connection) -> None:
        self._conversation = Conversation(services, connection)
        self._refused = 0

    @property
    def machine(self) -> Machine:
        """What reads this client's lines."""
        return self._conversation.machine

    async def opened(self) -> None:
        """RFC 1939 §4: the greeting. No timestamp in it: there is no APOP."""
        connection = self._conversation.connection
        connection.set_deadline(AUTOLOGOUT_S)
        connection.write(replies.ok("Pillarbox POP3 ready"))

    async def handle(self, event: Command | Renewal) -> None:
        """One command, one reply."""
        conversation = self._conversation
        if isinstance(event, Renewal):
            await conversation.lease.renew()
            return
        refusal = self.machine.refuse(event)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._refused = 0
        conversation.begin(event)
        try:
            await HANDLERS[type(event)](conversation, event)
        except tuple(FAILURES) as failure:
            self._fail(failure)
        if self.machine.state is State.ENDED or conversation.failed_logins >= LOGIN_FAILURES:
            conversation.connection.close()

    def timed_out(self) -> bytes:
        """RFC 1939 §3: closed "without removing any messages or sending any response"."""
        return b""

    def failed(self) -> bytes:
        """We were wrong; nothing is deleted."""
        return replies.error("an error of ours, sorry", Code.SYS_TEMP)

    def ending(self) -> bytes:
        """The server goes away; nothing is deleted. Unasked for, so nothing is said (RFC 1939 §3)."""
        return b""

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        account = self._conversation.account
        return (account.id,) if account else ()

    def revoked(self) -> bytes:
        """The account was disabled or removed. Unasked for, so nothing is said (RFC 1939 §3)."""
        return b""

    def closed(self) -> None:
        """Without QUIT, nothing is deleted (RFC 1939 §6)."""
        self._conversation.give_back()

    def _refuse(self, refusal: bytes) -> None:
        self._refused += 1
        self._conversation.connection.write(refusal)
        if self._refused >= REFUSALS:
            self._conversation.connection.close()

    def _fail(self, failure: Exception) -> None:
        conversation = self._conversation
        if isinstance(failure, BlobMissing):
            conversation.services.telemetry.failure("message damaged", failure)
        if conversation.replied:
            conversation.connection.abort()
        else:
            said = next(said for kind, said in FAILURES.items() if isinstance(failure, kind))
            conversation.reply(replies.error(*said))
