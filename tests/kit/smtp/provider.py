"""A small provider for SMTP tests: everything is real but the clock, chance, the disk and the socket.

It has two domains and a few accounts. A connection collects what was written, and octets fed to it are
handled to the end, as the pump does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pillarbox.app.database import SCHEMAS
from pillarbox.config.schema import Config
from pillarbox.delivery.checks.table import CHECKS, Table
from pillarbox.delivery.reception.reception import Reception
from pillarbox.directory import accounts, aliases, domains, groups, quota
from pillarbox.directory.sign_in import credentials
from pillarbox.directory.sign_in.password_hash import PasswordHash, hash_password
from pillarbox.dns import Failure, Kind, Mx
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.connection import ConnectionGone, Peer, TlsState
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.smtp.command_counts import SessionLimits
from pillarbox.server.smtp.service import SmtpService
from pillarbox.server.smtp.session import SmtpSession
from pillarbox.store import mailboxes
from pillarbox.world.blobs import Blobs, DatabaseBlobs
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.signals import LocalSignals
from pillarbox.world.telemetry import MemoryTelemetry
from pillarbox.world.tls.server import CertificateFiles, ServerTls
from pillarbox.world.world import World
from tests.kit.certificate import certificate_file
from tests.kit.world import world_of

PASSWORD = "correct horse"
NOW_MS = 1_700_000_000_000


class FakeConnection:
    """A connection without a socket."""

    def __init__(self, *, tls: TlsState | None = None, tls_available: bool = True) -> None:
        self.peer = Peer("192.0.2.7", 40_000)
        self.local = Peer("198.51.100.1", 25)
        self.tls = tls
        self._tls_available = tls_available
        self.written = b""
        self.writes = 0
        self.open = True
        self.half_closed = self.ending = False
        self.deadline_s = 0.0
        self.session: SmtpSession | None = None

    @property
    def tls_available(self) -> bool:
        return self._tls_available and self.tls is None

    @property
    def gone(self) -> bool:
        return not self.open

    def write(self, octets: bytes) -> None:
        if self.open:
            self.written += octets
            self.writes += 1

    async def give_way(self) -> None:
        await asyncio.sleep(0)

    async def drain(self) -> None:
        if not self.open:
            raise ConnectionGone

    async def start_tls(self) -> int:
        assert self.session is not None
        self.tls = tls_state()
        return self.session.machine.discard()

    def post(self, event: object) -> None:
        raise AssertionError("SMTP posts nothing")

    def set_deadline(self, seconds: float) -> None:
        self.deadline_s = seconds

    def close(self) -> None:
        self.open = False

    def abort(self) -> None:
        self.open = False


def tls_state() -> TlsState:
    return TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, lambda _kind: None)


class SmtpClient:
    """A client of one session, in the loop of the test."""

    def __init__(self, service: SmtpService, connection: FakeConnection | None = None) -> None:
        self.connection = connection or FakeConnection()
        self.session = service.session(self.connection)
        self.connection.session = self.session

    async def connect(self) -> str:
        await self.session.opened()
        return self.read_replies()

    async def say(self, octets: bytes | str) -> str:
        """Send; have all of it handled; return what was answered."""
        if isinstance(octets, str):
            octets = octets.encode() + b"\r\n"
        machine = self.session.machine
        events = machine.receive(octets)
        while events:
            for event in events:
                if not self.connection.open:
                    return self.read_replies()
                await self.session.handle(event)
            events = machine.receive(b"") if machine.buffered else []
        return self.read_replies()

    async def greet(self) -> str:
        await self.connect()
        return await self.say("LHLO client.example" if self._lmtp else "EHLO client.example")

    async def codes(self, *lines: str) -> list[int]:
        """Send lines one by one; the code of each answer."""
        return [int((await self.say(line))[:3]) for line in lines]

    @property
    def _lmtp(self) -> bool:
        return self.session.machine.conditions.role is Role.LMTP

    def read_replies(self) -> str:
        replies, self.connection.written = self.connection.written, b""
        return replies.decode("ascii")


@dataclass
class SmtpProvider:
    """A provider, and access to all it holds."""

    world: World
    authenticator: Authenticator
    people: dict[str, AccountId]
    clock: VirtualClock
    telemetry: MemoryTelemetry
    resolver: ZoneResolver

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def blobs(self) -> Blobs:
        return self.world.blobs

    def config(self, **options: Any) -> Config:
        return Config(hostname="mx.one.example", domain="one.example", **options)

    def reception(self, config: Config | None = None, *, checks: Table = CHECKS) -> Reception:
        return Reception(self.world, config or self.config(), checks=checks)

    def service(
        self,
        role: Role,
        *,
        world: World | None = None,
        checks: Table = CHECKS,
        session_limits: SessionLimits | None = None,
        **options: Any,
    ) -> SmtpService:
        """A service of its own, with a reception of its own; `options` are those of the configuration."""
        config = self.config(**options)
        reception = Reception(world or self.world, config, checks=checks)
        return SmtpService(
            world or self.world,
            self.authenticator,
            config,
            reception,
            role,
            session_limits or SessionLimits(),
        )

    def client(self, role: Role = Role.MX, *, tls: bool = False, **options: Any) -> SmtpClient:
        connection = FakeConnection(tls=tls_state() if tls else None)
        return SmtpClient(self.service(role, **options), connection)

    def client_of(self, service: SmtpService) -> SmtpClient:
        """A client of a service that has others."""
        return SmtpClient(service)

    def inbox(self, login: str) -> list[bytes]:
        """The messages in the INBOX of an account, oldest first."""
        account = self.people[login]
        return self.database.read_now(_octets_of, account, self.blobs)

    def queued(self) -> list[dict[str, Any]]:
        """What waits for other providers: each recipient with its message's columns."""
        return self.database.read_now(_queued, self.blobs)


