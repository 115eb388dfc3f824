"""One seed, one run: providers, foreign servers, senders and readers, in virtual time, with faults.

    loop.py        virtual time, lives that end
    faults.py      what goes wrong, and when
    wire.py        unreliable connections        internet.py         hosts and addresses
    dns.py         unreliable DNS                disk.py             commits that fail or are the last
    provider.py    a whole provider              foreign_servers.py  servers that misbehave
    senders.py     who sends messages            readers.py          who reads them
    wire_tap.py    SMTP read off the wires       disk_checks.py      a database checked by hand
    auditor.py     the invariants

`run(seed)` plays it all and raises `Failed` if an invariant breaks. The same seed gives the same run, event by event;
`python -m tests.simulation --seed N --trace` shows it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pillarbox.dns import Kind, Mx
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.dns import SimulatedDns
from tests.simulation.faults import DAY, HOUR, MINUTE, FaultInjector
from tests.simulation.foreign_servers import ForeignServer
from tests.simulation.internet import Internet
from tests.simulation.loop import VirtualLoop, discard
from tests.simulation.loop import run as run_in_loop
from tests.simulation.provider import Environment, Plan, Provider
from tests.simulation.senders import SentMessage, send

PATIENCE_S = 5 * DAY + 12 * HOUR
"""How long after the last fault every queue must be empty: a message's lifetime, the last retry interval, a margin."""
FOREIGN_SERVERS = ("x", "y")
NOTIFY = ("", "", "", "NEVER", "FAILURE", "SUCCESS,FAILURE", "SUCCESS,FAILURE,DELAY", "DELAY")


class Failed(AssertionError):
    """An invariant is broken; the text is the seed, the reason and the trace."""


@dataclass(slots=True)
class Trace:
    """What happened, in order."""

    loop: VirtualLoop
    lines: list[tuple[float, str, str]] = field(default_factory=list)

    def __call__(self, who: str, what: str) -> None:
        self.lines.append((self.loop.time(), who, what))

    def text(self) -> str:
        """One line for each event."""
        return "\n".join(f"{_moment(at)}  {who:10} {what}" for at, who, what in self.lines)


