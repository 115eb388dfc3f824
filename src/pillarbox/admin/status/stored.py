"""What the database, the disk, the certificates and the backups show, whether or not a server runs."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.backup.known_places import LastBackup, last_backups
from pillarbox.admin.permissions import OWNER, may
from pillarbox.config.data_directory import DataDirectory
from pillarbox.directory import accounts, quota
from pillarbox.queue.overview import QueueOverview, overview
from pillarbox.store import account_counters
from pillarbox.store.search import index
from pillarbox.world.database import Transaction
from pillarbox.world.tls.certificate import read_facts
from pillarbox.world.tls.server import CertificateFiles, CertificateUnusable

TOP_DESTINATIONS: Final = 5
TOP_ACCOUNTS: Final = 5
EXAMINED_ACCOUNTS: Final = 1_000
"""The largest ones, of which those nearest to their quota are shown."""
MAX_BACKLOG: Final = 100_000
"""Emails not indexed that are counted."""


@dataclass(frozen=True, slots=True)
class HeavyAccount:
    """An account that uses much."""

    login: str
    used_octets: int
    quota_octets: int | None

    @property
    def share(self) -> float:
        """Of its quota; 0 without one."""
        return self.used_octets / self.quota_octets if self.quota_octets else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMail:
    """What the database knows."""

    messages: int
    octets: int
    accounts: tuple[HeavyAccount, ...]
    """Those nearest to their quota, then the largest."""
    not_indexed: int
    """Emails that searches read without the index, counted up to `MAX_BACKLOG`."""
    given_up: int
    """Emails that could not be read for the index."""
    queue: QueueOverview


@may(OWNER)
def stored_mail(tx: Transaction, *, now_ms: int) -> StoredMail:
    """Read what the database knows."""
    usage = account_counters.total_usage(tx)
    return StoredMail(
        messages=usage.messages,
        octets=usage.octets,
        accounts=tuple(_heaviest(tx)),
        not_indexed=index.backlog(tx, limit=MAX_BACKLOG),
        given_up=index.given_up(tx),
        queue=overview(tx, now_ms=now_ms, destinations=TOP_DESTINATIONS),
    )


def _heaviest(tx: Transaction) -> Iterator[HeavyAccount]:
    found = []
    for number, usage in account_counters.heaviest(tx, limit=EXAMINED_ACCOUNTS):
        account = accounts.get(tx, number)
        if account and usage.octets:
            found.append(HeavyAccount(account.login, usage.octets, quota.effective(tx, number)))
    found.sort(key=lambda one: (-one.share, -one.used_octets))
    yield from found[:TOP_ACCOUNTS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The data directory's disk, in octets."""

    free_octets: int
    total_octets: int
    database_octets: int
    """The database, with its log of changes that are not in place yet."""


@may(OWNER)
def disk(data: DataDirectory) -> Disk:
    """How much room there is, and what the database takes. Raises OSError."""
    usage = shutil.disk_usage(data.path)
    files = (data.database, data.database.with_name(f"{data.database.name}-wal"))
    return Disk(
        free_octets=usage.free,
        total_octets=usage.total,
        database_octets=sum(file.stat().st_size for file in files if file.exists()),
    )


@dataclass(frozen=True, slots=True)
class CertificateState:
    """A certificate that is shown to clients."""

    file: str
    names: tuple[str, ...]
    valid_until_ms: int | None
    trouble: str = ""


@may(OWNER)
def certificates(files: Sequence[CertificateFiles]) -> list[CertificateState]:
    """Their names and when they expire."""
    return [_certificate(pair.chain) for pair in files]


def _certificate(chain: Path) -> CertificateState:
    try:
        facts = read_facts(chain)
    except CertificateUnusable as failure:
        return CertificateState(str(chain), (), None, str(failure))
    return CertificateState(str(chain), facts.names, facts.valid_until_ms)


@may(OWNER)
def backups(data: DataDirectory) -> list[LastBackup]:
    """The newest point of each backup of this data directory. Raises OSError."""
    return last_backups(data.backups)
