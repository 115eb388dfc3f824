"""What all SMTP sessions of one listener share: who we are, what we allow, and the world.

Made once for each listener; its `session` is the listener's session factory.
"""

from dataclasses import dataclass, field

from pillarbox.protocol.smtp.capabilities import Limits, Role
from pillarbox.server.authentication import Authenticator
from pillarbox.server.smtp.known_recipients import KnownRecipients
from pillarbox.server.smtp.sender_domain import SenderDomains
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy
from pillarbox.world.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds of silence before a session is ended with 421 (RFC 5321 §4.5.3.2)."""

    command_s: float = 300.0
    """Waiting for a command; RFC 5321 §4.5.3.2.7 asks for 5 minutes at least."""
    data_s: float = 300.0
    """Waiting for more of a message; a client may take 3 minutes for a block (§4.5.3.2.5)."""
    authentication_s: float = 120.0
    """Waiting for a response in an AUTH exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A listener's share of the house."""

    role: Role
    hostname: str
    """What we call ourselves in greetings and trace fields."""
    domain: str
    """The domain of `<Postmaster>` and of our address literals."""
    database: Database
    blobs: Blobs
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    authenticator: Authenticator
    known_recipients: KnownRecipients
    sender_domains: SenderDomains | None
    """Looks up the domains of senders; `None` where nobody asks (submission, LMTP)."""
    limits: Limits = field(default_factory=Limits)
    deadlines: Deadlines = field(default_factory=Deadlines)
    plain_allowed: bool = False
    """Passwords may be sent without TLS: for demonstrations on loopback only."""
    refuse_unresolvable_senders: bool = False
    """Refuse mail whose sender's domain does not exist, instead of marking it."""
    separate_domains: bool = False
    """Each domain is a provider of its own: what somebody of one submits for another goes by queue and relay."""