def _octets_of(tx: Transaction, account: AccountId, blobs: Blobs) -> list[bytes]:
    inbox: MailboxId = mailboxes.by_name(tx, account, "INBOX").id
    rows = tx.rows(
        "SELECT emails.blob FROM placements JOIN emails ON emails.id = placements.email"
        " WHERE placements.account = ? AND placements.mailbox = ? ORDER BY placements.uid",
        (account, inbox),
    )
    return [blobs.read(tx, digest) for (digest,) in rows]


def _queued(tx: Transaction, blobs: Blobs) -> list[dict[str, Any]]:
    of_recipient = ["address", "destination", "notify", "original"]
    of_message = ["reverse_path", "account", "body", "smtputf8", "require_tls"]
    columns = [*of_recipient, *of_message, "envelope_id", "return_content", "blob"]
    rows = tx.rows(
        f"SELECT {', '.join(columns)} FROM queue_recipients JOIN queue_messages"
        " ON queue_messages.id = queue_recipients.message ORDER BY queue_recipients.id"
    )
    queued = [dict(zip(columns, row, strict=True)) for row in rows]
    for one in queued:
        one["octets"] = blobs.read(tx, one.pop("blob"))
    return queued


@cache
def _hashed() -> PasswordHash:
    return hash_password(PASSWORD, argon2_salt=bytes(16), scram_salt=bytes(16))


def _people(tx: Transaction) -> dict[str, AccountId]:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    domains.create(tx, "two.example", now_ms=NOW_MS)
    people = {}
    for number, login in enumerate(("anna", "bert", "cleo")):
        account = accounts.create(tx, f"{login}@one.example", scram_salt=bytes([number]) * 16, now_ms=NOW_MS)
        mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)
        people[login] = account.id
    credentials.set_password(tx, people["anna"], _hashed(), now_ms=NOW_MS)
    aliases.create(tx, "info@one.example", ["anna@one.example", "bert@one.example"])
    aliases.create(tx, "away@one.example", ["anna@elsewhere.example"])
    aliases.create(tx, "both@one.example", ["anna@one.example", "anna@elsewhere.example"])
    aliases.create(tx, "loop@one.example", ["loop2@one.example"])
    aliases.create(tx, "loop2@one.example", ["loop@one.example"])
    crew = groups.create(tx, "crew", "crew@one.example")
    for account_id in people.values():
        groups.add_member(tx, crew, account_id)
    return people


def set_quota(provider: SmtpProvider, login: str, octets: int | None) -> None:
    """Set the quota of an account."""

    def change(tx: Transaction) -> None:
        quota.set_account_quota(tx, provider.people[login], octets)

    provider.database.write_now(change)


async def _open() -> SmtpProvider:
    database = memory_database(SCHEMAS)
    clock, telemetry = VirtualClock(NOW_MS), MemoryTelemetry()
    signals = LocalSignals()
    database.on_commit = signals.announce
    people = await database.write(_people)
    resolver = ZoneResolver(
        ("example", "org"),
        {("mail.example", Kind.MX): (Mx(10, "mx.mail.example"),)},
        outside=Failure("no network"),
    )
    world = World(
        clock=clock,
        entropy=SeededEntropy(1),
        network=MemoryNetwork(clock),
        resolver=resolver,
        tls=ServerTls((CertificateFiles(certificate_file(), certificate_file()),)),
        database=database,
        blobs=DatabaseBlobs(),
        signals=signals,
        telemetry=telemetry,
    )
    return SmtpProvider(
        world=world,
        clock=clock,
        telemetry=telemetry,
        resolver=resolver,
        authenticator=Authenticator(world_of(database, clock, entropy=SeededEntropy(2), telemetry=telemetry)),
        people=people,
    )


def run_with_smtp(test: Callable[[SmtpProvider], Awaitable[None]]) -> None:
    """Run a test in a fresh provider."""

    async def run() -> None:
        provider = await _open()
        try:
            await test(provider)
        finally:
            await provider.authenticator.close()
            await provider.database.close()

    asyncio.run(run())
