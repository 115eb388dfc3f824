"""Two providers report to each other for days: reports tell what was, and when the mail has ended there is silence."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from pillarbox.admin import dkim
from pillarbox.config.schema import Config
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.reception.incoming import Accepted, IncomingMessage
from pillarbox.delivery.reception.reception import Reception
from pillarbox.delivery.signing import signatures_of_ours
from pillarbox.directory import accounts, domains
from pillarbox.directory.schema import SCHEMA as DIRECTORY
from pillarbox.dns import Failure, Kind, Mx
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.path import NULL
from pillarbox.queue.schema import SCHEMA as QUEUE
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.reports import counting, received, sent
from pillarbox.reports.counting import DAY_S
from pillarbox.reports.received import ListedReport
from pillarbox.reports.schema import SCHEMA as REPORTS
from pillarbox.reports.sent import SentReport
from pillarbox.server.chores.reporting import DailyReports
from pillarbox.server.relay.context import RelayLimits
from pillarbox.server.relay.relay import Relay
from pillarbox.store import mailboxes
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.world import World
from tests.kit.signed_mail import ed25519_key
from tests.kit.smtp.peer import SmtpPeer
from tests.kit.world import world_of

MIDNIGHT_MS = 20_000 * DAY_S * 1000
MESSAGES = 3
DAYS = 5
EXTENSIONS = ("PIPELINING", "8BITMIME", "STARTTLS")


async def rest(_: float | None = None) -> None:
    """Others come first."""


class Provider:
    """One of the two: its relay sends to the other's door, and what has come there is received for it."""

    def __init__(
        self, domain: str, address: str, clock: VirtualClock, network: MemoryNetwork, resolver: ZoneResolver
    ) -> None:
        self.domain, self.address = domain, address
        self.config = Config(hostname=f"mx.{domain}", domain=domain)
        database = memory_database((BLOBS, DIRECTORY, STORE, QUEUE, REPORTS))
        world = world_of(database, clock, entropy=SeededEntropy(len(domain)))
        self.world: World = replace(world, network=network, resolver=resolver)
        database.on_commit = self.world.signals.announce
        database.write_now(self._set_up)
        self._publish(resolver)
        self.door = SmtpPeer(clock, extensions=EXTENSIONS)
        network.serve(address, 25, self.door)
        self.reception = Reception(self.world, self.config)
        self.relay = Relay(self.world, self.config, {}, limits=RelayLimits(poll_s=3600.0))
        self.reports = DailyReports(self.config)

    def _set_up(self, tx: Transaction) -> None:
        domains.create(tx, self.domain, now_ms=MIDNIGHT_MS)
        account = accounts.create(tx, f"anna@{self.domain}", scram_salt=bytes(16), now_ms=MIDNIGHT_MS)
        mailboxes.create_defaults(tx, account.id, now_ms=MIDNIGHT_MS)
        dkim.add(tx, self.domain, [ed25519_key().key], now_ms=MIDNIGHT_MS)

    def _publish(self, resolver: ZoneResolver) -> None:
        domain = self.domain
        rua = f"rua=mailto:postmaster@{domain}".encode()
        resolver.put(domain, Kind.MX, Mx(10, f"mx.{domain}"))
        resolver.put(f"mx.{domain}", Kind.A, self.address)
        resolver.put(f"_dmarc.{domain}", Kind.TXT, b"v=DMARC1; p=reject; " + rua)
        resolver.put(f"_smtp._tls.{domain}", Kind.TXT, b"v=TLSRPTv1; " + rua)
        for key in self.world.database.read_now(dkim.listing):
            resolver.put(key.name, Kind.TXT, key.text.encode())

    async def write_to(self, other: "Provider") -> None:
        """Anna writes to the other Anna."""
        now_ms = self.world.clock.now_ms()
        octets = (
            f"From: anna@{self.domain}\r\nTo: anna@{other.domain}\r\nSubject: x\r\nDate: Thu, 1 Jan 2026 00:00:00"
            f" +0000\r\nMessage-ID: <{now_ms}@{self.domain}>\r\n\r\nhello\r\n"
        ).encode()

        def queued(tx: Transaction) -> None:
            fields = signatures_of_ours(tx, octets, self.domain, now_ms=now_ms)
            to = QueuedRecipient(f"anna@{other.domain}", other.domain)
            enqueue(tx, Outbound(prepare(fields + octets), f"anna@{self.domain}", (to,)), now_ms=now_ms)

        await self.world.database.write(queued)

    async def receive_from(self, other: "Provider") -> None:
        """What is at the door comes in."""
        arrived, self.door.received = self.door.received, []
        origin = Origin(
            source=Source.PUBLIC,
            service="mx",
            protocol="ESMTPS",
            client_name=f"mx.{other.domain}",
            client_address=other.address,
        )
        for message in arrived:
            sender = message.mail.partition("<")[2].partition(">")[0]
            incoming = await self.reception.begin(origin, Envelope(Address.parse(sender) if sender else NULL))
            assert isinstance(incoming, IncomingMessage)
            for recipient in message.recipients:
                assert await incoming.add_recipient(Address.parse(recipient.strip("<>"))) is None
            assert isinstance(await incoming.finish(message.octets), Accepted)

    @property
    def sent(self) -> list[SentReport]:
        return self.world.database.read_now(sent.listing, limit=99)

    @property
    def received(self) -> list[ListedReport]:
        return self.world.database.read_now(received.listing, limit=99)


