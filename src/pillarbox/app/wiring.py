"""Opening a provider: its database with every room's tables, and its doors to the world."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.admin.importing.checkpoint import SCHEMA as IMPORTING
from pillarbox.app.settings import Settings
from pillarbox.directory.schema import SCHEMA as DIRECTORY
from pillarbox.queue.schema import SCHEMA as QUEUE
from pillarbox.store.maildrop import SCHEMA as MAILDROP
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.clock import SystemClock
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.durable import make_folder
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver import Resolver
from pillarbox.world.shared import Shared
from pillarbox.world.signals import UnixSignals
from pillarbox.world.telemetry import Telemetry
from pillarbox.world.tls.server import ServerTls
from pillarbox.world.world import World

SCHEMAS = (BLOBS, DIRECTORY, STORE, MAILDROP, QUEUE, IMPORTING)
"""The tables of a shard, room by room."""


@contextmanager
def opened_database(settings: Settings, *, alone: bool = False) -> Iterator[SqliteDatabase]:
    """The database by itself, for what is done before or without serving; see `open_database`."""
    make_folder(settings.data)
    database = open_database(settings.database, SCHEMAS, alone=alone)
    try:
        yield database
    finally:
        database.close_now()


def open_world(settings: Settings, telemetry: Telemetry, shared: Shared) -> World:
    """Open every door; the running loop's process owns them until `close_world`."""
    clock = SystemClock()
    signals = UnixSignals(settings.signals, asyncio.get_running_loop())
    database = open_database(settings.database, SCHEMAS)
    database.on_commit = signals.announce
    database.on_failure = telemetry.failure
    return World(
        clock=clock,
        entropy=SystemEntropy(),
        network=SystemNetwork(),
        resolver=open_resolver(settings, clock),
        tls=ServerTls(settings.certificates),
        database=database,
        blobs=FileBlobs(settings.data / "blobs"),
        signals=signals,
        telemetry=telemetry,
        shared=shared,
    )


async def close_world(world: World) -> None:
    """Finish what is under way and let go."""
    await world.resolver.close()
    await world.database.close()
    if isinstance(world.signals, UnixSignals):
        world.signals.close()


def open_resolver(settings: Settings, clock: SystemClock) -> Resolver:
    """Who answers questions of names for these settings."""
    if settings.local_names is None:
        from pillarbox.world.resolver.cache import CachingResolver
        from pillarbox.world.resolver.system import SystemResolver

        trust = True if settings.name_servers_trusted else None
        return CachingResolver(SystemResolver(settings.name_servers, trust_ad=trust), clock)
    from pillarbox.world.resolver.records import Kind, Mx, Record
    from pillarbox.world.resolver.zone import ZoneResolver

    records: dict[tuple[str, Kind], tuple[Record, ...]] = {}
    for name, address in settings.local_names.items():
        records[name, Kind.MX] = (Mx(10, name),)
        records[name, Kind.AAAA if ":" in address else Kind.A] = (address,)
    return ZoneResolver(settings.local_names, records)
