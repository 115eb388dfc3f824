"""The relay of a worker, as the settings want it."""

from pillarbox.app.settings import Settings
from pillarbox.config import schema
from pillarbox.server.relay.relay import Relay
from pillarbox.world.world import World


def make_relay(settings: Settings, world: World) -> Relay:
    """The relay of a worker, not yet started."""
    return Relay(world, relay_config(settings), settings.routes)


def relay_config(settings: Settings) -> schema.Config:
    """What a relay reads of the configuration."""
    return schema.Config(
        hostname=settings.hostname,
        domain=settings.primary_domain,
        relay=schema.Relay(port=settings.relay_port),
    )
