"""What lies where in the data directory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The folder that holds all mail, accounts and the queue."""

    path: Path

    @property
    def database(self) -> Path:
        """The SQLite file; its write-ahead log and locks are next to it."""
        return self.path / "pillarbox.db"

    @property
    def blobs(self) -> Path:
        """The folder of large messages."""
        return self.path / "blobs"

    @property
    def signals(self) -> Path:
        """The folder of the sockets by which processes notify each other of changes."""
        return self.path / "signals"

    @property
    def control(self) -> Path:
        """The folder of the sockets by which commands ask a running server."""
        return self.path / "control"

    @property
    def tls(self) -> Path:
        """The folder of the certificate that Pillarbox makes itself, and of its authority."""
        return self.path / "tls"

    @property
    def lost_and_found(self) -> Path:
        """The folder into which `fsck` and `rebuild` put octets that no row refers to."""
        return self.path / "lost+found"

    @property
    def backups(self) -> Path:
        """The file that lists the folders in which there are backups of this data directory."""
        return self.path / "backups"

    @property
    def relay_lock(self) -> Path:
        """The file whose lock all workers share while they may hold leases on queued mail."""
        return self.path / "relay.lock"

    @property
    def maintenance_lock(self) -> Path:
        """The file whose lock decides which worker does the maintenance."""
        return self.path / "chores.lock"
