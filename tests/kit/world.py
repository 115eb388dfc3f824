"""A world for tests that need little of it: no network, no names, all in memory."""

import functools

from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy, SeededEntropy
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.signals import LocalSignals
from pillarbox.world.telemetry import MemoryTelemetry, Telemetry
from pillarbox.world.tls.server import CertificateFiles, ServerTls
from pillarbox.world.world import World
from tests.kit.certificate import certificate_file


def world_of(
    database: Database, clock: Clock, *, entropy: Entropy | None = None, telemetry: Telemetry | None = None
) -> World:
    """A world around a database."""
    return World(
        clock=clock,
        entropy=entropy or SeededEntropy(7),
        network=MemoryNetwork(clock),
        resolver=ZoneResolver([], {}),
        tls=certificates(),
        database=database,
        blobs=DatabaseBlobs(),
        signals=LocalSignals(),
        telemetry=telemetry or MemoryTelemetry(),
    )


@functools.cache
def certificates() -> ServerTls:
    """The certificate of all tests, as a server offers it."""
    path = certificate_file()
    return ServerTls((CertificateFiles(path, path),))
