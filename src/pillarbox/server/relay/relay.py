"""The relay of one worker: claims what is due, has it delivered, records the results.

It sleeps until something is queued (by any process), until the next retry is due, or until a connection is free.
Any number of workers may run one: leases keep them apart. Invariants: no more connections are open than allowed, and
a quarter of them is kept for destinations that could be reached when they were last tried, so that unreachable
destinations do not delay mail for others; no job is taken from another worker because the clock was set; at a stop no
job is lost, for what is in delivery may end, and the rest is given back.

Each `await` below lets other work of the process run, so what is decided by a read is decided again by the verb that
writes (`claim`, `send_due_notices`), connections are counted as taken while a claim is under way, and jobs are in hand
(see `_jobs`) from the time at which their lease is durable.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pillarbox.config.schema import Config
from pillarbox.delivery.settle import JobResult, ReportingMta, send_due_notices
from pillarbox.queue import clock_set_back, schedule
from pillarbox.queue.outcome import give_back, next_notice_ms
from pillarbox.queue.schedule import LEASE_MS, Job
from pillarbox.queue.spool import CHANGED
from pillarbox.server.relay.clock_watch import ClockWatch
from pillarbox.server.relay.context import DATABASE_RETRY_S, RelayLimits, relay_context
from pillarbox.server.relay.destination_queue import DELIVERY_AGENTS, DestinationQueue, LoadedJob
from pillarbox.server.relay.host_finder import Routes
from pillarbox.server.relay.settling import Settling
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.blobs import BlobDamaged, Blobs, verified
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.world import World

MAX_CLAIMED_JOBS: Final = 6
"""Jobs, each of another destination, in one claim: see `settling.BATCH_UNREACHED`."""
READ_TOGETHER_OCTETS: Final = 16 * 1024
"""Messages up to this size are read together, when they are claimed together."""
RENEW_S: Final = LEASE_MS / 1000 / 3
"""How often leases are renewed."""
HEALTHY_SHARE: Final = 4
"""One connection in so many is kept for destinations that could be reached when last tried."""


class Relay:
    """See the module. It is the `QueueOwner` of its destination queues."""

    def __init__(
        self, world: World, config: Config, routes: Routes, *, limits: RelayLimits | None = None
    ) -> None:
        """`routes`: the hosts that the configuration names, resolved."""
        self.context = relay_context(world, config, routes)
        self._world = world
        self._limits = limits or RelayLimits()
        self.connections_each = self._limits.connections_each
        self._queues: dict[str, DestinationQueue] = {}
        self._claiming = 0
        """Connections reserved for jobs that are being claimed."""
        self._loading: dict[str, list[Job]] = {}
        """Jobs leased for a destination queue whose messages are being read."""
        self._mta = ReportingMta(config.hostname, world.blobs, world.entropy)
        self._settling = Settling(world, self._mta)
        self._called = asyncio.Event()
        self._pause = TimeLimit(world.clock, self._called.set)
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self._stopping = False
        self._distrust_s = 2 * self._limits.poll_s
        self._watch = ClockWatch(world.clock, distrust_s=self._distrust_s)
        self._look_through_at_s: float | None = world.clock.monotonic() + self._distrust_s
        """When to look for what was queued while the clock was ahead: not before other workers, which may be older,
        have renewed their leases. `None`: it was, and the clock has not been set since."""

    def reconfigure(self, config: Config, routes: Routes) -> None:
        """Use another configuration for the connections that are made from now on."""
        self.context = relay_context(self._world, config, routes)

    def start(self) -> None:
        """Begin."""
        self._unsubscribe = self._world.signals.subscribe(CHANGED, self._called.set)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._run()),
            loop.create_task(self._repeat(self._limits.poll_s, self._send_due_notices)),
            loop.create_task(self._repeat(RENEW_S, self._renew)),
        ]

    async def stop(self, grace_s: float) -> None:
        """Let jobs in delivery end for so long, then cancel them; give back the rest."""
        self._unsubscribe()
        self._stopping = True
        self._called.set()
        for task in self._tasks[1:]:
            task.cancel()
        # A claim under way is waited for: cancelled, it would leave jobs leased by no worker.
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._pause.close()
        queues = list(self._queues.values())
        for queue in queues:
            await queue.stop()
        await self._agents_ended(queues, grace_s)
        for queue in queues:
            await queue.cancel()
        await self._settling.settled()

    async def _agents_ended(self, queues: Sequence[DestinationQueue], grace_s: float) -> None:
        try:
            async with self._world.clock.timeout(grace_s):
                while agents := [agent for queue in queues for agent in queue.agents]:
                    await asyncio.wait(agents)
        except TimeoutError:
            pass

    # --- for destination queues (`QueueOwner`)

    def may_connect(self, destination: str) -> bool:
        """See `QueueOwner`."""
        agents = self._world.shared.open_counts.count(DELIVERY_AGENTS, destination)
        return self._free > 0 and agents < self.connections_each

    async def fetch(self, destination: str, jobs: int) -> list[LoadedJob]:
        """See `QueueOwner`."""
        database = self._world.database
        try:
            if not await self._leases_trusted():
                return []
            found = await database.write(
                schedule.claim_from, destination, lease=self._lease(), now_ms=self._now_ms, jobs=jobs
            )
        except DatabaseUnavailable as failure:
            self._world.telemetry.warning("queue not read", why=str(failure))
            return []
        self._loading[destination] = found
        try:
            return await database.read(_loaded, found, self._world.blobs)
        except DatabaseUnavailable:
            return [LoadedJob(job) for job in found]
        finally:
            del self._loading[destination]

    async def settle(self, result: JobResult) -> None:
        """See `QueueOwner`."""
        await self._settling.add(result)

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """See `QueueOwner`."""
        try:
            await self._world.database.write(give_back, jobs, now_ms=self._now_ms)
        except DatabaseUnavailable as failure:
            self._world.telemetry.warning("jobs not given back", jobs=len(jobs), why=str(failure))

    def changed(self, queue: DestinationQueue) -> None:
        """See `QueueOwner`."""
        if queue.finished and self._queues.get(queue.destination) is queue:
            del self._queues[queue.destination]
        self._called.set()

    # --- claiming

    @property
    def _now_ms(self) -> int:
        return self._world.clock.now_ms()

    @property
    def _free(self) -> int:
        """Connections that may still be opened."""
        agents = sum(len(queue.agents) for queue in self._queues.values())
        return self._limits.connections - self._claiming - agents

    def _lease(self) -> int:
        chance = int.from_bytes(self._world.entropy.token_bytes(4), "big") >> 1
        return schedule.lease_of(self._world.shared.mark, chance)

    async def _run(self) -> None:
        while not self._stopping:
            self._called.clear()
            try:
                now_ms = self._now_ms
                pause_s = 0.0 if await self._claim(now_ms) else await self._pause_s(now_ms)
            except DatabaseUnavailable as failure:
                self._world.telemetry.warning("queue not read", why=str(failure))
                pause_s = DATABASE_RETRY_S
            except Exception as error:
                self._world.telemetry.failure("queue not read", error)
                pause_s = self._limits.poll_s
            await self._wait(pause_s)

    async def _claim(self, now_ms: int) -> bool:
        """Claim what is due by then and may be connected for; whether anything was claimed."""
        if not await self._leases_trusted():
            return False
        free = self._free
        if free <= 0:
            return False
        busy = [queue.destination for queue in self._queues.values() if queue.busy]
        healthy_only = free <= self._limits.connections // HEALTHY_SHARE
        self._claiming = min(free, MAX_CLAIMED_JOBS)
        try:
            jobs = await self._claim_due(self._claiming, now_ms, busy, healthy_only=healthy_only)
            if self._stopping:
                await self.give_back(jobs)
                return False
            for job in jobs:
                self._claiming -= 1  # the connection that was reserved is this job's
                queue = self._queues.get(job.destination)
                if queue is None:
                    queue = self._queues[job.destination] = DestinationQueue(job.destination, self)
                queue.add(LoadedJob(job))
        finally:
            self._claiming = 0
        return bool(jobs)

    async def _claim_due(self, jobs: int, now_ms: int, busy: list[str], *, healthy_only: bool) -> list[Job]:
        database = self._world.database
        # A claim that finds nothing would be a transaction all the same.
        if not await database.read(schedule.any_due, now_ms=now_ms, busy=busy, healthy_only=healthy_only):
            return []
        return await database.write(
            schedule.claim,
            lease=self._lease(),
            now_ms=now_ms,
            jobs=jobs,
            busy=busy,
            healthy_only=healthy_only,
        )

    async def _pause_s(self, now_ms: int) -> float:
        """Until the next retry after then; what was due already waits for a free connection, which calls."""
        due_ms = await self._world.database.read(schedule.next_attempt_ms, after_ms=now_ms)
        poll_s = self._limits.poll_s
        return poll_s if due_ms is None else min((due_ms - self._now_ms) / 1000, poll_s)

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._pause.start(seconds)
        try:
            await self._called.wait()
        finally:
            self._pause.stop()

    # --- at intervals

    async def _repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._world.clock.sleep(seconds)
            try:
                await work()
            except DatabaseUnavailable as failure:
                self._world.telemetry.warning("queue not read", why=str(failure))
            except Exception as error:
                self._world.telemetry.failure("queue maintenance failed", error)

    async def _leases_trusted(self) -> bool:
        """Whether a lease that seems to have run out has: not for a while after the clock was set."""
        if self._watch.jumped():
            self._world.telemetry.warning("clock was set", leases_trusted_in_s=self._distrust_s)
            self._look_through_at_s = self._world.clock.monotonic() + self._distrust_s
            await self._renew()
        due_s = self._look_through_at_s
        if due_s is not None and self._world.clock.monotonic() >= due_s:
            self._look_through_at_s = None
            await self._bring_forward(due_s)
        return self._watch.trusted

    async def _bring_forward(self, due_s: float) -> None:
        """What was written while the clock was ahead is tried now; by now all workers have renewed their leases."""
        database, now_ms = self._world.database, self._now_ms
        try:
            if not await database.read_in_thread(clock_set_back.is_ahead, now_ms=now_ms):
                return
            recipients = await database.write_in_thread(clock_set_back.bring_forward, now_ms=now_ms)
        except BaseException:
            self._look_through_at_s = due_s
            raise
        self._world.telemetry.event("queue brought forward", recipients=recipients)

    async def _send_due_notices(self) -> None:
        if not await self._leases_trusted():
            return
        due_ms = await self._world.database.read(next_notice_ms)
        if due_ms is None or due_ms > self._now_ms:
            return  # an idle provider writes nothing
        # In a thread: some hundred DSNs may be due at once
        send = self._world.database.write_in_thread
        await self._settling.log(await send(send_due_notices, self._mta, now_ms=self._now_ms))

    def _jobs(self) -> list[Job]:
        """All jobs whose leases this relay has to keep."""
        queued = [job for queue in self._queues.values() for job in queue.jobs]
        return queued + [job for jobs in self._loading.values() for job in jobs]

    async def _renew(self) -> None:
        jobs = self._jobs()
        if jobs:
            await self._world.database.write(schedule.renew, jobs, now_ms=self._now_ms)


def _loaded(tx: Transaction, jobs: Sequence[Job], blobs: Blobs) -> list[LoadedJob]:
    """Jobs with their messages, if these are small; one that cannot be read fails when it is delivered."""
    return [LoadedJob(job, _small(tx, job, blobs)) for job in jobs]


def _small(tx: Transaction, job: Job, blobs: Blobs) -> bytes | None:
    if job.message.size > READ_TOGETHER_OCTETS:
        return None
    try:
        return verified(blobs.read(tx, job.message.blob), job.message.blob)
    except BlobDamaged:
        return None
