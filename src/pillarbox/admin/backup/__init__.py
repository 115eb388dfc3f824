"""Backups: a data directory as it was at several points in time, each block of it stored once.

    DIR/points/2026-08-06T101112Z.point   the files, and the blocks of each (points.py)
    DIR/packs/000001.pack                 blocks (packs.py)

What is always true: a point is written last, when all its blocks are durable, so a point that exists is complete; a
run that dies costs nothing but its time.
"""

from pillarbox.admin.backup.folder import BackupFolder, BackupRefused, open_backup
from pillarbox.admin.backup.make import BackupResult, make_backup
from pillarbox.admin.backup.packs import BackupDamaged
from pillarbox.admin.backup.points import NoSuchPoint, Point, Points
from pillarbox.admin.backup.restore import restore_backup
from pillarbox.admin.backup.verify import verify_backup

__all__ = [
    "BackupDamaged",
    "BackupFolder",
    "BackupRefused",
    "BackupResult",
    "NoSuchPoint",
    "Point",
    "Points",
    "make_backup",
    "open_backup",
    "restore_backup",
    "verify_backup",
]
