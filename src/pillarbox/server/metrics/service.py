"""The metrics service: what all workers have counted, and what the database and the disk show.

Whoever is asked adds up the numbers that all workers have published, at most half a second ago. What must be counted
in the database is counted in a thread, and not again for a while, however many ask.
"""

import asyncio
import shutil
from collections.abc import Iterator
from typing import Final

import pillarbox
from pillarbox.config.schema import Config
from pillarbox.protocol.metrics.machine import response
from pillarbox.queue.overview import QueueOverview, overview
from pillarbox.server.connection import Connection
from pillarbox.server.metrics.exposition import exposition
from pillarbox.server.metrics.session import MetricsSession
from pillarbox.store.search import index
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.database.database import Lane
from pillarbox.world.shared.metrics import Family, Kind, Sample
from pillarbox.world.world import World

FRESH_S: Final = 15.0
"""How long what was counted in the database is good enough."""
MAX_BACKLOG: Final = 100_000
"""Emails not indexed that are counted."""

INFO: Final = Family(
    name="info", sentence="The version.", kind=Kind.GAUGE, labels=(("version", (pillarbox.__version__,)),)
)
STARTED: Final = Family(
    name="start_time_seconds", sentence="When the server was started, in seconds since 1970.", kind=Kind.GAUGE
)
WORKERS: Final = Family(name="workers", sentence="Workers that are alive.", kind=Kind.GAUGE)
RESTARTS: Final = Family(name="worker_restarts", sentence="Workers that were replaced.")
SILENT: Final = Family(
    name="worker_silent_seconds",
    sentence="The longest time since a worker's last heartbeat.",
    kind=Kind.GAUGE,
)
DISK_FREE: Final = Family(
    name="disk_free_bytes", sentence="Free space on the disk of the data directory.", kind=Kind.GAUGE
)
QUEUE: Final = Family(
    name="queue_recipients",
    sentence="Recipients in the queue.",
    kind=Kind.GAUGE,
    labels=(("state", ("due", "later", "held")),),
)
QUEUE_OLDEST: Final = Family(
    name="queue_oldest_seconds", sentence="The age of the oldest message in the queue.", kind=Kind.GAUGE
)
BACKLOG: Final = Family(
    name="search_backlog_messages",
    sentence=f"Messages that are not in the search index yet, counted up to {MAX_BACKLOG}.",
    kind=Kind.GAUGE,
)
DATABASE_UP: Final = Family(
    name="database_up", sentence="Whether the database could be read: 1 or 0.", kind=Kind.GAUGE
)


class MetricsService:
    """Answers for all workers."""

    def __init__(self, world: World, config: Config) -> None:
        self._world = world
        self._config = config
        self._counted: tuple[QueueOverview, int] | None = None
        """The queue and the backlog; `None` where they could not be read."""
        self._counted_at_s: float | None = None
        self._counting = asyncio.Lock()

    def session(self, connection: Connection) -> MetricsSession:
        """A session for a new connection."""
        return MetricsSession(self.answer, connection)

    async def answer(self, accept: str, *, head_only: bool) -> bytes:
        """The response with all metrics."""
        self._world.shared.metrics.publish()
        counted = await self._database()
        samples = [*self._published(), *self._of_server(), *self._of_data(counted)]
        content, kind = await asyncio.to_thread(exposition, samples, accept)
        return response(200, content, kind=kind, head_only=head_only)

    def _published(self) -> Iterator[Sample]:
        table = self._world.shared.metrics.table
        return table.totals() if table is not None else iter(())

    def _of_server(self) -> Iterator[Sample]:
        workers = self._world.shared.workers
        rows = workers.rows()
        yield Sample(INFO, (pillarbox.__version__,), (1,))
        yield Sample(STARTED, (), (workers.server_started_at_ms / 1000,))
        yield Sample(WORKERS, (), (sum(1 for row in rows if row.pid),))
        yield Sample(RESTARTS, (), (sum(row.restarts for row in rows),))
        yield Sample(SILENT, (), (max((row.silent_s or 0.0 for row in rows), default=0.0),))

    def _of_data(self, counted: tuple[QueueOverview, int] | None) -> Iterator[Sample]:
        try:
            yield Sample(DISK_FREE, (), (shutil.disk_usage(self._config.data).free,))
        except OSError:
            pass  # its disk is gone: the series ends
        yield Sample(DATABASE_UP, (), (0 if counted is None else 1,))
        if counted is None:
            return
        queue, backlog = counted
        for state, number in (("due", queue.due), ("later", queue.later), ("held", queue.held)):
            yield Sample(QUEUE, (state,), (number,))
        oldest_ms = self._world.clock.now_ms() - queue.oldest_ms if queue.oldest_ms else 0
        yield Sample(QUEUE_OLDEST, (), (max(0.0, oldest_ms / 1000),))
        yield Sample(BACKLOG, (), (backlog,))

    async def _database(self) -> tuple[QueueOverview, int] | None:
        async with self._counting:
            now_s = self._world.clock.monotonic()
            if self._counted_at_s is None or now_s - self._counted_at_s >= FRESH_S:
                self._counted = await self._read()
                self._counted_at_s = now_s
            return self._counted

    async def _read(self) -> tuple[QueueOverview, int] | None:
        database, now_ms = self._world.database, self._world.clock.now_ms()
        try:
            return await database.read_in_lane(Lane.MAINTENANCE, _counted, now_ms)
        except DatabaseUnavailable:
            return None


def _counted(tx: Transaction, now_ms: int) -> tuple[QueueOverview, int]:
    return overview(tx, now_ms=now_ms, destinations=0), index.backlog(tx, limit=MAX_BACKLOG)
