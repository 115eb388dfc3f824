"""Verifying a backup: everything is read, and every point is put together as a restore would.

All damage is reported, not the first alone. Nothing is changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.admin.backup.assembly import Form, OpenPoint, holds, open_point
from pillarbox.admin.backup.contents import DAMAGED, MISSING, blob_files, damaged_octets, lost_mail
from pillarbox.admin.backup.folder import BackupFolder, Progress, open_backup
from pillarbox.admin.backup.packs import BackupDamaged
from pillarbox.admin.backup.points import NoSuchPoint, Point
from pillarbox.admin.lost_mail import LostMessage
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.database import SchemaTooNew, Transaction


@dataclass(frozen=True, slots=True)
class VerifiedPoint:
    """What a restore of one point would bring back."""

    name: str
    octets: int
    can_be_restored: bool
    lost: tuple[LostMessage, ...] = ()
    """Messages that a restore would lack."""
    damage: tuple[str, ...] = ()
    """What is wrong with it, in sentences."""

    @property
    def sound(self) -> bool:
        """Whether a restore would lack nothing."""
        return self.can_be_restored and not self.lost and not self.damage


@dataclass(slots=True)
class VerifyReport:
    """What was read, and all damage that was found."""

    points: list[VerifiedPoint] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    """Of the backup's own files, in sentences."""

    @property
    def sound(self) -> bool:
        """Whether no damage was found."""
        return not self.damage and all(point.sound for point in self.points)


@may(OPERATOR)
def verify_backup(directory: Path, work: Path, form: Form, progress: Progress) -> VerifyReport:
    """Read everything. `work`: a folder to be made, with room for one database.

    Raises `BackupRefused`, `NoSuchPoint`, OSError.
    """
    report = VerifyReport()
    with open_backup(directory) as folder:
        names = folder.points.names()
        if not names:
            raise NoSuchPoint(
                f"There is no complete backup in {directory}: the first run was interrupted. Run it again."
            )
        broken = list(folder.packs.verify(progress))
        needed: set[bytes] = set()
        for name in names:
            try:
                point = folder.points.read(name)
            except BackupDamaged as damaged:
                report.points.append(VerifiedPoint(name, 0, False, (), (str(damaged),)))
                continue
            report.damage += [f"{path} is damaged or missing" for path in folder.points.damaged_files(name)]
            needed |= point.needed()
            report.points.append(_verified(folder, point, work, form))
        # Where all is sound, what a pack has lost was written again elsewhere
        if not all(map(folder.packs.is_sound, needed)):
            report.damage += [f"{path} {why}" for path, why in folder.packs.damaged.items()]
        report.damage += [
            what for digest, what in broken if digest in needed and not folder.packs.is_sound(digest)
        ]
    return report


def _verified(folder: BackupFolder, point: Point, work: Path, form: Form) -> VerifiedPoint:
    try:
        with open_point(folder, point, work, form) as opened:
            lost = opened.database.read_now(_lost, folder, point)
            return VerifiedPoint(point.name, point.octets, True, lost, tuple(_damage(opened)))
    except (BackupDamaged, SchemaTooNew) as failure:
        return VerifiedPoint(point.name, point.octets, False, (), (f"can't be restored: {failure}",))


def _damage(opened: OpenPoint) -> Iterator[str]:
    yield from (f"damaged: {file.line}" for file in opened.incomplete)
    if opened.rebuilt:
        yield "the database is damaged; a restore would rebuild it"


def _lost(tx: Transaction, folder: BackupFolder, point: Point) -> tuple[LostMessage, ...]:
    files = {file.path.removeprefix("blobs/"): file for file in point.files}
    damaged = damaged_octets(tx)
    for blob in blob_files(tx):
        file = files.get(blob.location)
        if file is None:
            damaged[blob.digest] = MISSING
        elif not holds(folder, file, blob.digest):
            damaged[blob.digest] = DAMAGED
    return lost_mail(tx, damaged)
