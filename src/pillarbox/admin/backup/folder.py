"""A backup folder: opened, locked, and searched for a point."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pillarbox.admin.backup.packs import Packs
from pillarbox.admin.backup.points import NoSuchPoint, Point, Points
from pillarbox.world.durable import make_folder

Progress = Callable[[int, int], None]
"""Called with the octets done and the octets in all."""


class BackupRefused(Exception):
    """A backup can't be made or restored there. The text says what to do."""


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """An open backup folder."""

    points: Points
    packs: Packs


@contextmanager
def open_backup(directory: Path, *, create: bool = False) -> Iterator[BackupFolder]:
    """Open a backup folder, locked against other runs. Raises `BackupRefused`, `BackupDamaged` or OSError."""
    if create:
        make_folder(directory)
    elif not (directory / "points").is_dir():
        raise BackupRefused(f"There is no backup in {directory}.")
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    packs = None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        packs = Packs(directory / "packs")
        yield BackupFolder(Points(directory / "points"), packs)
    except BlockingIOError:
        raise BackupRefused(f"Another backup or restore is using {directory}. Wait for it.") from None
    finally:
        if packs is not None:
            packs.close()
        os.close(lock)


def select_point(points: Points, name: str | None) -> Point:
    """The point of this name, or the newest. Raises `NoSuchPoint` or `BackupDamaged`."""
    names = points.names()
    if name is None and not names:
        raise NoSuchPoint("There is no complete backup there.")
    return points.read(name or names[-1])
