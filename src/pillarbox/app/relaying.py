"""The relay of a worker, made from the configuration."""

from pillarbox.app.resolved import Resolved
from pillarbox.server.relay.context import RelayLimits
from pillarbox.server.relay.relay import Relay
from pillarbox.world.world import World


def make_relay(world: World, resolved: Resolved, *, limits: RelayLimits | None = None) -> Relay:
    """The relay of a worker, not yet started."""
    return Relay(world, resolved.config, resolved.routes, limits=limits)
