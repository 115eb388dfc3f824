"""What a provider must know before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    """The domain of addresses written without one, such as ``<Postmaster>``."""
    workers: int = 1
    """Processes that serve."""
    plain_passwords: bool = False
    """Passwords may be sent without TLS. For demonstrations on loopback."""
    local_names: Mapping[str, str] | None = field(default=None)
    """Names answered with an address inside, all others failing at once; ``None`` asks the machine's
    resolvers. A name with this address is also its own mail exchanger."""

    @property
    def database(self) -> Path:
        """The file of the one shard."""
        return self.data / "pillarbox.db"