def _moment(at: float) -> str:
    minutes, seconds = divmod(at, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours // 24}d {hours % 24:02}:{minutes:02}:{seconds:06.3f}"


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went."""

    trace: str
    sent_messages: int
    copies: int
    lost_answers: int
    """Copies beyond the first because a final reply was lost."""
    deaths: int
    """Copies beyond the first because the sender crashed between reading and recording the reply."""
    failures: int
    lives: int


def run(seed: int) -> Summary:
    """Play one run. Raises `Failed`."""
    return run_in_loop(lambda loop: Simulation(loop, seed).run())


class Simulation:
    """One run."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self._seed = seed
        self._loop = loop
        self._chance = chance = Random(seed)
        self.trace = Trace(loop)
        until_s = chance.choice((10 * MINUTE, 2 * HOUR, 2 * HOUR, 12 * HOUR, DAY, 3 * DAY))
        self.faults = FaultInjector(chance, until_s=until_s)
        self.auditor = Auditor(self.trace)
        self.internet = Internet(self.faults, self._watched(self.auditor.observed), self.trace)
        self.names = SimulatedDns(self.faults)
        self.providers = self._create_providers()
        self._failure: asyncio.Future[None] = loop.create_future()

    async def run(self) -> Summary:
        """From the first message to the last empty queue."""
        playing = self._loop.create_task(self._play())
        await asyncio.wait((playing, self._failure), return_when=asyncio.FIRST_COMPLETED)
        failure = self._failure.exception() if self._failure.done() else playing.exception()
        self._end()
        if failure:
            raise Failed(f"seed {self._seed}: {failure!r}\n{self.trace.text()}") from failure
        records = self.auditor
        return Summary(
            self.trace.text(),
            len(records.sent_messages),
            sum(map(len, records.copies.values())),
            records.duplicates["the reply was lost"],
            records.duplicates["its sender crashed before recording it"],
            records.failures.total(),
            sum(len(provider.lives) for provider in self.providers),
        )

    async def _play(self) -> None:
        for provider in self.providers:
            provider.start()
        writers = [self._loop.create_task(self._write(n)) for n in range(self._chance.randrange(2, 8))]
        disruptions = [self._loop.create_task(self._disruption()) for _ in range(self._chance.randrange(4))]
        await asyncio.gather(*writers, *disruptions)
        until = max(self._loop.time(), self.faults.until_s) + PATIENCE_S
        while self._loop.time() < until and not self._quiet():
            await asyncio.sleep(HOUR)
            if self._loop.time() > self.faults.until_s:
                for provider in self.providers:
                    await provider.release_held()
        self.trace("everyone", "the queues are empty, or should be")
        for provider in self.providers:
            await provider.stop()
        self.auditor.check_end(fsck=self._seed % 10 == 0)
        if self._loop.complaints:
            raise Violation(f"unhandled exceptions: {self._loop.complaints}")

    async def _disruption(self) -> None:
        """Restart a provider at some time, or set its clock."""
        chance = self._chance
        await asyncio.sleep(chance.random() * self.faults.until_s)
        provider = chance.choice(self.providers)
        if chance.random() < 0.5:
            await provider.restart()
        else:
            jump_s = chance.choice((-HOUR, 10 * MINUTE, HOUR, 2 * DAY, 6 * DAY))
            self.trace(provider.name, f"the clock is set by {jump_s / HOUR:.1f} hours")
            provider.clock.jump(jump_s)

    def _quiet(self) -> bool:
        return all(provider.life for provider in self.providers) and self.auditor.queues_empty

    def _end(self) -> None:
        for tasks in (
            *(life.tasks for provider in self.providers for life in provider.lives),
            self._loop.tasks,
        ):
            discard(tasks)
        for provider in self.providers:
            provider.disk.close()

    def _watched(self, check: Callable[..., None]) -> Callable[..., None]:
        """A check that ends the run if it fails, in whatever task."""

        def watched(*arguments: Any) -> None:
            try:
                check(*arguments)
            except Exception as failure:
                if not self._failure.done():
                    self._failure.set_exception(failure)

        return watched

    # --- hosts

    def _create_providers(self) -> list[Provider]:
        around = Environment(
            self._loop,
            self.internet,
            self.names,
            self.faults,
            self.trace,
            committed=self._watched(self.auditor.committed),
            died=self._watched(self.auditor.died),
        )
        names = "abcd"[: self._chance.choice((2, 2, 2, 3, 4))]
        providers = []
        for number, name in enumerate(names):
            neighbour = names[(number + 1) % len(names)]
            aliases = (("away", f"u1@{neighbour}.example"), ("gone", "nobody@x.example"))
            plan = Plan(name, f"10.0.{number}.1", ("u0", "u1"), aliases)
            self._publish(name, plan.address)
            provider = Provider(plan, around, self._chance)
            self.auditor.watch(provider)
            providers.append(provider)
        for number, name in enumerate(FOREIGN_SERVERS):
            address = f"10.9.{number}.1"
            self.internet.attach(address, ForeignServer(self.internet, self.faults, name, self._chance))
            self._publish(name, address)
        self.names.put("dead.example", Kind.MX, Mx(10, "mx.dead.example"))
        self.names.put("mx.dead.example", Kind.A, "10.99.0.1")
        self.names.put("null.example", Kind.MX, Mx(0, ""))
        return providers

    def _publish(self, name: str, address: str) -> None:
        """A domain's mail exchangers: one, two, or with some that do not exist."""
        domain, host = f"{name}.example", f"mx.{name}.example"
        match self._chance.randrange(5):
            case 0:
                exchangers = [Mx(10, host), Mx(10, f"mx2.{domain}")]
                self.names.put(f"mx2.{domain}", Kind.A, address)
            case 1:
                exchangers = [Mx(5, f"gone.{domain}"), Mx(10, host)]
                self.names.put(f"gone.{domain}", Kind.A, "10.99.0.2")
            case 2:
                exchangers = [Mx(10, f"nameless.{domain}"), Mx(10, host)]
            case 3:
                exchangers = []
                self.names.put(domain, Kind.A, address)
            case _:
                exchangers = [Mx(10, host)]
        if exchangers:
            self.names.put(domain, Kind.MX, *exchangers)
        self.names.put(host, Kind.A, address)

    # --- senders

    async def _write(self, number: int) -> None:
        """One sender's message; tried a few times, each time as a new message."""
        chance = self._chance
        await asyncio.sleep(chance.random() * self.faults.until_s * 0.8 if number else 0.0)
        for attempt in range(4):
            home = chance.choice(self.providers)
            sent_message = self._sent_message(home, f"{number}.{attempt}@{self._seed}.simulation")
            self.auditor.sent_messages[sent_message.message_id] = sent_message
            self.trace("senders", f"send {sent_message}")
            result = await send(sent_message, self.internet, home.plan.address, "192.0.2.1")
            self.trace("senders", f"{sent_message.message_id} is {result}")
            if result == "accepted":
                return
            await asyncio.sleep(10 * MINUTE)

    def _sent_message(self, home: Provider, message_id: str) -> SentMessage:
        chance = self._chance
        by_chunks = chance.random() < 0.3
        if chance.random() < 0.2:
            sender = chance.choice(("", "friend@x.example", "u0@b.example"))
            local = chance.choice((("u0",), ("u1",), ("u0", "u1"), ("away",), ("gone",)))
            recipients = tuple(f"{one}@{home.plan.domain}" for one in local)
            return SentMessage(message_id, sender, recipients, by_chunks=by_chunks)
        login = f"{chance.choice(home.plan.users)}@{home.plan.domain}"
        known = [f"{user}@{other.plan.domain}" for other in self.providers for user in ("u0", "u1")]
        known += [f"{who}@{name}.example" for who in ("friend", "nobody") for name in FOREIGN_SERVERS]
        known += ["u9@a.example", "u9@b.example", f"away@{home.plan.domain}"]
        known += ["u@null.example", "u@nowhere.example"]
        if self._seed % 10 == 0:  # five days of retries are slow to simulate
            known += [f"{who}@dead.example" for who in "uvw"]
        recipients = tuple(chance.sample(known, chance.choice((1, 1, 2, 3))))
        recipients = tuple(one for one in recipients if self._distinct(one, recipients))
        return SentMessage(
            message_id, login, recipients, chance.choice(NOTIFY), login=login, by_chunks=by_chunks
        )

    def _distinct(self, recipient: str, recipients: tuple[str, ...]) -> bool:
        """No recipient gets a message by two ways: that could not be distinguished from a duplicate."""
        return not any(
            recipient in provider.plan.leads_to(other)
            for provider in self.providers
            for other in recipients
            if other != recipient
        )
