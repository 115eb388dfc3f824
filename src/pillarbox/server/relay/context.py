"""What the parts of a relay share: the world, the configuration, and how to find hosts and what they demand."""

from dataclasses import dataclass
from typing import Final

from pillarbox.config.schema import Config
from pillarbox.server.relay.host_finder import HostFinder, Routes
from pillarbox.server.relay.transport import TransportPolicies
from pillarbox.world.world import World

DATABASE_RETRY_S: Final = 1.0
"""Between attempts while the database is not available."""


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """How much may be under way at once, and how often the queue is read."""

    connections: int = 100
    """Of this worker, to all destinations together."""
    connections_each: int = 10
    """To one destination, of all workers together; but each worker may have one."""
    poll_s: float = 60.0
    """How often the queue is read though no signal has come."""


@dataclass(frozen=True, slots=True)
class RelayContext:
    """See the module."""

    world: World
    config: Config
    hosts: HostFinder
    policies: TransportPolicies


def relay_context(world: World, config: Config, routes: Routes) -> RelayContext:
    """The context of a configuration; `routes` are the hosts it names, resolved."""
    hosts = HostFinder(
        resolver=world.resolver,
        entropy=world.entropy,
        own_names=frozenset({config.hostname.lower()}),
        routes=routes,
        port=config.relay.port,
    )
    policies = TransportPolicies(world, config.relay.port)
    return RelayContext(world, config, hosts, policies)
