"""A whole provider in the simulated world: real sessions, real pump and relay; simulated clock, disk, network and DNS.

It has one `Life` after another on one disk. A crash ends a life anywhere, even inside a commit; what was durable is
there for the next one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import apsw

from pillarbox.app.database import SCHEMAS
from pillarbox.app.relaying import make_relay
from pillarbox.app.resolved import Resolved
from pillarbox.app.sessions import session_factories
from pillarbox.config.schema import Config
from pillarbox.directory import accounts, aliases, domains
from pillarbox.directory.sign_in import app_passwords, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import AppPasswordHash, Scope
from pillarbox.directory.sign_in.password_hash import PasswordHash, hash_password
from pillarbox.mail.identifiers import AccountId
from pillarbox.queue import control
from pillarbox.queue.inspection import Selection
from pillarbox.server.connection import Peer
from pillarbox.server.listener import Listener, ServiceOffer, shared_buffer
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.pump.turns import Turns
from pillarbox.server.relay.context import RelayLimits
from pillarbox.server.relay.relay import Relay
from pillarbox.store import mailboxes
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.database.sqlite.connection import connect
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.network import Endpoint
from pillarbox.world.resolver.cache import CachingResolver
from pillarbox.world.signals import LocalSignals
from pillarbox.world.telemetry import MemoryTelemetry
from pillarbox.world.tls.client import opportunistic
from pillarbox.world.topic import Topic
from pillarbox.world.world import World
from tests.simulation.disk import DiskFaults, FaultyDatabase
from tests.simulation.dns import SimulatedDns
from tests.simulation.faults import MINUTE, FaultInjector, Flush
from tests.simulation.internet import Internet, OwnNetwork
from tests.simulation.loop import Life, SimulatedClock, VirtualLoop
from tests.simulation.readers import read_mail
from tests.simulation.wire import End, Pushed

STARTS_AT_MS = 1_700_000_000_000
RELAY_LIMITS = RelayLimits(poll_s=30 * MINUTE)
"""Reading an idle queue every minute for days would take most of the time."""
PORTS = {25: "smtp", 587: "submission"}
_HELD = "SELECT 1 FROM queue_recipients WHERE state = 'held'"
_SECRET = bytes(32)
_SALT = bytes(16)
_BUFFER = shared_buffer()


@dataclass(frozen=True, slots=True)
class Plan:
    """A provider's name, address, users and aliases."""

    name: str
    address: str
    users: tuple[str, ...]
    forwards: tuple[tuple[str, str], ...] = ()

    @property
    def domain(self) -> str:
        """Its only domain."""
        return f"{self.name}.example"

    @property
    def hostname(self) -> str:
        """Its mail exchanger."""
        return f"mx.{self.name}.example"

    def leads_to(self, recipient: str) -> tuple[str, ...]:
        """Who gets mail for an address: itself, or where it is forwarded to."""
        local, _, domain = recipient.partition("@")
        found = tuple(target for alias, target in self.forwards if alias == local and domain == self.domain)
        return found or (recipient,)


@dataclass(frozen=True, slots=True)
class Environment:
    """What all providers share."""

    loop: VirtualLoop
    internet: Internet
    names: SimulatedDns
    faults: FaultInjector
    trace: Callable[[str, str], None]
    committed: "Callable[[Provider, set[AccountId]], None]"
    died: "Callable[[Provider], None]"


