"""Backups: a data directory as it was at several points in time, each block of it stored once.

    DIR/points/000012.2026-08-06T101112Z.point   the files, and the blocks of each (points.py); .copy: the same again
    DIR/packs/000001.pack                        blocks (packs.py)

What is always true: a point is written last, when all its blocks are durable, so a point that exists is complete; a
run that dies costs nothing but its time. Nothing that a point needs is ever removed.

make.py      adding a point; contents.py: what the database holds; keeping.py: which points stay
verify.py    reading everything
assembly.py  the files of a point, put together again
restore.py   a whole data directory
messages.py  single messages, beside what is there; missing.py: octets that were lost
"""

from pillarbox.admin.backup.assembly import Form, open_point, work_folder
from pillarbox.admin.backup.folder import BackupFolder, BackupRefused, is_backup, open_backup, select_point
from pillarbox.admin.backup.make import BackupResult, make_backup
from pillarbox.admin.backup.messages import BroughtBack, Selection, restore_messages
from pillarbox.admin.backup.missing import MissingRestored, restore_missing
from pillarbox.admin.backup.packs import BackupDamaged
from pillarbox.admin.backup.points import NoSuchPoint, Point, Points
from pillarbox.admin.backup.restore import RestoreResult, restore_backup
from pillarbox.admin.backup.verify import VerifiedPoint, VerifyReport, verify_backup
from pillarbox.admin.lost_mail import LostMessage

__all__ = [
    "BackupDamaged",
    "BackupFolder",
    "BackupRefused",
    "BackupResult",
    "BroughtBack",
    "Form",
    "LostMessage",
    "MissingRestored",
    "NoSuchPoint",
    "Point",
    "Points",
    "RestoreResult",
    "Selection",
    "VerifiedPoint",
    "VerifyReport",
    "is_backup",
    "make_backup",
    "open_backup",
    "open_point",
    "restore_backup",
    "restore_messages",
    "restore_missing",
    "select_point",
    "verify_backup",
    "work_folder",
]
