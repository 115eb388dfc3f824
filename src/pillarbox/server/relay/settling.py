"""Writing down how jobs ended, many in one transaction, as soon as the last transaction is durable.

What is always true: what a server acknowledged is written down before anything else may be; a result is tried
until it is written, however long the disk is full; nobody carries on while too much is unwritten, so that a
crash can make few messages arrive twice.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from pillarbox.delivery.settle import RecipientResult, Reporter, Result, descriptions, settle
from pillarbox.mail.dsn import Action
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.telemetry import Telemetry

BATCH_RESULTS = 50
"""Results in one transaction."""
UNWRITTEN_RESULTS = 200
"""Results waiting to be written beyond which couriers wait as well."""
RETRY_S = 1.0
"""Between attempts to write while the database is not available."""

_COUNTERS = {action: f"relay_{action.value}" for action in Action}


class Settling:
    """Takes results and writes them."""

    def __init__(self, database: Database, reporter: Reporter, clock: Clock, telemetry: Telemetry) -> None:
        self._database = database
        self._reporter = reporter
        self._clock = clock
        self._telemetry = telemetry
        self._results: list[Result] = []
        self._writing: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def add(self, result: Result) -> None:
        """Have a result written; waits while there are too many."""
        self._results.append(result)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        if len(self._results) >= UNWRITTEN_RESULTS:
            self._room.clear()
            await self._room.wait()

    async def settled(self) -> None:
        """Wait until everything is written."""
        while self._writing:
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        try:
            while self._results:
                batch = self._results[:BATCH_RESULTS]
                await self._write_batch(batch)
                del self._results[: len(batch)]
                if len(self._results) < UNWRITTEN_RESULTS:
                    self._room.set()
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[Result]) -> None:
        while True:
            try:
                fates = await self._settle(batch)
            except DatabaseUnavailable as failure:
                self._telemetry.warning("results not yet written", results=len(batch), why=str(failure))
                await self._clock.sleep(RETRY_S)
                continue
            except Exception as error:
                await self._write_singly(batch, error)
                return
            self.tell(fates)
            return

    async def _write_singly(self, batch: Sequence[Result], error: Exception) -> None:
        """One of them is at fault: the others shall not share its fate."""
        if len(batch) == 1:
            # Its lease will run out, and the message be tried again.
            self._telemetry.failure("result not written", error, queue_id=batch[0].job.message.id)
            return
        for one in batch:
            await self._write_batch([one])

    async def _settle(self, batch: Sequence[Result]) -> list[RecipientResult]:
        return await self._database.write(settle, batch, self._reporter, now_ms=self._clock.now_ms())

    def tell(self, fates: Sequence[RecipientResult]) -> None:
        """Log and count."""
        for said in descriptions(fates):
            self._telemetry.event("mail relayed", **said)
        for action, fated in Counter(fate.action for fate in fates).items():
            self._telemetry.count(_COUNTERS[action], fated)
