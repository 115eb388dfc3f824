"""What is wrong with an installation, in sentences: problems, for which a restart may help, and warnings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.backup.known_places import LastBackup
from pillarbox.admin.checks.certificates import DAY_MS, SOON_DAYS
from pillarbox.admin.checks.machine import MIN_FREE_OCTETS
from pillarbox.admin.status.servers import ServerState
from pillarbox.admin.status.stored import CertificateState, Disk, StoredMail

NEAR_QUOTA: Final = 0.95
"""The share of a quota from which on it is worth a warning."""
OLD_BACKUP_MS: Final = 8 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out; `None` where it could not be."""

    servers: Sequence[ServerState]
    mail: StoredMail | None = None
    disk: Disk | None = None
    certificates: Sequence[CertificateState] = ()
    backups: Sequence[LastBackup] = ()


def problems(found: Findings) -> Iterator[str]:
    """Why the server is not healthy, in sentences."""
    for server in found.servers:
        for worker in server.workers:
            if not worker.healthy:
                pid = f" (pid {worker.pid})" if worker.pid else ""
                yield f"Worker {worker.worker}{pid} is not healthy: {worker.trouble}"
    if len(found.servers) > 1:
        pids = ", ".join(str(server.pid) for server in found.servers)
        yield f"Several servers run on this data directory (pid {pids})"


def warnings(found: Findings, *, now_ms: int, shown: Callable[[int], str]) -> Iterator[str]:
    """What an operator should look at, in sentences; `shown` writes a size."""
    if found.disk and found.disk.free_octets < MIN_FREE_OCTETS:
        yield f"Only {shown(found.disk.free_octets)} are free: mail is refused when the disk is full"
    damaged = sum(server.damaged for server in found.servers)
    if damaged:
        yield f"Damaged messages were found: {damaged}. See: pillarbox fsck"
    if found.mail and found.mail.given_up:
        yield f"Messages that could not be read for the search index: {found.mail.given_up}. See: pillarbox fsck"
    if found.mail and found.mail.queue.held:
        yield f"Recipients on hold in the queue: {found.mail.queue.held}. See: pillarbox queue list --held"
    for account in found.mail.accounts if found.mail else ():
        if account.share >= NEAR_QUOTA:
            yield f"{account.login} uses {account.share:.0%} of its quota"
    yield from _of_certificates(found.certificates, now_ms)
    yield from _of_backups(found.backups, now_ms)


def _of_certificates(found: Sequence[CertificateState], now_ms: int) -> Iterator[str]:
    for certificate in found:
        if certificate.valid_until_ms is None:
            yield f"The certificate {certificate.trouble}"
        elif (left := certificate.valid_until_ms - now_ms) < 0:
            yield f"The certificate {certificate.file} has expired"
        elif left < SOON_DAYS * DAY_MS:
            yield f"The certificate {certificate.file} expires in {left // DAY_MS} days"


def _of_backups(found: Sequence[LastBackup], now_ms: int) -> Iterator[str]:
    made = [backup.made_at_ms for backup in found if backup.made_at_ms is not None]
    if not made:
        yield "There is no backup. Make one: pillarbox backup DIRECTORY"
    elif now_ms - max(made) > OLD_BACKUP_MS:
        yield f"The last backup is {(now_ms - max(made)) // DAY_MS} days old"
    for backup in found:
        if backup.trouble:
            yield f"Backup in {backup.directory}: {backup.trouble}"
