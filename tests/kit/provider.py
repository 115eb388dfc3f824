"""A small provider for tests: two domains, three accounts, in memory or in a folder.

`open_provider()` makes it in the running loop; `tests/kit/server.py` serves it on loopback.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.app.database import SCHEMAS
from pillarbox.config.data_directory import DataDirectory
from pillarbox.config.schema import Config
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.limits import Limits
from pillarbox.directory import accounts as account_verbs
from pillarbox.directory.sign_in import app_passwords, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.dns import Kind, Mx
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.mail.summary import summarize
from pillarbox.server.connection import Peer
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.store import append, mailboxes, placements
from pillarbox.world.blobs import DatabaseBlobs, FileBlobs, prepare
from pillarbox.world.clock import Clock, SystemClock
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import memory_database, open_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.signals import LocalSignals
from pillarbox.world.telemetry import MemoryTelemetry
from pillarbox.world.world import World
from tests.kit.people import person
from tests.kit.world import certificates

DOMAINS = ("one.example", "two.example")
PEOPLE = ("u0@one.example", "u1@one.example", "u2@two.example")
PASSWORD = "demo secret"
HOSTNAME = "mail.one.example"


@dataclass(slots=True)
class Provider:
    """The open provider."""

    world: World
    authenticator: Authenticator
    accounts: tuple[AccountId, ...]
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    plain_allowed: bool = True
    limits: Limits = field(default_factory=Limits)
    web_url: str = ""

    @property
    def config(self) -> Config:
        """What a configuration file would say."""
        return Config(
            hostname=HOSTNAME,
            domain=DOMAINS[0],
            plain_passwords=self.plain_allowed,
            limits=self.limits,
            http=Http(url=self.web_url),
        )

    async def deliver(self, person: int, octets: bytes, *, flags: str = "", mailbox: str = "INBOX") -> int:
        """Put a message into a mailbox of the n-th person; its UID."""
        account, now_ms = self.accounts[person], self.world.clock.now_ms()
        message = append.Message(prepare(octets), summarize(octets))

        def verb(tx: Transaction) -> int:
            box = mailboxes.by_name(tx, account, mailbox).id
            return append.append(
                tx, account, box, message, flags=flags, received_at_ms=now_ms, now_ms=now_ms
            ).uid

        return await self.world.database.write(verb)

    async def app_password(
        self, person: int, *scopes: Scope, read_only: bool = False, networks: tuple[str, ...] = ()
    ) -> str:
        """A new app password of the n-th person, for these services."""
        account, entropy = self.accounts[person], self.world.entropy
        password = app_passwords.format_app_password(entropy.token_bytes(app_passwords.RANDOM_OCTETS))

        def verb(tx: Transaction) -> None:
            secret = secrets.ensure(tx, secrets.CREDENTIALS, entropy.token_bytes(secrets.SECRET_OCTETS))
            salt, iterations = credentials.scram_parameters(tx, account)
            hashed = app_passwords.hash_app_password(
                password, secret=secret, scram_salt=salt, iterations=iterations
            )
            app_passwords.add(
                tx,
                account,
                hashed,
                name=password,
                scopes=frozenset(scopes),
                now_ms=0,
                limits=app_passwords.Limits(read_only, networks),
            )

        await self.world.database.write(verb)
        return password

    async def expunge(self, person: int, *, mailbox: str = "INBOX") -> None:
        """Remove all mail from a mailbox of the n-th person."""
        account = self.accounts[person]

        def verb(tx: Transaction) -> None:
            box = mailboxes.by_name(tx, account, mailbox).id
            placements.expunge(tx, account, box, EVERYTHING, deleted_only=False)

        await self.world.database.write(verb)

    def messages(self, person: int, *, mailbox: str = "INBOX") -> int:
        """How many messages are in a mailbox of the n-th person."""
        account = self.accounts[person]
        return self.world.database.read_now(lambda tx: mailboxes.by_name(tx, account, mailbox).messages)

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """See `pillarbox.server.listener.FailureReporter`: what fails in a session fails the test."""
        self.telemetry.failure("session failed", error, service=service)

    async def close(self) -> None:
        """Close it."""
        await self.authenticator.close()
        await self.world.database.close()


async def open_provider(
    folder: Path | None = None, *, clock: Clock | None = None, people: bool = True
) -> Provider:
    """A new provider in memory, or a new or existing one in a folder; without `people`, it stays as it is there."""
    clock = clock or SystemClock()
    data = DataDirectory(folder) if folder else None
    database = open_database(data.database, SCHEMAS, create=True) if data else memory_database(SCHEMAS)
    signals, telemetry, entropy = LocalSignals(), MemoryTelemetry(), SeededEntropy(7)
    database.on_commit = signals.announce
    world = World(
        clock=clock,
        entropy=entropy,
        network=MemoryNetwork(clock),
        resolver=_names(),
        tls=certificates(),
        database=database,
        blobs=FileBlobs(data.blobs) if data else DatabaseBlobs(),
        signals=signals,
        telemetry=telemetry,
    )
    authenticator = Authenticator(world)
    accounts = await database.write(_people, clock.now_ms()) if people else ()
    return Provider(world, authenticator, accounts, telemetry)


def _names() -> ZoneResolver:
    records = {(name, Kind.MX): (Mx(10, HOSTNAME),) for name in DOMAINS}
    return ZoneResolver([*DOMAINS, HOSTNAME], {**records, (HOSTNAME, Kind.A): ("127.0.0.1",)})


def _people(tx: Transaction, now_ms: int) -> tuple[AccountId, ...]:
    there = []
    for address in PEOPLE:
        account = account_verbs.by_login(tx, address) or person(tx, address, PASSWORD)
        mailboxes.create_defaults(tx, account.id, now_ms=now_ms)
        there.append(account.id)
    return tuple(there)
