"""One destination at work: its leased jobs, and the couriers that carry them.

A lane begins with the first job that was claimed for its destination and fetches more by itself as long as there
are any. It has as many couriers as its pace and the relay's room allow. What is always true: a job
that was leased to the lane is being carried, or waits in it, or was settled or given back.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pillarbox.delivery.settle import Attempt, Result
from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.queue.schedule import Job
from pillarbox.server.relay.delivery_agent import DeliveryAgent, Means
from pillarbox.server.relay.pace import Pace
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.clock import Clock
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.shared import OpenCounts
from pillarbox.world.telemetry import Telemetry

FETCH_JOBS = 40
"""Jobs leased at once for a lane that is at work."""
COURIERS = "couriers"
"""What they are counted as."""
LINGER_S = 2.0
"""How long a connection waits for more mail to its destination before it is closed."""

_UNREADABLE = Outcome(Verdict.DEFERRED, "4.3.0", "the message cannot be read now", said_by_server=False)
_MISTAKE = Outcome(Verdict.DEFERRED, "4.3.0", "an error in this system", said_by_server=False)


class Parcel(NamedTuple):
    """A job in hand. `octets`: the message, where it was small enough to be fetched with many others."""

    job: Job
    octets: bytes | None = None


class Office(Protocol):
    """What a lane asks of the relay it belongs to."""

    means: Means
    telemetry: Telemetry
    connections_each: int

    open_counts: OpenCounts
    """Couriers at work, over all workers, by destination."""

    def may_open(self, destination: str) -> bool:
        """Whether there is room for one more courier."""

    async def fetch(self, destination: str, jobs: int) -> list[Parcel]:
        """Lease more jobs of a destination."""

    async def settle(self, result: Result) -> None:
        """Have a result written down."""

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """Let go of jobs that were not tried."""

    def changed(self, lane: "DestinationQueue") -> None:
        """A courier has left, or there is room for more."""


class DestinationQueue:
    """See the module."""

    def __init__(self, destination: str, office: Office) -> None:
        self.destination = destination
        self.couriers: set[asyncio.Task[None]] = set()
        self.carried: dict[int, Job] = {}
        """Jobs that are being carried, by a number of their own."""
        self._office = office
        self._waiting: deque[Parcel] = deque()
        self._pace = Pace(office.connections_each)
        self._more = True
        """The queue may hold more that is due."""
        self._answers = False
        """Some host has answered: it makes sense to fetch what will soon be carried."""
        self._fetching: asyncio.Task[None] | None = None
        self._resting: dict[asyncio.Future[None], None] = {}
        """Couriers with a connection and no work, the last to rest last."""
        self._stopping = False
        self._number = 0

    @property
    def jobs(self) -> list[Job]:
        """All jobs in hand."""
        return [*self.carried.values(), *(parcel.job for parcel in self._waiting)]

    @property
    def busy(self) -> bool:
        """Whether it fetches for itself, or has enough to do: nothing needs to be claimed for it."""
        full = len(self.couriers) >= self._pace.connections and not self._resting
        return self._stopping or full or self._fetching is not None

    @property
    def over(self) -> bool:
        """Whether nothing is left of it."""
        return not self.couriers and not self._waiting and self._fetching is None

    def add(self, parcel: Parcel) -> None:
        """More to carry."""
        self._waiting.append(parcel)
        self._more = True
        self._staff()

    async def stop(self) -> None:
        """Carry on with what has begun, and give back the rest."""
        self._stopping = True
        self._wake()
        await self._give_back_waiting()

    async def drop(self) -> None:
        """End what has not come to an end, and give it back."""
        for courier in self.couriers:
            courier.cancel()
        under_way = [*self.couriers, *([self._fetching] if self._fetching else [])]
        if under_way:
            await asyncio.wait(under_way)
        await self._office.give_back(list(self.carried.values()))
        self.carried.clear()

    # --- couriers

    def _staff(self) -> None:
        """Wake who rests, and send for more couriers where there is work for them."""
        wanted = min(len(self._waiting) - len(self._resting), self._pace.connections - len(self.couriers))
        self._wake()
        while (
            wanted > 0
            and not self._stopping
            and (not self.couriers or self._office.may_open(self.destination))
        ):
            wanted -= 1
            courier = asyncio.get_running_loop().create_task(self._work())
            self.couriers.add(courier)
            self._office.open_counts.add(COURIERS, self.destination)
            courier.add_done_callback(self._left)

    def _left(self, courier: asyncio.Task[None]) -> None:
        self.couriers.discard(courier)
        self._office.open_counts.remove(COURIERS, self.destination)
        error = None if courier.cancelled() else courier.exception()
        if error:
            self._office.telemetry.failure("courier failed", error, destination=self.destination)
        if self._waiting and not self.couriers and not self._stopping:
            self._staff()
        self._office.changed(self)

    async def _work(self) -> None:
        """One courier: job after job, as long as there are any."""
        courier = DeliveryAgent(self._office.means)
        rest = _Rest(self._office.means.clock)
        try:
            while len(self.couriers) <= self._pace.connections and (
                parcel := await self._next(courier, rest)
            ):
                if not await self._carry(courier, parcel):
                    break
            await courier.close()
        finally:
            rest.limit.close()
            courier.abort()

    async def _carry(self, courier: DeliveryAgent, parcel: Parcel) -> bool:
        """Whether to go on."""
        number = self._number = self._number + 1
        self.carried[number] = parcel.job
        result = await self._result(courier, parcel)
        self._answers = result.reached
        if not result.reached:
            self._pace.went_badly()
            if len(self.couriers) > 1:
                # The others get on: one connection less, and the job is theirs.
                del self.carried[number]
                self._waiting.appendleft(parcel)
                return False
        elif _taken(result):
            self._pace.went_well()
        else:
            self._pace.went_badly()
        del self.carried[number]
        await self._office.settle(result)
        if not result.reached:
            self._more = False
            await self._give_back_waiting()
        return result.reached

    async def _result(self, courier: DeliveryAgent, parcel: Parcel) -> Result:
        job = parcel.job
        try:
            return await courier.carry(job, parcel.octets)
        except DatabaseUnavailable as failure:
            courier.abort()
            self._office.telemetry.warning("mail not read", queue_id=job.message.id, why=str(failure))
            return Result(job, (Attempt(_UNREADABLE),) * len(job.recipients), reached=True)
        except Exception as error:
            courier.abort()
            self._office.telemetry.failure("mail not carried", error, queue_id=job.message.id)
            return Result(job, (Attempt(_MISTAKE),) * len(job.recipients), reached=True)

    async def _next(self, courier: DeliveryAgent, rest: "_Rest") -> Parcel | None:
        """The next job; waits a while where there is a connection that could be used."""
        self._refill()
        if not self._waiting and not self._stopping and (courier.connected or self._fetching):
            await self._rest(rest)
        return self._waiting.popleft() if self._waiting and not self._stopping else None

    async def _rest(self, rest: "_Rest") -> None:
        woken = rest.begin()
        self._resting[woken] = None
        self._office.changed(self)
        try:
            await woken
        finally:
            rest.limit.stop()
            self._resting.pop(woken, None)

    def _wake(self) -> None:
        """As many as there is work for, or all where there is none; first who rested last, so that
        connections which are not needed come to their end."""
        for _ in range(min(len(self._resting), len(self._waiting) or len(self._resting))):
            woken, _ = self._resting.popitem()
            if not woken.done():
                woken.set_result(None)

    # --- jobs

    def _refill(self) -> None:
        """Fetch more before the last is carried."""
        if not self._answers or self._stopping:
            return
        if self._more and len(self._waiting) < FETCH_JOBS // 2 and not self._fetching:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            parcels = await self._office.fetch(self.destination, FETCH_JOBS)
            self._more = len(parcels) == FETCH_JOBS
        finally:
            self._fetching = None
        self._waiting.extend(parcels)
        if self._stopping:
            await self._give_back_waiting()
        elif parcels or not self.couriers:
            self._staff()

    async def _give_back_waiting(self) -> None:
        jobs = [parcel.job for parcel in self._waiting]
        self._waiting.clear()
        if jobs:
            await self._office.give_back(jobs)


class _Rest:
    """A courier's time without work, which ends by itself after a while."""

    def __init__(self, clock: Clock) -> None:
        self.limit = TimeLimit(clock, self._end)
        self._woken: asyncio.Future[None] | None = None

    def begin(self) -> asyncio.Future[None]:
        """Rest; the future is done when it is over, whoever ends it."""
        self.limit.start(LINGER_S)
        self._woken = asyncio.get_running_loop().create_future()
        return self._woken

    def _end(self) -> None:
        if self._woken and not self._woken.done():
            self._woken.set_result(None)


def _taken(result: Result) -> bool:
    """Whether the server copes: it took or refused somebody, and did not say "later" to all."""
    return any(attempt.outcome.verdict is not Verdict.DEFERRED for attempt in result.attempts)
