"""What a provider must know before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.server.relay.host_finder import SMTP_PORT, Host
from pillarbox.world.resolver.system import NameServer
from pillarbox.world.tls.server import CertificateFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One provider on one machine. Everything else lives in its database."""

    hostname: str
    """The name in greetings and trace fields: a fully-qualified domain name that resolves to this machine."""
    data: Path
    """The folder of the database, the blobs and what workers share."""
    certificates: tuple[CertificateFiles, ...]
    """The first is shown to clients that ask for no name we know."""
    primary_domain: str
    """The domain of addresses written without one, such as `<Postmaster>`."""
    workers: int = 1
    """Processes that serve."""
    message_octets: int = 50 * 1024 * 1024
    """The largest message that is taken."""
    recipients: int = 1000
    """Recipients of one message."""
    connections: int | None = None
    """Open connections of one service, in all workers; `None`: no limit."""
    connections_per_address: int | None = None
    """Of these, from one address."""
    routes: Mapping[str, Host] = field(default_factory=dict)
    """Servers that take mail for a domain instead of those the DNS names; `*` is the smart host, for all."""
    name_servers: tuple[NameServer, ...] = ()
    """Recursive name servers; empty: the machine's."""
    name_servers_trusted: bool = False
    """Nobody can tamper with what they say on its way here (those on this machine are trusted anyway)."""
    relay_port: int = SMTP_PORT
    """Where the servers that the DNS names are reached."""
    separate_domains: bool = False
    """Each domain is a provider of its own: what somebody of one submits for another goes by queue and relay."""
    plain_passwords: bool = False
    """Passwords may be sent without TLS. For demonstrations on loopback."""
    local_names: Mapping[str, str] | None = field(default=None)
    """Names answered with an address inside, all others failing at once; `None` asks the machine's
    resolvers. A name with this address is also its own mail exchanger."""

    @property
    def database(self) -> Path:
        """The file of the one shard."""
        return self.data / "pillarbox.db"

    @property
    def signals(self) -> Path:
        """The folder through which processes tell each other which accounts changed."""
        return self.data / "signals"