async def _settled() -> None:
    """Return when every task waits for a timer."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # of `BaseEventLoop`, not in its stub
    await asyncio.sleep(0)
    while ready:
        await asyncio.sleep(0)


@pytest.mark.rfc("8460 §5.3", "MUST")
def test_reports_tell_what_was_and_end_when_the_mail_has_ended() -> None:
    async def run() -> None:
        clock = VirtualClock(MIDNIGHT_MS + 3_600_000)
        network, resolver = (
            MemoryNetwork(clock),
            ZoneResolver(("example",), {}, outside=Failure("no network")),
        )
        one = Provider("one.example", "192.0.2.1", clock, network, resolver)
        two = Provider("second.example", "192.0.2.2", clock, network, resolver)
        pairs = ((one, two), (two, one))
        for provider, _ in pairs:
            provider.relay.start()
        for _ in range(MESSAGES):
            for provider, other in pairs:
                await provider.write_to(other)
        for _ in range(DAYS * 24):
            await _settled()
            for provider, other in pairs:
                await provider.receive_from(other)
                await provider.reports.run(provider.world, rest)
            await clock.advance(3600)
        for provider, other in pairs:
            assert Counter((each.kind.value, each.day - 20_000) for each in provider.sent) == {
                ("dmarc", 0): 1,
                ("tls", 0): 1,
                ("tls", 1): 1,  # about the session of the report on DMARC
            }
            assert Counter(each.kind.value for each in provider.received) == {"dmarc": 1, "tls": 2}
            assert all(each.authenticated and each.submitter == other.domain for each in provider.received)
            (dmarc,) = [each for each in provider.received if each.kind == "dmarc"]
            assert (dmarc.domain, dmarc.total, dmarc.failed) == (provider.domain, MESSAGES, 0)
            assert all(each.failed == 0 and each.domain == provider.domain for each in provider.received)
            assert not provider.world.database.read_now(counting.before, 2**40, limit=9), "silence"
            assert not provider.world.database.read_now(lambda tx: tx.rows("SELECT 1 FROM queue_recipients"))
        for provider, _ in pairs:
            stopping = asyncio.ensure_future(provider.relay.stop(5))
            while not stopping.done():
                await _settled()
                await clock.advance(1)
            await provider.world.database.close()

    asyncio.run(run())
