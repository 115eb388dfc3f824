"""The relay of a worker, made from the configuration."""

from pillarbox.app.resolved import Resolved
from pillarbox.server.relay.delivery_agent import Means
from pillarbox.server.relay.host_finder import HostFinder
from pillarbox.server.relay.relay import Relay
from pillarbox.world.world import World


def make_relay(world: World, resolved: Resolved) -> Relay:
    """The relay of a worker, not yet started."""
    means = make_means(world, resolved)
    return Relay(means, world.signals, world.telemetry, open_counts=world.shared.open_counts)


def make_means(world: World, resolved: Resolved) -> Means:
    """What connections to other servers are made with. A running relay may be given another, for later ones."""
    config = resolved.config
    host_finder = HostFinder(
        resolver=world.resolver,
        entropy=world.entropy,
        own_names=frozenset({config.hostname}),
        routes=resolved.routes,
        port=config.relay.port,
    )
    return Means(
        hostname=config.hostname,
        network=world.network,
        clock=world.clock,
        entropy=world.entropy,
        database=world.database,
        blobs=world.blobs,
        itinerary=host_finder,
    )
