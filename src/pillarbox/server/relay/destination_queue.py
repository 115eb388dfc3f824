"""One destination: its leased jobs, and the delivery agents that work on them.

A destination queue begins with the first job claimed for its destination, and fetches more by itself as long as there
are any. It has as many delivery agents as its concurrency limit and the relay's limits allow. Invariant: a job that
was leased for the queue is being delivered, or waits in the queue, or was settled or given back.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pillarbox.delivery.settle import DeliveryAttempt, JobResult
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue.schedule import Job
from pillarbox.server import damage
from pillarbox.server.relay.concurrency import ConcurrencyLimit
from pillarbox.server.relay.context import RelayContext
from pillarbox.server.relay.delivery_agent import DeliveryAgent
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.clock import Clock
from pillarbox.world.database import DatabaseUnavailable

FETCH_JOBS: Final = 40
"""Jobs leased at once for a destination queue that is at work."""
DELIVERY_AGENTS: Final = "delivery agents"
"""The kind under which they are counted in `world.shared.open_counts`."""
IDLE_CONNECTION_S: Final = 2.0
"""How long a connection waits for more mail to its destination before it is closed."""

_DAMAGED = Outcome(
    OutcomeKind.FAILED, "5.3.0", "the message was damaged while it was queued", said_by_server=False
)
_UNREADABLE = Outcome(OutcomeKind.DEFERRED, "4.3.0", "message could not be read", said_by_server=False)
_INTERNAL_ERROR = Outcome(OutcomeKind.DEFERRED, "4.3.0", "internal error", said_by_server=False)


class LoadedJob(NamedTuple):
    """A job in hand. `octets`: the message, if it was small enough to be read together with others."""

    job: Job
    octets: bytes | None = None


class QueueOwner(Protocol):
    """The relay, as its destination queues use it."""

    context: RelayContext
    connections_each: int
    """Delivery agents that one destination may have, over all workers."""

    def may_connect(self, destination: str) -> bool:
        """Whether there may be one more delivery agent."""

    async def fetch(self, destination: str, jobs: int) -> list[LoadedJob]:
        """Lease more jobs of a destination."""

    async def settle(self, result: JobResult) -> None:
        """Have a result written."""

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """End the leases on jobs that were not tried."""

    def changed(self, queue: "DestinationQueue") -> None:
        """A delivery agent has ended, or is idle."""


class DestinationQueue:
    """See the module."""

    def __init__(self, destination: str, owner: QueueOwner) -> None:
        self.destination = destination
        self.agents: set[asyncio.Task[None]] = set()
        self.in_delivery: dict[int, Job] = {}
        """Jobs that are being delivered, by a number of their own."""
        self._owner = owner
        self._telemetry = owner.context.world.telemetry
        self._open_counts = owner.context.world.shared.open_counts
        self._waiting: deque[LoadedJob] = deque()
        self._limit = ConcurrencyLimit(owner.connections_each)
        self._more = True
        """The database may hold more jobs that are due."""
        self._reachable = False
        """A host has answered: jobs that are fetched will soon be delivered."""
        self._fetching: asyncio.Task[None] | None = None
        self._idle: dict[asyncio.Future[None], None] = {}
        """Delivery agents with a connection and no job, the latest last."""
        self._stopping = False
        self._number = 0

    @property
    def jobs(self) -> list[Job]:
        """All jobs in hand."""
        return [*self.in_delivery.values(), *(loaded.job for loaded in self._waiting)]

    @property
    def busy(self) -> bool:
        """Whether it fetches for itself, or has enough to do: nothing needs to be claimed for it."""
        full = len(self.agents) >= self._limit.connections and not self._idle
        return self._stopping or full or self._fetching is not None

    @property
    def finished(self) -> bool:
        """Whether it has no jobs and no delivery agents."""
        return not self.agents and not self._waiting and self._fetching is None

    def add(self, loaded: LoadedJob) -> None:
        """Queue one more job."""
        self._waiting.append(loaded)
        self._more = True
        self._start_agents()

    async def stop(self) -> None:
        """Go on with the jobs in delivery, and give back the rest."""
        self._stopping = True
        self._wake_idle()
        await self._give_back_waiting()

    async def cancel(self) -> None:
        """Cancel what is still in delivery, and give it back."""
        for agent in self.agents:
            agent.cancel()
        under_way = [*self.agents, *([self._fetching] if self._fetching else [])]
        if under_way:
            await asyncio.wait(under_way)
        await self._owner.give_back(list(self.in_delivery.values()))
        self.in_delivery.clear()

    # --- delivery agents

    def _start_agents(self) -> None:
        """Wake idle delivery agents, and start more where there are jobs for them."""
        wanted = min(len(self._waiting) - len(self._idle), self._limit.connections - len(self.agents))
        self._wake_idle()
        while (
            wanted > 0
            and not self._stopping
            and (not self.agents or self._owner.may_connect(self.destination))
        ):
            wanted -= 1
            agent = asyncio.get_running_loop().create_task(self._run_agent())
            self.agents.add(agent)
            self._open_counts.add(DELIVERY_AGENTS, self.destination)
            agent.add_done_callback(self._agent_ended)

    def _agent_ended(self, agent: asyncio.Task[None]) -> None:
        self.agents.discard(agent)
        self._open_counts.remove(DELIVERY_AGENTS, self.destination)
        error = None if agent.cancelled() else agent.exception()
        if error:
            self._telemetry.failure("delivery agent failed", error, destination=self.destination)
        if self._waiting and not self.agents and not self._stopping:
            self._start_agents()
        self._owner.changed(self)

    async def _run_agent(self) -> None:
        """One delivery agent: job after job, as long as there are any."""
        agent = DeliveryAgent(self._owner.context)
        timer = _IdleTimer(self._owner.context.world.clock)
        try:
            while len(self.agents) <= self._limit.connections and (
                loaded := await self._next_job(agent, timer)
            ):
                if not await self._deliver(agent, loaded):
                    break
            await agent.close()
        finally:
            timer.limit.close()
            agent.abort()

    async def _deliver(self, agent: DeliveryAgent, loaded: LoadedJob) -> bool:
        """Whether the delivery agent is to go on."""
        number = self._number = self._number + 1
        self.in_delivery[number] = loaded.job
        result = await self._result(agent, loaded)
        self._reachable = result.reached
        if not result.reached:
            self._limit.failed()
            if len(self.agents) > 1:
                # The other delivery agents are connected: one connection less, and the job is for them.
                del self.in_delivery[number]
                self._waiting.appendleft(loaded)
                return False
        elif _taken(result):
            self._limit.succeeded()
        else:
            self._limit.failed()
        del self.in_delivery[number]
        await self._owner.settle(result)
        if not result.reached:
            self._more = False
            await self._give_back_waiting()
        return result.reached

    async def _result(self, agent: DeliveryAgent, loaded: LoadedJob) -> JobResult:
        job = loaded.job
        try:
            return await agent.deliver(job, loaded.octets)
        except BlobDamaged as failure:
            # What is damaged stays so: the sender, who has the message, is told at once
            agent.abort()
            damage.report(self._owner.context.world, failure, queue_id=job.message.id)
            outcome = _DAMAGED
        except DatabaseUnavailable as failure:
            agent.abort()
            self._telemetry.warning("message not read", queue_id=job.message.id, why=str(failure))
            outcome = _UNREADABLE
        except Exception as error:
            agent.abort()
            self._telemetry.failure("delivery failed", error, queue_id=job.message.id)
            outcome = _INTERNAL_ERROR
        return JobResult(job, (DeliveryAttempt(outcome),) * len(job.recipients), reached=True)

    async def _next_job(self, agent: DeliveryAgent, timer: "_IdleTimer") -> LoadedJob | None:
        """The next job; waits a while if there is a connection that could be used."""
        self._refill()
        if not self._waiting and not self._stopping and (agent.connected or self._fetching):
            await self._be_idle(timer)
        return self._waiting.popleft() if self._waiting and not self._stopping else None

    async def _be_idle(self, timer: "_IdleTimer") -> None:
        woken = timer.begin()
        self._idle[woken] = None
        self._owner.changed(self)
        try:
            await woken
        finally:
            timer.limit.stop()
            self._idle.pop(woken, None)

    def _wake_idle(self) -> None:
        """Wake as many as there are jobs for, or all if there are none; the latest first, so that connections
        that are not needed are closed."""
        for _ in range(min(len(self._idle), len(self._waiting) or len(self._idle))):
            woken, _ = self._idle.popitem()
            if not woken.done():
                woken.set_result(None)

    # --- jobs

    def _refill(self) -> None:
        """Fetch more before the last job is taken."""
        if not self._reachable or self._stopping:
            return
        if self._more and len(self._waiting) < FETCH_JOBS // 2 and not self._fetching:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            fetched = await self._owner.fetch(self.destination, FETCH_JOBS)
            self._more = len(fetched) == FETCH_JOBS
        finally:
            self._fetching = None
        self._waiting.extend(fetched)
        if self._stopping:
            await self._give_back_waiting()
        elif fetched or not self.agents:
            self._start_agents()

    async def _give_back_waiting(self) -> None:
        jobs = [loaded.job for loaded in self._waiting]
        self._waiting.clear()
        if jobs:
            await self._owner.give_back(jobs)


class _IdleTimer:
    """Ends a delivery agent's idle time after a while."""

    def __init__(self, clock: Clock) -> None:
        self.limit = TimeLimit(clock, self._end)
        self._woken: asyncio.Future[None] | None = None

    def begin(self) -> asyncio.Future[None]:
        """Begin idle time; the future is done when it ends, by the timer or by a job."""
        self.limit.start(IDLE_CONNECTION_S)
        self._woken = asyncio.get_running_loop().create_future()
        return self._woken

    def _end(self) -> None:
        if self._woken and not self._woken.done():
            self._woken.set_result(None)


def _taken(result: JobResult) -> bool:
    """Whether the server copes: it accepted or rejected some recipient, and did not defer all."""
    return any(attempt.outcome.kind is not OutcomeKind.DEFERRED for attempt in result.attempts)
