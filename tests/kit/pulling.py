"""An account that takes mail from another IMAP server: an import into a database in memory."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from pillarbox.admin import accounts
from pillarbox.admin.importing.imap.connection import Surroundings
from pillarbox.admin.importing.imap.mailbox import Progress, PullResult, Target
from pillarbox.admin.importing.imap.patience import Patience
from pillarbox.admin.importing.imap.plan import Plan, Selection
from pillarbox.admin.importing.imap.remote import Encryption, Password, Remote, Token
from pillarbox.admin.importing.imap.run import Pull
from pillarbox.app.database import SCHEMAS
from pillarbox.directory import domains
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import fetch, flags, mailboxes, placements
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.clock import Clock, SystemClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.network import Network
from pillarbox.world.network.system import SystemNetwork, addresses_of
from pillarbox.world.tls.client import opportunistic

NOW_MS = 1_750_000_000_000
QUICK = Patience(lost_s=0.01, throttled_s=0.01, longest_s=0.02, max_attempts=5)

T = TypeVar("T")
Held = dict[str, list[tuple[bytes, str, int]]]
"""Octets, flags and dates by mailbox."""


def remote(
    port: int,
    login: str,
    secret: Password | Token,
    *,
    host: str = "127.0.0.1",
    encryption: Encryption = Encryption.NONE,
    tls: ssl.SSLContext | None = None,
) -> Remote:
    """A server on this machine."""
    return Remote(host, port, login, lambda: secret, encryption, tls or opportunistic())


@dataclass
class Receiver:
    """The account, and what a test does to it."""

    folder: Path
    network: Network = field(default_factory=SystemNetwork)
    clock: Clock = field(default_factory=SystemClock)
    lookup: Callable[[str], Awaitable[list[str]]] = addresses_of
    ticks: Iterator[int] = field(default_factory=lambda: count(NOW_MS))
    """Each look at the clock is a millisecond later."""
    notes: list[str] = field(default_factory=list)
    shown: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database: Database = memory_database(SCHEMAS)
        self.blobs = FileBlobs(self.folder / "blobs")
        self.database.write_now(lambda tx: domains.create(tx, "example.org", now_ms=NOW_MS))
        self.account = self.another("anna@example.org")

    def another(self, address: str) -> AccountId:
        """A further account. Which one takes the mail: `account`."""
        new = accounts.with_password(address, "password", salt=bytes(16), entropy=SeededEntropy(1))
        return self.database.write_now(lambda tx: accounts.create(tx, new, now_ms=NOW_MS)).id

    def importer(
        self,
        source: Remote,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        delete: bool = False,
        again: bool = False,
        max_message_octets: int = MAX_MESSAGE_OCTETS,
        patience: Patience = QUICK,
    ) -> Pull:
        """A run that has not begun."""
        target = Target(
            self.database,
            self.blobs,
            self.account,
            source.key,
            lambda: next(self.ticks),
            delete,
            again,
            self.shown.append,
            max_message_octets,
        )
        world = Surroundings(self.network, self.clock, SeededEntropy(2), self.lookup)
        return Pull(source, target, selection, world, patience=patience, note=self.notes.append)

    def pull(self, source: Remote, selection: Selection = Selection(), **more: Any) -> PullResult:  # noqa: B008
        """Run an import."""
        return self.run(whole(self.importer(source, selection, **more)))

    def plan(self, source: Remote, selection: Selection = Selection()) -> Plan:  # noqa: B008 - frozen
        """What an import would do."""

        async def look() -> Plan:
            pull = self.importer(source, selection)
            try:
                return await pull.plan()
            finally:
                await pull.close()

        return self.run(look())

    @staticmethod
    def run(work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine."""
        return asyncio.run(work)

    def held(self) -> Held:
        """What is there; mailboxes without messages are left out."""

        def look(tx: Transaction) -> Held:
            columns = (Column.BLOB, Column.FLAGS, Column.RECEIVED_AT_MS)
            return {
                box.name: [
                    (self.blobs.read(tx, digest), text, at)
                    for _, digest, text, at in fetch.rows(tx, self.account, box.id, EVERYTHING, columns)
                ]
                for box in mailboxes.listing(tx, self.account)
                if box.messages
            }

        return self.database.read_now(look)

    def bodies(self, mailbox: str = "INBOX") -> list[bytes]:
        """The octets of a mailbox's messages."""
        return [octets for octets, _, _ in self.held().get(mailbox, [])]

    def flags(self, mailbox: str = "INBOX") -> list[str]:
        """The flags of a mailbox's messages."""
        return [text for _, text, _ in self.held().get(mailbox, [])]

    def mailboxes(self) -> dict[str, bool]:
        """All mailboxes, and whether they are subscribed."""
        return self.database.read_now(
            lambda tx: {box.name: box.subscribed for box in mailboxes.listing(tx, self.account)}
        )

    def set_flags(self, mailbox: str, uid: int, text: str) -> None:
        """Change flags here."""

        def change(tx: Transaction) -> None:
            box = mailboxes.by_name(tx, self.account, mailbox).id
            flags.alter(tx, self.account, box, NumberSet(((uid, uid),)), mode=flags.Mode.REPLACE, flags=text)

        self.database.write_now(change)

    def expunge(self, mailbox: str) -> None:
        """Delete all messages of a mailbox here."""

        def remove(tx: Transaction) -> None:
            box = mailboxes.by_name(tx, self.account, mailbox).id
            placements.expunge(tx, self.account, box, deleted_only=False)

        self.database.write_now(remove)

    def close(self) -> None:
        """Close the database."""
        self.database.close_now()


async def whole(pull: Pull) -> PullResult:
    """A run from its plan to its end."""
    try:
        return await pull.run(await pull.plan())
    finally:
        await pull.close()
