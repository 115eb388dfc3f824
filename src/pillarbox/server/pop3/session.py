"""One POP3 session: dispatches commands to their handlers and turns failures into replies.

The machine refuses commands that are out of place; handlers answer the others. Failures of the world are
reported as `[SYS/TEMP]`, damage as `[SYS/PERM]` (RFC 3206 §4). A failure in the middle of a multi-line reply,
which no status line can take back, ends the connection, so that no client takes a part of a message for the
whole.
"""

from typing import Final

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Command, Retr, Top
from pillarbox.protocol.pop3.replies import Code
from pillarbox.protocol.pop3.states import State
from pillarbox.server import damage
from pillarbox.server.connection import Activity, ConnectionGone
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pop3.handlers import HANDLERS
from pillarbox.server.pop3.lease import Renewal
from pillarbox.server.pop3.maildrop import NoSuchNumber
from pillarbox.server.pop3.session_state import SessionState
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.store.fetch import NoSuchMessage
from pillarbox.store.maildrop import InUse
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce

AUTOLOGOUT_S: Final = 600.0
"""RFC 1939 §3: an inactivity timer "MUST be of at least 10 minutes' duration"."""
MAX_REFUSALS: Final = 20
"""Invalid or misplaced commands in a row; then the connection is closed."""
MAX_COMMANDS_BEFORE_LOGIN: Final = 100
"""Commands of a client that has not logged in; then the connection is closed."""
MAX_FAILED_LOGINS: Final = 5
"""Wrong passwords on one connection; then it is closed."""

FAILURES: Final[dict[type[Exception], tuple[str, Code | None]]] = {
    NoSuchNumber: ("No such message.", None),
    NoSuchMessage: ("Message has been expunged.", None),
    InUse: ("Mailbox is locked by another POP3 session.", Code.IN_USE),
    NoSuchAccount: ("Account doesn't exist.", Code.SYS_PERM),
    NoSuchMailbox: ("Mailbox doesn't exist.", Code.SYS_PERM),
    AuthenticationUnavailable: ("Temporary authentication failure.", Code.SYS_TEMP),
    MemoryScarce: ("Insufficient system resources, try again later.", Code.SYS_TEMP),
    DatabaseUnavailable: ("Temporary internal failure, try again later.", Code.SYS_TEMP),
    BlobDamaged: ("Message is damaged.", Code.SYS_PERM),
}
"""What a handler may raise, and the reply to it."""


class Pop3Session(SessionState):
    """One client's session (a `server.connection.Session`)."""

    __slots__ = ()

    async def opened(self) -> None:
        """RFC 1939 §4: the greeting. No timestamp in it: there is no APOP."""
        self.connection.set_deadline(AUTOLOGOUT_S)
        self.connection.write(replies.ok("Pillarbox ready."))

    async def handle(self, event: Command | Renewal) -> None:
        """One command, one reply."""
        if isinstance(event, Renewal):
            await self.lease.renew()
            return
        if self.account is None:
            self.commands_before_login += 1
            if self.commands_before_login > MAX_COMMANDS_BEFORE_LOGIN:
                self.connection.write(replies.error("Too many commands before login."))
                self.connection.close()
                return
        refusal = self.machine.refuse(event)
        if refusal is not None:
            self._refuse(refusal)
            return
        self.refused = 0
        self.begin(event)
        try:
            await HANDLERS[type(event)](self, event)
        except ConnectionGone:
            raise
        except Exception as failure:
            await self._fail(failure)
        if self.machine.state is State.ENDED or self.failed_logins >= MAX_FAILED_LOGINS:
            self.connection.close()

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        return (self.account.id,) if self.account else ()

    @property
    def logins(self) -> tuple[Login, ...]:
        """The same, with the password that was given."""
        return ((self.account.id, self.credential),) if self.account else ()

    def timed_out(self) -> bytes:
        """RFC 1939 §3: closed "without removing any messages or sending any response"."""
        return b""

    def scarce(self) -> bytes:
        """As `timed_out`: the client has not asked anything yet."""
        return b""

    def failed(self) -> bytes:
        """An error of ours; nothing is deleted."""
        return replies.error("Internal server error.", Code.SYS_TEMP)

    def ending(self) -> bytes:
        """The server shuts down; nothing is deleted. An unsolicited reply would confuse (RFC 1939 §3)."""
        return b""

    def revoked(self) -> bytes:
        """The account was disabled or removed, or the password changed or revoked; as `ending`."""
        return b""

    def kicked(self) -> bytes:
        """An operator ends the session; nothing is deleted."""
        return replies.error("Disconnected by the administrator.", Code.SYS_TEMP)

    def activity(self) -> Activity:
        """What the session is doing."""
        return Activity(
            login=self.account.login if self.account else "",
            state=self.machine.state.name.lower(),
            command=type(self.last_command).__name__.upper() if self.last_command else "",
        )

    def closed(self) -> None:
        """Without QUIT, nothing is deleted (RFC 1939 §6)."""
        self.release_maildrop()

    def _refuse(self, refusal: bytes) -> None:
        self.refused += 1
        self.connection.write(refusal)
        if self.refused >= MAX_REFUSALS:
            self.connection.close()

    async def _fail(self, failure: Exception) -> None:
        if not isinstance(failure, tuple(FAILURES)):
            account = self.account.id if self.account else None
            told = await damage.explained(self.world, failure, account)
            if told is failure:
                raise failure
            failure = told
        if isinstance(failure, BlobDamaged):
            asked = self.last_command
            uid = {"uid": self.maildrop.uid(asked.number)} if isinstance(asked, Retr | Top) else {}
            damage.report(self.world, failure, account=self.owner.login, **uid)
        if self.replied:
            self.connection.abort()
        else:
            reply = next(reply for kind, reply in FAILURES.items() if isinstance(failure, kind))
            self.reply(replies.error(*reply))
