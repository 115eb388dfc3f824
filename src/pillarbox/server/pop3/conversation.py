"""One client's POP3 conversation: what a command's handler may know and do.

Handlers (`login`, `listing`, `retrieval`, `deletion`) get it as their first argument; `session` carries it.
"""

from pillarbox.directory.accounts import Account
from pillarbox.protocol.pop3.commands import Command
from pillarbox.protocol.pop3.machine import Machine
from pillarbox.server.authentication import Attempt
from pillarbox.server.connection import Connection
from pillarbox.server.pop3.lease import Lease
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.server.pop3.services import Services


class Conversation:
    """A client, as far as it has come."""

    __slots__ = (
        "_command",
        "_lease",
        "_maildrop",
        "_replied",
        "account",
        "attempt",
        "connection",
        "failed_logins",
        "machine",
        "name",
        "services",
    )

    def __init__(self, services: Services, connection: Connection) -> None:
        self.services = services
        self.connection = connection
        self.machine = Machine()
        self.name = ""
        """What USER said last."""
        self.attempt: Attempt | None = None
        """AUTH under way."""
        self.failed_logins = 0
        self.account: Account | None = None
        """Who has logged in; not None exactly while the maildrop is open."""
        self._maildrop: Maildrop | None = None
        self._lease: Lease | None = None
        self._command: Command | None = None
        self._replied = False

    @property
    def maildrop(self) -> Maildrop:
        """The messages; only for commands of the TRANSACTION state."""
        assert self._maildrop is not None, "the machine asks for a login first"
        return self._maildrop

    @property
    def lease(self) -> Lease:
        """The lock on the maildrop, held or not; only for commands of the TRANSACTION state."""
        assert self._lease is not None, "the machine asks for a login first"
        return self._lease

    @property
    def owner(self) -> Account:
        """Whose maildrop it is; only for commands of the TRANSACTION state."""
        assert self.account is not None, "the machine asks for a login first"
        return self.account

    @property
    def replied(self) -> bool:
        """Whether the command under way has its status line already."""
        return self._replied

    def open(self, account: Account, maildrop: Maildrop, lease: Lease) -> None:
        """The client is who it says, and its maildrop is open."""
        self.account, self._maildrop, self._lease = account, maildrop, lease

    def begin(self, command: Command) -> None:
        """This command is under way now."""
        self._command, self._replied = command, False

    def reply(self, octets: bytes) -> None:
        """Answer the command under way: the status line, with all or the beginning of what follows it."""
        assert self._command is not None, "nothing was asked"
        assert not self._replied, "a command has one status line"
        self._replied = True
        self.connection.write(self.machine.answer(self._command, octets))

    def give_back(self) -> None:
        """Let go of the maildrop."""
        if self._lease is not None:
            self._lease.give_back()
