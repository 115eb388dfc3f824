"""Writing results of jobs to the database, many in one transaction, as soon as the last transaction is durable.

Invariants: results are written in the order in which they came; a result is retried until it is written, however
long the disk is full; delivery agents wait while too much is unwritten, so that a crash can make few messages arrive
twice.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pillarbox.delivery.settle import JobResult, RecipientResult, ReportingMta, log_fields, settle
from pillarbox.mail.dsn import Action
from pillarbox.protocol.smtp.client.envelope import OutcomeKind
from pillarbox.server.relay.context import DATABASE_RETRY_S
from pillarbox.world.database import DatabaseUnavailable, ValuesDamaged
from pillarbox.world.shared.metrics import Family, Kind, Metrics
from pillarbox.world.world import World

BATCH_RESULTS: Final = 50
"""Results in one transaction."""
BATCH_UNREACHED: Final = 6
"""Of these, for destinations that could not be reached. In a long queue, what waits for each of them is somewhere else:
whoever else writes waits until some four pages for each are on the disk."""
MAX_RECIPIENTS_IN_LOOP: Final = 100
"""Recipients whose results are written in the loop, some ten microseconds each; more are in a thread."""
MAX_FAILED_IN_LOOP: Final = 10
"""The same for those that failed: each may be a DSN of its own, a millisecond and more."""
LOGGED_TOGETHER: Final = 100
"""Results logged until other tasks run."""
MAX_UNWRITTEN_RESULTS: Final = 200
"""Results waiting to be written beyond which delivery agents wait as well."""

_CODES: Final = tuple(f"{kind}.{subject}" for kind in "45" for subject in range(8))

DELIVERIES: Final = Family(
    name="deliveries",
    sentence="Results of attempts to deliver to another server, by recipient.",
    labels=(("action", tuple(action.value for action in Action)),),
)
DELIVERY_FAILURES: Final = Family(
    name="delivery_failures",
    sentence="Recipients delayed or failed, by class and subject of the enhanced status code (RFC 3463).",
    labels=(("action", (Action.DELAYED.value, Action.FAILED.value)), ("code", _CODES)),
)
DELIVERY_SECONDS: Final = Family(
    name="delivery_seconds",
    sentence="From the acceptance of a message to its delivery to another server, by recipient.",
    kind=Kind.HISTOGRAM,
    bounds=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400),
)


class Settling:
    """Takes results and writes them."""

    def __init__(self, world: World, mta: ReportingMta) -> None:
        self._world = world
        self._mta = mta
        self._counts = _Counts(world.shared.metrics)
        self._results: list[JobResult] = []
        self._writing: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def add(self, result: JobResult) -> None:
        """Have a result written; waits while there are too many."""
        self._results.append(result)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        if len(self._results) >= MAX_UNWRITTEN_RESULTS:
            self._room.clear()
            await self._room.wait()

    async def settled(self) -> None:
        """Wait until everything is written."""
        while self._writing:
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        try:
            while self._results:
                batch = self._results[: _together(self._results)]
                await self._write_batch(batch)
                del self._results[: len(batch)]
                if len(self._results) < MAX_UNWRITTEN_RESULTS:
                    self._room.set()
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[JobResult]) -> None:
        while True:
            try:
                recorded = await self._settle(batch)
            except ValuesDamaged as damaged:  # which trying again does not mend
                await self._write_singly(batch, damaged)
                return
            except DatabaseUnavailable as failure:
                self._world.telemetry.warning("results not yet written", results=len(batch), why=str(failure))
                await self._world.clock.sleep(DATABASE_RETRY_S)
                continue
            except Exception as error:
                await self._write_singly(batch, error)
                return
            await self.log(recorded)
            return

    async def _write_singly(self, batch: Sequence[JobResult], error: Exception) -> None:
        """One of the results is at fault: write the others without it."""
        if len(batch) == 1:
            # Its lease will run out, and the message be tried again.
            queue_id = batch[0].job.message.id
            if isinstance(error, ValuesDamaged):
                self._world.telemetry.warning("result not written", queue_id=queue_id, why=str(error))
            else:
                self._world.telemetry.failure("result not written", error, queue_id=queue_id)
            return
        for result in batch:
            await self._write_batch([result])

    async def _settle(self, batch: Sequence[JobResult]) -> list[RecipientResult]:
        now_ms, database = self._world.clock.now_ms(), self._world.database
        write = database.write_in_thread if _is_large(batch) else database.write
        return await write(settle, batch, self._mta, now_ms=now_ms)

    async def log(self, recorded: Sequence[RecipientResult]) -> None:
        """Log and count results."""
        telemetry, now_ms = self._world.telemetry, self._world.clock.now_ms()
        results = zip(recorded, log_fields(recorded), strict=True)
        for number, (result, fields) in enumerate(results, 1):
            telemetry.event("relay attempt", **fields)
            self._counts.add(result, now_ms)
            if number % LOGGED_TOGETHER == 0:
                await asyncio.sleep(0)


def _together(results: Sequence[JobResult]) -> int:
    """How many of these results, from the first on, are written in one transaction."""
    unreached = 0
    for number, result in enumerate(results[:BATCH_RESULTS]):
        unreached += not result.reached
        if unreached > BATCH_UNREACHED:
            return number
    return min(len(results), BATCH_RESULTS)


def _is_large(batch: Sequence[JobResult]) -> bool:
    """Whether settling these would hold up the loop."""
    kinds = [attempt.outcome.kind for result in batch for attempt in result.attempts]
    return len(kinds) > MAX_RECIPIENTS_IN_LOOP or kinds.count(OutcomeKind.FAILED) > MAX_FAILED_IN_LOOP


class _Counts:
    """The metrics of results, looked up once."""

    def __init__(self, metrics: Metrics) -> None:
        self._actions = {action: metrics.count(DELIVERIES, action.value) for action in Action}
        self._failures = {
            values: metrics.count(DELIVERY_FAILURES, *values) for values in DELIVERY_FAILURES.series
        }
        self._seconds = metrics.histogram(DELIVERY_SECONDS)

    def add(self, result: RecipientResult, now_ms: int) -> None:
        action = result.action
        self._actions[action].value += 1
        if action in (Action.DELAYED, Action.FAILED):
            code = result.attempt.outcome.status.rpartition(".")[0]
            if count := self._failures.get((action.value, code)):
                count.value += 1
        else:
            self._seconds.observe((now_ms - result.message.queued_at_ms) / 1000)
