"""All interfaces to the outside world that one process has, in one value."""

from dataclasses import dataclass, field

from pillarbox.world.aside import Aside
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.memory import MemoryBudget
from pillarbox.world.network import Network
from pillarbox.world.resolver import Resolver
from pillarbox.world.shared import Shared, for_one_alone
from pillarbox.world.signals import Signals
from pillarbox.world.telemetry import Telemetry
from pillarbox.world.tls.server import ServerTls


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The outside world as one process sees it. Made by `app.world`, or by a test."""

    clock: Clock
    entropy: Entropy
    network: Network
    resolver: Resolver
    tls: ServerTls
    database: Database
    blobs: Blobs
    signals: Signals
    telemetry: Telemetry
    fetcher: Fetcher = field(default_factory=MemoryFetcher)
    """By default, a web without pages."""
    push_fetcher: Fetcher = field(default_factory=MemoryFetcher)
    """For push services, whose URLs clients give: with connections of its own, any port, and the networks that the
    operator allows for them."""
    shared: Shared = field(default_factory=for_one_alone)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    aside: Aside = field(default_factory=Aside)
    damaged: set[str] = field(default_factory=set)
    """Damage of messages that was reported; see `server.damage`."""
