"""The relay of a worker, made from the configuration."""

from pillarbox.app.resolved import Resolved
from pillarbox.server.relay.relay import Relay
from pillarbox.world.world import World


def make_relay(world: World, resolved: Resolved) -> Relay:
    """The relay of a worker, not yet started."""
    return Relay(world, resolved.config, resolved.routes)
