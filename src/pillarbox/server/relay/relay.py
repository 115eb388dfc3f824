"""The relay of one worker: claims what is due, carries it, reports how it ended.

It sleeps until something is queued (by any process), until the next retry is due, or until there is room again.
Any number of workers may run one: leases keep them apart. What is always true: no more connections are
open than allowed, and a quarter of them is kept for destinations that could be reached when they were last
tried, so that the dead do not keep the living waiting; nothing is taken from another worker because somebody
has set the clock; at a stop nothing is lost, for what is under way may
end, and what is not is given back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pillarbox.delivery.settle import Reporter, Result, tell_overdue
from pillarbox.queue import schedule
from pillarbox.queue.outcome import given_back, next_word_ms
from pillarbox.queue.schedule import LEASE_MS, Job
from pillarbox.queue.spool import CHANGED
from pillarbox.server.relay.clock_watch import ClockWatch
from pillarbox.server.relay.delivery_agent import Means
from pillarbox.server.relay.destination_queue import COURIERS, DestinationQueue, Parcel
from pillarbox.server.relay.settling import Settling
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.blobs import BlobMissing, Blobs
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.shared import OpenCounts
from pillarbox.world.signals import Signals
from pillarbox.world.telemetry import Telemetry

CLAIM_JOBS = 20
"""Jobs, each of another destination, in one claim."""
LOOK_S = 60.0
"""How often the queue is looked at though nothing has called."""
RETRY_S = 1.0
"""Between attempts while the database is not available."""
TOGETHER_OCTETS = 16 * 1024
"""Messages of this size are read together, when they are claimed together."""
RENEW_S = LEASE_MS / 1000 / 3
HEALTHY_SHARE = 4
"""One connection in so many is kept for destinations that are in order."""


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """How much may be under way at once."""

    connections: int = 100
    """Of this worker, to all destinations together."""
    connections_each: int = 10
    """To one destination, of all workers together; but each may have one."""


class Relay:
    """See the module. It is the `lane.Office` of its lanes."""

    def __init__(
        self,
        means: Means,
        signals: Signals,
        telemetry: Telemetry,
        *,
        open_counts: OpenCounts,
        limits: RelayLimits | None = None,
    ) -> None:
        self.means = means
        self.open_counts = open_counts
        self.telemetry = telemetry
        self._limits = limits or RelayLimits()
        self.connections_each = self._limits.connections_each
        self._signals = signals
        self._lanes: dict[str, DestinationQueue] = {}
        self._reporter = Reporter(means.hostname, means.blobs, means.entropy)
        self._settling = Settling(means.database, self._reporter, means.clock, telemetry)
        self._called = asyncio.Event()
        self._pause = TimeLimit(means.clock, self._called.set)
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self._stopping = False
        self._watch = ClockWatch(means.clock, doubt_s=2 * LOOK_S)

    def start(self) -> None:
        """Begin."""
        self._unsubscribe = self._signals.subscribe(CHANGED, self._called.set)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._claim_for_ever()),
            loop.create_task(self._repeat(LOOK_S, self._tell_overdue)),
            loop.create_task(self._repeat(RENEW_S, self._renew)),
        ]

    async def stop(self, grace_s: float) -> None:
        """Let what is under way come to an end for so long; give back the rest."""
        self._unsubscribe()
        self._stopping = True
        self._called.set()
        for task in self._tasks[1:]:
            task.cancel()
        # A claim under way is waited for: cancelled, it would leave jobs leased to nobody.
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._pause.close()
        lanes = list(self._lanes.values())
        for lane in lanes:
            await lane.stop()
        await self._all_left(lanes, grace_s)
        for lane in lanes:
            await lane.drop()
        await self._settling.settled()

    async def _all_left(self, lanes: Sequence[DestinationQueue], grace_s: float) -> None:
        try:
            async with self.means.clock.timeout(grace_s):
                while couriers := [courier for lane in lanes for courier in lane.couriers]:
                    await asyncio.wait(couriers)
        except TimeoutError:
            pass

    # --- what lanes ask

    def may_open(self, destination: str) -> bool:
        """See `lane.Office`."""
        return self._room > 0 and self.open_counts.count(COURIERS, destination) < self.connections_each

    async def fetch(self, destination: str, jobs: int) -> list[Parcel]:
        """See `lane.Office`."""
        try:
            if not await self._leases_hold():
                return []
            found = await self.means.database.write(
                schedule.claim_from, destination, lease=self._lease(), now_ms=self._now_ms, jobs=jobs
            )
        except DatabaseUnavailable as failure:
            self.telemetry.warning("queue not read", why=str(failure))
            return []
        try:
            return self.means.database.read_now(_parcels, found, self.means.blobs)
        except DatabaseUnavailable:
            return [Parcel(job) for job in found]

    async def settle(self, result: Result) -> None:
        """See `lane.Office`."""
        await self._settling.add(result)

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """See `lane.Office`."""
        try:
            await self.means.database.write(given_back, jobs, now_ms=self._now_ms)
        except DatabaseUnavailable as failure:
            self.telemetry.warning("jobs not given back", jobs=len(jobs), why=str(failure))

    def changed(self, lane: DestinationQueue) -> None:
        """See `lane.Office`."""
        if lane.over and self._lanes.get(lane.destination) is lane:
            del self._lanes[lane.destination]
        self._called.set()

    # --- what it does by itself

    @property
    def _now_ms(self) -> int:
        return self.means.clock.now_ms()

    @property
    def _room(self) -> int:
        return self._limits.connections - sum(len(lane.couriers) for lane in self._lanes.values())

    def _lease(self) -> int:
        return int.from_bytes(self.means.entropy.token_bytes(8), "big") >> 1 | 1

    async def _claim_for_ever(self) -> None:
        while not self._stopping:
            self._called.clear()
            try:
                now_ms = self._now_ms
                pause = 0.0 if await self._claim(now_ms) else self._pause_s(now_ms)
            except DatabaseUnavailable as failure:
                self.telemetry.warning("queue not read", why=str(failure))
                pause = RETRY_S
            except Exception as error:
                self.telemetry.failure("queue not read", error)
                pause = LOOK_S
            await self._wait(pause)

    async def _claim(self, now_ms: int) -> bool:
        """Claim what is due by then and there is room for; whether anything came of it."""
        if not await self._leases_hold():
            return False
        room = self._room
        if room <= 0:
            return False
        busy = [lane.destination for lane in self._lanes.values() if lane.busy]
        healthy_only = room <= self._limits.connections // HEALTHY_SHARE
        if not self.means.database.read_now(
            schedule.any_due, now_ms=now_ms, busy=busy, healthy_only=healthy_only
        ):
            return False  # a claim that comes to nothing would be a transaction all the same
        jobs = await self.means.database.write(
            schedule.claim,
            lease=self._lease(),
            now_ms=now_ms,
            jobs=min(room, CLAIM_JOBS),
            busy=busy,
            healthy_only=healthy_only,
        )
        if self._stopping:
            await self.give_back(jobs)
            return False
        for job in jobs:
            lane = self._lanes.get(job.destination)
            if lane is None:
                lane = self._lanes[job.destination] = DestinationQueue(job.destination, self)
            lane.add(Parcel(job))
        return bool(jobs)

    def _pause_s(self, now_ms: int) -> float:
        """Until the next retry after then; what was due waits for room, and room calls."""
        due = self.means.database.read_now(schedule.next_turn_ms, after_ms=now_ms)
        return LOOK_S if due is None else min((due - self._now_ms) / 1000, LOOK_S)

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._pause.start(seconds)
        try:
            await self._called.wait()
        finally:
            self._pause.stop()

    async def _repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self.means.clock.sleep(seconds)
            try:
                await work()
            except DatabaseUnavailable as failure:
                self.telemetry.warning("queue not read", why=str(failure))
            except Exception as error:
                self.telemetry.failure("queue not looked after", error)

    async def _leases_hold(self) -> bool:
        """Whether a lease that seems to have run out has: not for a while after somebody set the clock."""
        if self._watch.jumped():
            self.telemetry.warning("clock was set", believed_in_s=2 * LOOK_S)
            await self._renew()
        return self._watch.believed

    async def _tell_overdue(self) -> None:
        if not await self._leases_hold():
            return
        due = self.means.database.read_now(next_word_ms)
        if due is None or due > self._now_ms:
            return  # an idle provider writes nothing
        fates = await self.means.database.write(tell_overdue, self._reporter, now_ms=self._now_ms)
        self._settling.tell(fates)

    async def _renew(self) -> None:
        jobs = [job for lane in self._lanes.values() for job in lane.jobs]
        if jobs:
            await self.means.database.write(schedule.renew, jobs, now_ms=self._now_ms)


def _parcels(tx: Transaction, jobs: Sequence[Job], blobs: Blobs) -> list[Parcel]:
    """Jobs with their messages, where these are small; what cannot be read is for the courier to find out."""
    return [Parcel(job, _small(tx, job, blobs)) for job in jobs]


def _small(tx: Transaction, job: Job, blobs: Blobs) -> bytes | None:
    if job.message.size > TOGETHER_OCTETS:
        return None
    try:
        return blobs.read(tx, job.message.blob)
    except BlobMissing:
        return None
