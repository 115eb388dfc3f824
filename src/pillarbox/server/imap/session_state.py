"""A session's state, and what a command's handler may do: read, write, send.

Handlers get it as their first argument. It is small, since ten thousand sessions may idle at once: mailbox
contents are shared (`store.mailbox_cache`), and a session keeps only what its client has been sent
(`protocol.imap.selected`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.machine import Machine
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.protocol.imap.sequence_set import SequenceSet
from pillarbox.server.connection import Connection
from pillarbox.server.imap.caches import Caches
from pillarbox.server.imap.incoming import IncomingMessages
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.server.login.attempt import Attempt
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from pillarbox.world.memory import UNCOUNTED_OCTETS
from pillarbox.world.world import World

LOGIN_TIMEOUT_S: Final = 60
"""How long a client may take to log in."""
AUTOLOGOUT_S: Final = 31 * 60
"""RFC 9051 §5.4: at least 30 minutes; clients renew IDLE after 29."""
MANY_RUNS: Final = 1000
"""Runs of messages that are handled at once, at some five microseconds each where messages stand alone."""
FLUSH_OCTETS: Final = 64 * 1024
"""Output is collected up to this size before it is sent."""
LARGE_OCTETS: Final = 32 * 1024
"""From this size on a piece of output is sent by itself, since joining it to others would copy it."""

NONE: Final[frozenset[int]] = frozenset()
"""No MODSEQs."""
_UNCOUNTED: Final = nullcontext()

P = ParamSpec("P")
T = TypeVar("T")


class SessionState:
    """One client's session, without the dispatch of events (`session.ImapSession`)."""

    __slots__ = (
        "account",
        "attempt",
        "authenticator",
        "caches",
        "client",
        "commands_before_login",
        "config",
        "connection",
        "credential",
        "hint_posted",
        "idling",
        "incoming",
        "last_command",
        "limits",
        "machine",
        "output",
        "output_octets",
        "own_modseqs",
        "read_only",
        "tag",
        "unsubscribe",
        "up_to_date",
        "world",
    )

    def __init__(
        self,
        world: World,
        authenticator: Authenticator,
        config: Config,
        caches: Caches,
        connection: Connection,
        machine: Machine,
        limits: ImapLimits,
    ) -> None:
        self.world = world
        self.authenticator = authenticator
        self.config = config
        self.caches = caches
        self.connection = connection
        self.machine = machine
        self.limits = limits
        self.account: Account | None = None
        self.credential = ""
        """The mark of the password that it has logged in with."""
        """Who has logged in; not None exactly while the state is authenticated or selected."""
        self.read_only = False
        """Whether the password of the login may change nothing."""
        self.client = ""
        """What the client calls itself (ID)."""
        self.last_command: type[Command] | None = None
        self.commands_before_login = 0
        self.tag = b"*"
        """Of the command in progress."""
        self.output: list[bytes] = []
        """Written, but not yet given to the connection."""
        self.output_octets = 0
        self.own_modseqs = NONE
        """MODSEQs of flag changes that the command in progress made and reports itself."""
        self.up_to_date = False
        """Whether the command in progress has just found, or made, the mailbox as its client knows it: there is nothing
        to send. No longer once it has waited or written."""
        self.attempt: Attempt | None = None
        """AUTHENTICATE in progress."""
        self.incoming: IncomingMessages | None = None
        """APPEND or REPLACE in progress."""
        self.idling = False
        self.hint_posted = False
        """Whether a hint that the account changed has been posted to the session, or will be, and not handled yet."""
        self.unsubscribe: Callable[[], None] | None = None

    @property
    def account_id(self) -> AccountId:
        """Whose mail this is; only for commands of the authenticated state."""
        assert self.account is not None, "the machine refuses the command before login"
        return self.account.id

    @property
    def login(self) -> str:
        """What `account_id` logs in as."""
        assert self.account is not None, "the machine refuses the command before login"
        return self.account.login

    @property
    def selected(self) -> SelectedMailbox:
        """The selected mailbox as this client knows it; only for commands of the selected state."""
        selected = self.machine.selected
        assert selected is not None, "the machine refuses the command while no mailbox is selected"
        return selected

    async def resolve(self, numbers: SequenceSet, *, uid: bool) -> Chosen:
        """The messages that a command names; looked for in a thread where their runs are many.

        Raises `NoSuchMessage`.
        """
        runs = len(numbers.numbers.runs) + (self.selected.saved_runs if numbers.saved else 0)
        if runs <= MANY_RUNS:
            return self.selected.resolve(numbers, uid=uid)
        self.flush()
        # Meanwhile the UIDs of other sessions may be added behind those that this client knows, no more
        resolve = partial(self.selected.resolve, numbers, uid=uid)
        return await asyncio.get_running_loop().run_in_executor(None, resolve)

    # --- output

    def write(self, octets: bytes) -> None:
        """Add to the output. It is sent in one piece when the event is handled, or when there is much."""
        if len(octets) >= LARGE_OCTETS:
            self.flush()
            self.connection.write(octets)
            return
        self.output.append(octets)
        self.output_octets += len(octets)
        if self.output_octets >= FLUSH_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Give the output to the connection."""
        if self.output:
            self.connection.write(self.output[0] if len(self.output) == 1 else b"".join(self.output))
            self.output.clear()
            self.output_octets = 0

    async def write_pieces(self, pieces: Iterable[bytes]) -> None:
        """Write what is made piece by piece, some milliseconds each: others run meanwhile, and a slow client is waited
        for, so that little of it is in memory."""
        for number, piece in enumerate(pieces):
            if number:
                await self.flush_and_yield()
            if piece:
                self.write(piece)

    async def flush_and_yield(self) -> None:
        """Send the output, let other sessions run, and wait while the client reads more slowly than we write."""
        self.flush()
        self.up_to_date = False
        await self.connection.give_way()
        await self.connection.drain()

    def holding(self, octets: int) -> AbstractContextManager[object]:
        """In the memory budget, what is there until the client has read it. One that does not read is cut off where
        others lack memory."""
        if octets < UNCOUNTED_OCTETS:
            return _UNCOUNTED
        return self.world.memory.accounts.buffers.hold(octets, self.connection.abort)

    # --- the database

    def read(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run a short reading verb on committed state."""
        return self.world.database.read(verb, *arguments, **keywords)

    def commit(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run a writing verb; its effects are durable when this returns."""
        self.up_to_date = False
        return self.world.database.write(verb, *arguments, **keywords)

    def commit_many(
        self,
        messages: int,
        verb: Callable[Concatenate[Transaction, P], T],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> Coroutine[Any, Any, T]:
        """`commit` of a verb that goes through so many messages: without holding up the loop where they are many."""
        self.up_to_date = False
        database = self.world.database
        write = database.write_in_thread if messages > self.limits.many_messages else database.write
        if messages <= self.limits.few_messages:
            return write(verb, *arguments, **keywords)
        return self._in_turn(partial(write, verb, *arguments, **keywords))

    async def _in_turn(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Write when no other session of the account writes much: those of 200 were a queue of seconds for others."""
        lock = self.caches.writing.setdefault(self.account_id, asyncio.Lock())
        async with lock:
            return await write()

    async def read_names(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """`read` of a verb that goes through all names of the account: in a thread where they are many."""
        database = self.world.database
        many = await database.read(mailboxes.count_names, self.account_id) > self.limits.many_names
        read = database.read_in_thread if many else database.read
        return await read(verb, *arguments, **keywords)

    @property
    def now_ms(self) -> int:
        """Wall-clock time."""
        return self.world.clock.now_ms()
