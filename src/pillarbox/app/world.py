"""Opening the `World` of a worker: the database, the network, the resolver, and so on."""

import asyncio
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

from pillarbox.app.database import SCHEMAS, tell_of_log_damage
from pillarbox.app.resolved import Resolved
from pillarbox.config.sections.log import Log
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.database.sqlite import PageCaches, open_database
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.memory import MemoryBudget
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver import Resolver
from pillarbox.world.shared import RecentEvents, Shared
from pillarbox.world.signals import UnixSignals
from pillarbox.world.telemetry import SystemTelemetry, Telemetry
from pillarbox.world.tls.server import ServerTls
from pillarbox.world.world import World


def open_world(resolved: Resolved, telemetry: Telemetry, shared: Shared) -> World:
    """Open everything, in the running loop, until `close_world`."""
    clock = SystemClock()
    data = resolved.config.data_directory
    signals = UnixSignals(data.signals, asyncio.get_running_loop())
    budget_octets = resolved.config.limits.memory_octets
    database = open_database(data.database, SCHEMAS, caches=PageCaches.beside(budget_octets))
    database.on_commit = signals.announce
    database.commit_counts.publish_in(shared.metrics)
    database.on_failure = partial(_report, telemetry)
    tell_of_log_damage(database, telemetry)
    network = SystemNetwork()
    resolver = open_resolver(resolved, clock, database)
    return World(
        clock=clock,
        entropy=SystemEntropy(),
        network=network,
        resolver=resolver,
        fetcher=open_fetcher(resolved, network, resolver, clock),
        push_fetcher=open_push_fetcher(resolved, network, resolver, clock),
        tls=ServerTls(resolved.certificates),
        database=database,
        blobs=FileBlobs(data.blobs, make=False),
        signals=signals,
        telemetry=telemetry,
        shared=shared,
        memory=MemoryBudget(budget_octets, clock.monotonic),
    )


def open_telemetry(log: Log, recent: RecentEvents | None = None) -> SystemTelemetry:
    """The log of the configuration; standard error, and a warning there, where its file can't be opened."""
    try:
        return SystemTelemetry(log, recent=recent)
    except OSError as failure:
        telemetry = SystemTelemetry(replace(log, file=None), recent=recent)
        telemetry.warning("log file not opened", file=str(log.file), why=str(failure.strerror))
        return telemetry


def _report(telemetry: Telemetry, what: str, failure: BaseException) -> None:
    """The world's failures are told by their text, ours with a traceback."""
    if isinstance(failure, DatabaseUnavailable):
        telemetry.warning(what, why=str(failure))
    else:
        telemetry.failure(what, failure)


async def close_world(world: World) -> None:
    """Finish what is under way and close everything."""
    await world.resolver.close()
    await world.database.close()
    if isinstance(world.signals, UnixSignals):
        world.signals.close()


def open_resolver(resolved: Resolved, clock: SystemClock, database: Database | None = None) -> Resolver:
    """The DNS, or the names that a demo has instead (`Config.local_names`)."""
    config = resolved.config
    if config.local_names is None:
        from pillarbox.world.resolver.cache import CachingResolver
        from pillarbox.world.resolver.hosts import HostsFile
        from pillarbox.world.resolver.system import SystemResolver

        trust = True if config.resolver.trusted else None
        return HostsFile(CachingResolver(SystemResolver(resolved.name_servers, trust_ad=trust), clock))
    from pillarbox.app.demo_names import DemoNames

    return DemoNames(config.local_names, database)


def open_fetcher(
    resolved: Resolved, network: SystemNetwork, resolver: Resolver, clock: SystemClock
) -> Fetcher:
    """The web, of which a demo has nothing."""
    if resolved.config.local_names is not None:
        from pillarbox.world.fetcher.memory import MemoryFetcher

        return MemoryFetcher()
    from pillarbox.world.fetcher.https import HttpsFetcher

    return HttpsFetcher(network, resolver, clock)


def open_push_fetcher(
    resolved: Resolved, network: SystemNetwork, resolver: Resolver, clock: SystemClock
) -> Fetcher:
    """Push services, of which a demo has none: those that do not answer take no connections from others."""
    if resolved.config.local_names is not None:
        from pillarbox.world.fetcher.memory import MemoryFetcher

        return MemoryFetcher()
    from pillarbox.world.fetcher.addresses import public_or_in
    from pillarbox.world.fetcher.https import HttpsFetcher

    allowed = [ip_network(text) for text in resolved.config.push.allowed_networks]
    return HttpsFetcher(network, resolver, clock, ports=None, admits=public_or_in(allowed))
