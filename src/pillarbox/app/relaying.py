"""The relay as the settings want it."""

from pillarbox.app.settings import Settings
from pillarbox.server.relay.delivery_agent import Means
from pillarbox.server.relay.host_finder import HostFinder
from pillarbox.server.relay.relay import Relay
from pillarbox.world.world import World


def make_relay(settings: Settings, world: World) -> Relay:
    """The relay of a worker, not yet started."""
    means = make_means(settings, world)
    return Relay(means, world.signals, world.telemetry, open_counts=world.shared.open_counts)


def make_means(settings: Settings, world: World) -> Means:
    """What it carries mail with. A relay may be given others: the connections to come are made with them."""
    itinerary = HostFinder(
        resolver=world.resolver,
        entropy=world.entropy,
        own_names=frozenset({settings.hostname.lower()}),
        routes=settings.routes,
        port=settings.relay_port,
    )
    return Means(
        hostname=settings.hostname,
        network=world.network,
        clock=world.clock,
        entropy=world.entropy,
        database=world.database,
        blobs=world.blobs,
        itinerary=itinerary,
    )
