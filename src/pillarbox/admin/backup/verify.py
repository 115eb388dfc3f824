"""Verifying a backup."""

from pathlib import Path

from pillarbox.admin.backup.folder import Progress, open_backup, select_point
from pillarbox.admin.backup.points import Point


def verify_backup(directory: Path, name: str | None, progress: Progress) -> Point:
    """Compare every block of a point (by default the newest) with its digest. Raises `BackupDamaged`."""
    with open_backup(directory) as folder:
        point = select_point(folder.points, name)
        done = 0
        for file in point.files:
            for digest in file.digests:
                done += len(folder.packs.get(digest))
                progress(done, point.octets)
        return point
