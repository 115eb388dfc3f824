"""What all POP3 sessions of a process share."""

from dataclasses import dataclass

from pillarbox.server.authentication import Authenticator
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy
from pillarbox.world.telemetry import Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The doors of the world a session needs, and what the operator allows."""

    database: Database
    blobs: Blobs
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    authenticator: Authenticator
    plain_allowed: bool = False
    """Passwords may be sent without TLS: for demonstrations on loopback only."""
