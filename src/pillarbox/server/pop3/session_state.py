"""A session's state, and what a command's handler may do. Handlers get it as their first argument."""

from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.pop3.commands import Command
from pillarbox.protocol.pop3.machine import Machine
from pillarbox.server.connection import Connection
from pillarbox.server.login.attempt import Attempt
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated
from pillarbox.server.pop3.lease import Lease
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.server.pop3.read_ahead import ReadAhead
from pillarbox.world.world import World


class SessionState:
    """One client's session, without the dispatch of commands (`session.Pop3Session`)."""

    __slots__ = (
        "_lease",
        "_maildrop",
        "_read_ahead",
        "account",
        "attempt",
        "authenticator",
        "commands_before_login",
        "config",
        "connection",
        "credential",
        "failed_logins",
        "last_command",
        "machine",
        "name",
        "read_only",
        "refused",
        "replied",
        "world",
    )

    def __init__(
        self, world: World, authenticator: Authenticator, config: Config, connection: Connection
    ) -> None:
        self.world = world
        self.authenticator = authenticator
        self.config = config
        self.connection = connection
        self.machine = Machine()
        self.name = ""
        """The argument of the last USER."""
        self.attempt: Attempt | None = None
        """The SASL exchange that AUTH began."""
        self.failed_logins = 0
        self.commands_before_login = 0
        self.refused = 0
        """Invalid or misplaced commands since the last that was carried out."""
        self.account: Account | None = None
        """The account that has logged in; not None exactly while the maildrop is open."""
        self.credential = ""
        """The mark of the password that it has logged in with."""
        self.read_only = False
        """Whether the password of the login may change nothing."""
        self.replied = False
        """Whether the current command has its status line already."""
        self._maildrop: Maildrop | None = None
        self._read_ahead: ReadAhead | None = None
        self._lease: Lease | None = None
        self.last_command: Command | None = None

    @property
    def client(self) -> Client:
        """The client, as the authenticator knows it."""
        return Client(self.connection.peer.address, Scope.POP3)

    @property
    def owner(self) -> Account:
        """The owner of the maildrop; only for commands of the TRANSACTION state."""
        assert self.account is not None, "the machine requires a login first"
        return self.account

    @property
    def maildrop(self) -> Maildrop:
        """The messages; only for commands of the TRANSACTION state."""
        assert self._maildrop is not None, "the machine requires a login first"
        return self._maildrop

    @property
    def read_ahead(self) -> ReadAhead:
        """The small messages of the maildrop; only for commands of the TRANSACTION state."""
        assert self._read_ahead is not None, "the machine requires a login first"
        return self._read_ahead

    @property
    def lease(self) -> Lease:
        """The lock on the maildrop, held or not; only for commands of the TRANSACTION state."""
        assert self._lease is not None, "the machine requires a login first"
        return self._lease

    def open_maildrop(self, who: Authenticated, maildrop: Maildrop, lease: Lease) -> None:
        """The account has logged in."""
        self.account, self.credential, self.read_only = who.account, who.credential, who.is_read_only
        self._maildrop, self._lease = maildrop, lease
        self._read_ahead = ReadAhead(self.world, who.account.id, maildrop)

    def release_maildrop(self) -> None:
        """Release the lock on the maildrop, if it is held, and what was read ahead."""
        if self._lease is not None:
            self._lease.release()
        if self._read_ahead is not None:
            self._read_ahead.end()

    def begin(self, command: Command) -> None:
        """This is the current command now."""
        self.last_command, self.replied = command, False

    def reply(self, octets: bytes) -> None:
        """Answer the current command: the status line, with all or the beginning of what follows it."""
        assert self.last_command is not None, "no command to answer"
        assert not self.replied, "a command has one status line"
        self.replied = True
        self.connection.write(self.machine.answer(self.last_command, octets))
