"""A backup folder: recognized, opened, locked, and searched for a point."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pillarbox.admin.backup.packs import BackupDamaged, Packs
from pillarbox.admin.backup.points import NoSuchPoint, Point, Points
from pillarbox.world.durable import make_folder

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with the octets done and the octets in all."""
Reading = Callable[[], AbstractContextManager[None]]
"""The context in which a backup is read, for files that need other rights."""

_POINTS, _PACKS, _LOCK = "points", "packs", ".lock"
_NO_CONTENT = {_LOCK, "lost+found"}
"""What an empty folder may hold: the latter is at the top of each new file system."""
_SHOWN_NAMES = 3


class BackupRefused(Exception):
    """A backup can't be made or restored there. The text says what to do."""


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """An open backup folder."""

    directory: Path
    points: Points
    packs: Packs


def is_backup(directory: Path) -> bool:
    """Whether a backup was begun there. Raises OSError."""
    return (directory / _POINTS).is_dir() or (directory / _PACKS).is_dir()


def points_of(directory: Path) -> Points:
    """The points there, for who reads only their names: a writer may be at work meanwhile."""
    return Points(directory / _POINTS)


@contextmanager
def open_backup(directory: Path, *, writing: bool = False) -> Iterator[BackupFolder]:
    """Open a backup folder: for one writer, who may begin one, or for many readers, on a read-only disk too.

    Raises `BackupRefused` or OSError.
    """
    if writing:
        _require_room_for_one(directory)
        make_folder(directory)
    elif not is_backup(directory):
        raise BackupRefused(
            f"There is no backup in {directory}: a backup holds the folders 'points' and 'packs'."
            " Is its disk mounted?"
        )
    # What is closed may fail, on a full disk: the lock is given back all the same
    with ExitStack() as closing:
        lock = _opened_lock(directory / _LOCK, writing=writing)
        if lock is not None:
            closing.callback(os.close, lock)
            _lock(lock, directory, writing=writing)
        packs = Packs(directory / _PACKS, writing=writing)
        closing.callback(packs.close)
        if writing:
            make_folder(directory / _POINTS)
        yield BackupFolder(directory, points_of(directory), packs)


def _lock(lock: int, directory: Path, *, writing: bool) -> None:
    try:
        fcntl.flock(lock, (fcntl.LOCK_EX if writing else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BackupRefused(f"Another backup or restore is using {directory}. Wait for it.") from None


def _require_room_for_one(directory: Path) -> None:
    if is_backup(directory) or not directory.exists():
        return
    others = sorted({path.name for path in directory.iterdir()} - _NO_CONTENT)
    if others:
        shown = ", ".join(others[:_SHOWN_NAMES]) + (", ..." if len(others) > _SHOWN_NAMES else "")
        raise BackupRefused(
            f"The folder {directory} is no backup: it holds other files ({shown}). Name a backup, or a new or empty"
            " folder."
        )


def _opened_lock(path: Path, *, writing: bool) -> int | None:
    """The descriptor of the lock file; `None` for a reader where there is none."""
    if writing:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def select_point(points: Points, name: str | None) -> Point:
    """The point of this name, or the newest. Raises `NoSuchPoint` or `BackupDamaged`.

    If the newest can't be read, an older one is not taken for it silently: mail would be missing unnoticed.
    """
    names = points.names()
    if name is None and not names:
        raise NoSuchPoint("There is no complete backup there: the first run was interrupted. Run it again.")
    wanted = name or names[-1]
    try:
        return points.read(wanted)
    except BackupDamaged as damaged:
        newest = points.newest()
        advice = (
            f"The newest point that can be read is {newest.name}: add --point {newest.name}"
            if newest
            else "No point can be read. Keep the folder: its packs may still be of use"
        )
        raise BackupDamaged(f"{damaged}. {advice}") from None


@contextmanager
def folder_failures(directory: Path, data: Path) -> Iterator[None]:
    """Turn a failure to write the backup folder into `BackupRefused`; those of the data directory pass."""
    try:
        yield
    except OSError as failure:
        if failure.filename and Path(str(failure.filename)).is_relative_to(data):
            raise
        hints = {
            errno.ENOSPC: "Free some space, or keep fewer points: --keep N.",
            errno.EDQUOT: "Free some space, or keep fewer points: --keep N.",
            errno.EROFS: "Mount it for writing.",
            errno.EACCES: "Run this as the owner of that folder.",
        }
        hint = hints.get(failure.errno or 0, "Is its disk mounted and in order?")
        raise BackupRefused(
            f"Can't write the backup in {directory}: {failure.strerror}. Its earlier points are unchanged. {hint}"
        ) from failure


def stepwise(reading: Reading, items: Iterator[T]) -> Iterator[T]:
    """The same items, each read in that context."""
    while True:
        with reading():
            item = next(items, None)
        if item is None:
            return
        yield item
