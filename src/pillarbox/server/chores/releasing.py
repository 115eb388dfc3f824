"""The chore that lets go what was held until its time, a message at a time (`delivery.releasing`)."""

from typing import Final

from pillarbox.config.schema import Config
from pillarbox.delivery import releasing
from pillarbox.delivery.releasing import Prepared
from pillarbox.delivery.settle import ReportingMta, log_fields
from pillarbox.delivery.signing import Signer
from pillarbox.queue import scheduled
from pillarbox.queue.spool import QueueId
from pillarbox.server.chores.indexing import Rest
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.world.database import DatabaseUnavailable, ValuesDamaged
from pillarbox.world.memory import MemoryScarce
from pillarbox.world.world import World

AT_ONCE: Final = 100
"""Messages of one run of the chore."""


class Releases:
    """Made once per process; `run` is the chore."""

    def __init__(self, world: World, config: Config) -> None:
        self.config = config
        """May be replaced when the configuration is read again."""
        self._signer = Signer(world.database, world.signals, world.clock, world.aside, provider=config.domain)

    async def run(self, world: World, _rest: Rest) -> bool:
        """Let go what is due; return whether there is more. People wait for it, so it does not rest."""
        due_ms = await world.database.read(scheduled.next_release_ms)
        if due_ms is None or due_ms > world.clock.now_ms():
            return False
        due = await world.database.read(scheduled.due, now_ms=world.clock.now_ms(), limit=AT_ONCE)
        released = [await self._release_alone(world, message) for message in due]
        return len(due) == AT_ONCE and any(released)

    async def _release_alone(self, world: World, message: QueueId) -> bool:
        """One that cannot be sent keeps no other waiting."""
        try:
            return await self._release(world, message)
        except ValuesDamaged as damaged:  # of which fsck tells
            world.telemetry.warning("held message not sent yet", queue_id=message, why=str(damaged))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            world.telemetry.failure("held message not sent yet", error, queue_id=message)
        return False

    async def _release(self, world: World, message: QueueId) -> bool:
        separate = self.config.separate_domains
        found = await world.database.read_in_thread(releasing.kinds, message, separate_domains=separate)
        if found is None:
            return False
        queued, is_local, is_remote = found
        try:
            ready = await releasing.prepared(
                queued, world, self._signer, is_local=is_local, is_remote=is_remote
            )
        except MemoryScarce as scarce:
            world.telemetry.warning("held message not sent yet", queue_id=message, why=str(scarce))
            return False
        return await self._write(world, message, ready)

    async def _write(self, world: World, message: QueueId, ready: Prepared) -> bool:
        blobs = [ready.queued, ready.placed.blob if ready.placed else None]
        mta = ReportingMta(self.config.hostname, world.blobs, world.entropy)
        try:
            results = await world.database.write_in_thread(
                releasing.release,
                message,
                ready,
                mta,
                separate_domains=self.config.separate_domains,
                now_ms=world.clock.now_ms(),
            )
        except (NoSuchAccount, NoSuchMailbox) as gone:  # removed just now: looked up again in the next run
            releasing.discard(blobs, world.blobs)
            world.telemetry.warning("held message not sent yet", queue_id=message, why=str(gone))
            return False
        if results is None:  # undone meanwhile
            releasing.discard(blobs, world.blobs)
            return False
        world.telemetry.event("held message sent", queue_id=message)
        for fields in log_fields(results):
            world.telemetry.event("relay attempt", **fields)
        return True