class Provider:
    """See the module."""

    def __init__(self, plan: Plan, around: Environment, chance: Random) -> None:
        self.plan = plan
        self.name = plan.name
        self.life: Life | None = None
        self.lives: list[Life] = []
        self.clock = SimulatedClock(around.loop, STARTS_AT_MS)
        self.telemetry = MemoryTelemetry()
        self.disk = connect(None, writes=True)
        self.disk.deserialize("main", _new_disk(plan))
        self.accounts = _accounts(self.disk)
        self._around = around
        self._chance = chance
        self._listeners: dict[int, Listener] = {}
        self._relays: list[Relay] = []
        """One for each worker; they share the queue."""
        self._config = Config(hostname=plan.hostname, domain=plan.domain, plain_passwords=True)
        around.internet.attach(plan.address, self)
        around.internet.crash_of[self.name] = self.crash

    # --- lives

    def start(self) -> None:
        """Begin a life."""
        life = self.life = Life(f"{self.name}#{len(self.lives) + 1}")
        self.lives.append(life)
        self._around.trace(self.name, f"starts as {life.name}")
        life.context.run(self._open)

    def crash(self) -> None:
        """End the life at once; begin another some time later."""
        life = self.life
        if life is None:
            return
        self._around.trace(self.name, f"{life.name} crashes")
        self._end(life)
        if self.disk.in_transaction:
            self.disk.execute("ROLLBACK")
        away_s = self._chance.choice((0.5, 30.0, 600.0, 7200.0))
        outside = self._around.internet.context(None)
        self._around.loop.call_later(away_s, self.start, context=outside)

    async def stop(self) -> None:
        """End the life in order, unless it crashes meanwhile."""
        life = self.life
        if life is not None:
            ending = life.begin(self._close())
            while life.alive and not ending.done():
                await asyncio.sleep(1.0)
            if life.alive:
                ending.result()
                self._around.trace(self.name, f"{life.name} has ended in order")
                self._end(life)

    async def restart(self) -> None:
        """Stop, and start again."""
        life = self.life
        await self.stop()
        if self.life is None and life is self.lives[-1]:
            self.start()

    async def release_held(self) -> None:
        """What an operator does about recipients that are held since their workers crashed too often."""
        life = self.life
        if life is not None and self.disk.execute(_HELD).fetchone():
            self._around.trace(self.name, "held recipients are released")
            releasing = life.begin(self._release())
            while life.alive and not releasing.done():
                await asyncio.sleep(1.0)

    async def _release(self) -> None:
        await self._database.write(control.release, Selection(), now_ms=self.clock.now_ms())

    async def _close(self) -> None:
        await asyncio.gather(*(listener.drain(5.0) for listener in self._listeners.values()))
        for relay in self._relays:
            await relay.stop(5.0)

    def _end(self, life: Life) -> None:
        self.life = None
        self._around.loop.end(life)
        self._around.internet.cut(life)
        self._around.died(self)

    def _flush(self) -> Flush:
        flush = self._around.faults.flush()
        if flush is not Flush.DONE:
            self._around.trace(self.name, flush.value)
        return flush

    def _disk_faults(self) -> DiskFaults:
        faults = self._around.faults
        return DiskFaults(
            flush=self._flush,
            readable=lambda: not faults.occurs(faults.rates.disk_full / 3),
            committed=self._committed,
            cut=self.crash,
        )

    def _committed(self, topics: set[Topic]) -> None:
        self._around.committed(self, {topic.account for topic in topics if topic.account is not None})

    def _open(self) -> None:
        """As `app.worker` does, with a simulated world."""
        database = self._database = FaultyDatabase(self.disk, self._disk_faults())
        signals = LocalSignals()
        database.on_commit = signals.announce
        world = World(
            clock=self.clock,
            entropy=SeededEntropy(self._chance.randrange(2**32)),
            network=OwnNetwork(self._around.internet, self.name, self.plan.address),
            resolver=CachingResolver(self._around.names, self.clock),
            tls=_SimulatedTls(),  # type: ignore[arg-type]  # the two methods that listeners ask
            database=database,
            blobs=DatabaseBlobs(),
            signals=signals,
            telemetry=self.telemetry,
        )
        self._listeners = self._listeners_on(world)
        self._relays = [
            make_relay(world, Resolved(self._config), limits=RELAY_LIMITS)
            for _ in range(self._chance.choice((1, 1, 2)))
        ]
        for relay in self._relays:
            relay.start()
        reading = read_mail(world, list(self.accounts), self._chance, visits=self._chance.randrange(5))
        asyncio.get_running_loop().create_task(reading)

    def _listeners_on(self, world: World) -> dict[int, Listener]:
        sessions = session_factories(world, Authenticator(world), self._config)
        services = {
            port: ServiceOffer(name=name, session=sessions[name], busy=b"421 busy\r\n", tls=world.tls)
            for port, name in PORTS.items()
        }
        turns = Turns(world.clock.monotonic)
        return {
            port: Listener(
                service,
                self,
                open_counts=world.shared.open_counts,
                buffer=_BUFFER,
                turns=turns,
            )
            for port, service in services.items()
        }

    # --- what the internet asks: `Listening`

    def answers(self, port: int) -> bool:
        """See `Listening`."""
        return self.life is not None and port in self._listeners

    def server_end(self, port: int, client: Endpoint) -> End:
        """See `Listening`."""
        assert self.life is not None
        return Pushed(self.life.context, client, Endpoint(self.plan.address, port))

    def opened(self, end: End, port: int) -> None:
        """See `Listening`."""
        assert isinstance(end, Pushed)
        end.carry(self._listeners[port].pump())

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """See `FailureReporter`."""
        self.telemetry.failure("session failed", error, service=service)


class _SimulatedTls:
    """What listeners ask of `ServerTls`."""

    def context(self) -> Any:
        return opportunistic()

    def channel_binding(self, _tls: object, _kind: str) -> bytes | None:
        return None


@cache
def _new_disk(plan: Plan) -> bytes:
    """The disk of a new provider."""
    database = memory_database(SCHEMAS)
    database.write_now(_populate, plan)
    octets = database._connection.serialize("main")
    database.close_now()
    return octets


def _populate(tx: Transaction, plan: Plan) -> None:
    secrets.ensure(tx, secrets.CREDENTIALS, _SECRET)
    domains.create(tx, plan.domain, now_ms=STARTS_AT_MS)
    for user in plan.users:
        account = accounts.create(tx, f"{user}@{plan.domain}", scram_salt=_SALT, now_ms=STARTS_AT_MS).id
        mailboxes.create_defaults(tx, account, now_ms=STARTS_AT_MS)
        credentials.set_password(tx, account, _password_hash(), now_ms=STARTS_AT_MS)
        app_passwords.add(
            tx,
            account,
            _hashed(app_password(user)),
            name="simulation",
            scopes=frozenset({Scope.MAIL}),
            now_ms=STARTS_AT_MS,
        )
    for local, target in plan.forwards:
        aliases.create(tx, f"{local}@{plan.domain}", [target])


def app_password(user: str) -> str:
    """An app password: verifying it needs no Argon2."""
    return user.ljust(20, "x")


@cache
def _password_hash() -> PasswordHash:
    return hash_password("nobody uses it here", argon2_salt=_SALT, scram_salt=_SALT)


@cache
def _hashed(password: str) -> AppPasswordHash:
    return app_passwords.hash_app_password(password, secret=_SECRET, scram_salt=_SALT, iterations=4096)


def _accounts(disk: apsw.Connection) -> dict[AccountId, str]:
    return {AccountId(number): login for number, login in disk.execute("SELECT id, login FROM accounts")}
