"""One client's IMAP conversation: what a command's handler may know and do.

The `session` carries it; handlers (one file per family of commands) get it as their first argument. It is
small, since ten thousand of them may idle at once: what a mailbox holds is shared (`store.warm`), and a
session keeps only what it has told its client (`protocol.imap.selected`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

from pillarbox.directory.accounts import Account
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap.machine import Machine
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.authentication import Attempt, Authenticator
from pillarbox.server.connection import Connection
from pillarbox.server.imap.heads import Heads
from pillarbox.server.imap.trees import PartTrees
from pillarbox.store.mailbox_cache import MailboxCache
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.signals import Signals
from pillarbox.world.telemetry import Telemetry

if TYPE_CHECKING:
    from pillarbox.server.imap.append import Arriving

FLUSH_OCTETS: Final = 64 * 1024
"""So much is said before any of it is sent."""
LARGE_OCTETS: Final = 32 * 1024
"""So much in one piece is sent as it is, since joining it to others would copy it."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """What all IMAP sessions of a process share."""

    database: Database
    blobs: Blobs
    signals: Signals
    clock: Clock
    telemetry: Telemetry
    authenticator: Authenticator
    warm: MailboxCache
    hostname: str
    plain_allowed: bool = False
    """Whether passwords may come without TLS."""
    append_limit_octets: int = 100 * 1024 * 1024
    heads: Heads = field(default_factory=Heads)
    trees: PartTrees = field(default_factory=PartTrees)


class Conversation:
    """A client, as far as it has come."""

    __slots__ = (
        "account",
        "arriving",
        "attempt",
        "connection",
        "fresh",
        "hinted",
        "idling",
        "machine",
        "own",
        "said",
        "said_octets",
        "services",
        "tag",
        "unsubscribe",
    )

    def __init__(self, services: Services, connection: Connection, machine: Machine) -> None:
        self.services = services
        self.connection = connection
        self.machine = machine
        self.account: Account | None = None
        """Who has logged in; not None exactly while the state is authenticated or selected."""
        self.tag = b"*"
        """Of the command under way."""
        self.said: list[bytes] = []
        """What was written and has not gone to the connection yet."""
        self.said_octets = 0
        self.own: frozenset[int] = frozenset()
        """MODSEQs of flag changes that the command under way made and answers itself."""
        self.fresh = False
        """Whether the command under way has just told all there is to tell of the mailbox."""
        self.attempt: Attempt | None = None
        """AUTHENTICATE under way."""
        self.arriving: Arriving | None = None
        """APPEND or REPLACE under way."""
        self.idling = False
        self.hinted = False
        """Whether a hint that the account changed is on its way to `session`."""
        self.unsubscribe: Callable[[], None] | None = None

    @property
    def owner(self) -> AccountId:
        """Whose mail this is; only for commands of the authenticated state."""
        assert self.account is not None, "the machine lets nobody in who has not logged in"
        return self.account.id

    @property
    def selected(self) -> SelectedMailbox:
        """The selected mailbox as this client was told; only for commands of the selected state."""
        selected = self.machine.selected
        assert selected is not None, "the machine asks for a selected mailbox first"
        return selected

    def write(self, octets: bytes) -> None:
        """Say something. It goes out with the rest of the answer, in one piece, or when there is much."""
        if len(octets) >= LARGE_OCTETS:
            self.flush()
            self.connection.write(octets)
            return
        self.said.append(octets)
        self.said_octets += len(octets)
        if self.said_octets >= FLUSH_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Have the connection send what was said."""
        if self.said:
            self.connection.write(self.said[0] if len(self.said) == 1 else b"".join(self.said))
            self.said.clear()
            self.said_octets = 0

    async def drain(self) -> None:
        """Wait while the client reads slower than we write; a short answer stays one piece."""
        await self.connection.drain()

    async def give_way(self) -> None:
        """Send what was said, and let others have their turn."""
        self.flush()
        await asyncio.sleep(0)

    def read(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a short reading verb on what is committed."""
        return self.services.database.read_now(verb, *arguments, **keywords)

    async def commit(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a writing verb; it is durable when this returns."""
        return await self.services.database.write(verb, *arguments, **keywords)

    @property
    def now_ms(self) -> int:
        """Wall-clock time."""
        return self.services.clock.now_ms()
