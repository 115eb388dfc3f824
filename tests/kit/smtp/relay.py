"""A relay in a simulated world: clock, randomness, network and DNS are simulated; the database is in memory.

    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("mx.two.example", "192.0.2.2")
        provider.mx("two.example", "mx.two.example")
        await provider.queue("you@two.example")
        await provider.pass_(1)

Time passes only in `pass_`.
"""

import asyncio
import email
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Unpack

from pillarbox.app.database import SCHEMAS
from pillarbox.config.schema import Config
from pillarbox.directory import accounts, domains
from pillarbox.dns import Failure, Kind, Mx
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.server.relay.context import RelayContext, RelayLimits, relay_context
from pillarbox.server.relay.host_finder import Host
from pillarbox.server.relay.relay import Relay
from pillarbox.store import mailboxes
from pillarbox.world.blobs import Blobs, DatabaseBlobs, prepare
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.memory import MemoryBudget
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.shared import Shared, shared_among
from pillarbox.world.signals import LocalSignals
from pillarbox.world.telemetry import MemoryTelemetry
from pillarbox.world.world import World
from tests.kit.smtp.peer import PeerTraits, SmtpPeer

NOW_MS = 1_700_000_000_000
CONFIG = Config(hostname="mx.one.example", domain="one.example")
SENDER = "anna@one.example"
MESSAGE = b"From: anna@one.example\r\nSubject: Plan\r\n\r\nThe body.\r\n"


@dataclass
class RelayProvider:
    """See the module."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW_MS))
    database: Database = field(default_factory=lambda: memory_database(SCHEMAS))
    blobs: Blobs = field(default_factory=DatabaseBlobs)
    signals: LocalSignals = field(default_factory=LocalSignals)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    resolver: ZoneResolver = field(
        default_factory=lambda: ZoneResolver(("example",), {}, outside=Failure("no network"))
    )
    fetcher: MemoryFetcher = field(default_factory=MemoryFetcher)
    routes: dict[str, Host] = field(default_factory=dict)
    limits: RelayLimits = field(default_factory=RelayLimits)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    shared: Sequence[Shared] = field(default_factory=lambda: shared_among(2, SeededEntropy(4)))
    """What this worker, the first, shares with another."""

    def __post_init__(self) -> None:
        self.network = MemoryNetwork(self.clock)
        self.database.on_commit = self.signals.announce
        self.database.write_now(_anna)
        self._relay: Relay | None = None

    @property
    def world(self) -> World:
        """The world of this worker; randomness begins anew in each."""
        return World(
            clock=self.clock,
            entropy=SeededEntropy(3),
            network=self.network,
            resolver=self.resolver,
            fetcher=self.fetcher,
            tls=None,  # type: ignore[arg-type]  # a relay serves no clients
            database=self.database,
            blobs=self.blobs,
            signals=self.signals,
            telemetry=self.telemetry,
            shared=self.shared[0],
            memory=self.memory,
        )

    def context(self) -> RelayContext:
        """What a delivery agent is given."""
        return relay_context(self.world, CONFIG, self.routes)

    def peer(self, name: str, address: str, port: int = 25, **traits: Unpack[PeerTraits]) -> SmtpPeer:
        """A server with a name and an address."""
        self.resolver.put(name, Kind.A, address)
        peer = SmtpPeer(self.clock, **traits)
        self.network.serve(address, port, peer)
        return peer

    def mx(self, domain: str, *exchanges: str) -> None:
        """The mail exchangers of a domain, most preferred first."""
        records = [Mx(10 * place, name) for place, name in enumerate(exchanges, 1)]
        self.resolver.put(domain, Kind.MX, *records)

    async def queue(
        self, *addresses: str, octets: bytes = MESSAGE, sender: str | None = SENDER, **more: Any
    ) -> None:
        """Queue a message for these addresses, as our user submits it."""
        notify = more.pop("notify", "")
        account = await self.database.read(accounts.by_login, SENDER)
        more.setdefault("account", account.id if account else None)
        recipients = tuple(QueuedRecipient(one, one.partition("@")[2], notify) for one in addresses)
        outbound = Outbound(prepare(octets), sender, recipients, **more)
        await self.database.write(enqueue, outbound, now_ms=self.clock.now_ms())

    def start(self) -> Relay:
        """Start a relay."""
        self._relay = Relay(self.world, CONFIG, self.routes, limits=self.limits)
        self._relay.start()
        return self._relay

    async def pass_(self, seconds: float) -> None:
        """Let time pass: all that is ready runs, then the clock jumps to the next timer."""
        await _everything_done()
        while (step := self.clock.next_timer_in) is not None and step <= seconds:
            await self.clock.advance(step)
            await _everything_done()
            seconds -= step
        await self.clock.advance(seconds)

    def waiting(self) -> list[str]:
        """Recipients that are still queued."""
        return [address for (address,) in self.rows("SELECT address FROM queue_recipients ORDER BY id")]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.database.read_now(lambda tx: tx.rows(sql))

    def inbox(self) -> list[Message]:
        """Messages in Anna's mailbox, oldest first."""
        return [
            email.message_from_bytes(self.database.read_now(self.blobs.read, digest))
            for (digest,) in self.rows("SELECT blob FROM emails ORDER BY id")
        ]

    def reported(self) -> list[tuple[str, str, str]]:
        """(recipient, action, status) of each DSN that Anna got."""
        found = []
        for report in self.inbox():
            text = report.as_bytes().decode().partition("delivery-status\n")[2]
            for block in re.findall(r"Final-Recipient: (?:.+\n)+", text):
                fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                who = fields["Final-Recipient"].partition("; ")[2]
                found.append((who, fields["Action"], fields["Status"]))
        return found

    async def stop(self, grace_s: float = 5) -> None:
        """Stop the relay, with time passing meanwhile."""
        if self._relay:
            relay, self._relay = self._relay, None
            stopping = asyncio.ensure_future(relay.stop(grace_s))
            await self.pass_(grace_s + 20)
            await stopping


def two_hosts(provider: RelayProvider, **first: Unpack[PeerTraits]) -> tuple[SmtpPeer, SmtpPeer]:
    """Two exchangers of two.example, the first with these traits."""
    provider.mx("two.example", "mx1.two.example", "mx2.two.example")
    return provider.peer("mx1.two.example", "192.0.2.1", **first), provider.peer(
        "mx2.two.example", "192.0.2.2"
    )


async def _everything_done() -> None:
    """Return when every task waits for a timer."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # of `BaseEventLoop`, not in its stub
    await asyncio.sleep(0)
    while ready:
        await asyncio.sleep(0)


def _anna(tx: Transaction) -> None:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    account = accounts.create(tx, SENDER, scram_salt=bytes(16), now_ms=NOW_MS)
    mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)


def run_with_relay(test: Callable[[RelayProvider], Awaitable[None]], **traits: Any) -> None:
    """Run a test with a relay that has started; no unexpected failure may be reported."""

    async def run() -> None:
        provider = RelayProvider(**traits)
        try:
            provider.start()
            await test(provider)
            await provider.stop()
            assert not provider.telemetry.failures, provider.telemetry.failures
        finally:
            await provider.database.close()

    asyncio.run(run())
