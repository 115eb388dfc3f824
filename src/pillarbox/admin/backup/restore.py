"""Restoring a data directory as it was.

Everything is written into a folder next to the wanted one, compared with its digests, opened and checked; only then
is it renamed. A restore that dies has changed nothing, and is run again. What is damaged in the backup costs no more
than itself: all else is restored, with a list of the messages that can't be.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pillarbox.admin import password_reset
from pillarbox.admin.backup.assembly import (
    Form,
    Incomplete,
    damaged_mail,
    database_files,
    make_sound,
    require_within,
    write_file,
)
from pillarbox.admin.backup.folder import BackupFolder, BackupRefused, Progress, open_backup, select_point
from pillarbox.admin.backup.packs import BackupDamaged
from pillarbox.admin.backup.points import Point
from pillarbox.admin.lost_mail import LostMessage
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.admin.rebuild import RebuildResult
from pillarbox.directory.sign_in import browser_sessions, secrets, sign_in_steps
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database.sqlite import open_database
from pillarbox.world.durable import flush_folder, make_folder


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored, and what could not be."""

    point: Point
    lost: tuple[LostMessage, ...]
    incomplete: tuple[Incomplete, ...]
    """Files that lack octets; those of messages are left out."""
    rebuilt: RebuildResult | None
    """What was done where the database was damaged."""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not (self.lost or self.incomplete or self.rebuilt)


@may(OPERATOR)
def restore_backup(
    directory: Path,
    data: Path,
    *,
    point: str | None,
    form: Form,
    progress: Progress,
    settle: Callable[[Path], None] = lambda _path: None,
) -> RestoreResult:
    """Restore `data` as of a point (by default the newest); `data` must be empty or absent.

    `settle` is called with the finished folder before it is renamed, to set owners and the like. Raises
    `BackupRefused`, `BackupDamaged`, `NoSuchPoint`, `SchemaTooNew`, `DatabaseUnavailable`, or OSError.
    """
    with open_backup(directory) as folder:
        wanted = select_point(folder.points, point)
        _require_empty(data)  # not before: nobody is to move data away for a backup that is none
        data = data.resolve()  # of a link, what it leads to is replaced, on the same disk
        unfinished = data.with_name(f"{data.name}.restoring")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            require_within(unfinished, wanted.files)
            incomplete = _write_all(folder, wanted, unfinished, progress)
            rebuilt, lost = _check(folder, wanted, unfinished, form, incomplete)
            settle(unfinished)
            unfinished.rename(data)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        flush_folder(data.parent)
        return RestoreResult(wanted, lost, tuple(incomplete), rebuilt)


def _require_empty(data: Path) -> None:
    if data.exists() and any(data.iterdir()):
        raise BackupRefused(
            f"{data} is not empty, and a restore never overwrites mail. Stop the server and move it away"
            f" first: mv {data} {data}.old"
        )
    if data.is_mount():
        raise BackupRefused(
            f"{data} is a mount point, which can't be replaced. Restore into a folder below it (--to {data / 'data'}),"
            " and name that folder in the configuration: data = ..."
        )


def _write_all(folder: BackupFolder, point: Point, target: Path, progress: Progress) -> list[Incomplete]:
    make_folder(target)
    done = 0
    folders = {target}
    incomplete = []
    for file in point.files:
        path = target / file.path
        make_folder(path.parent)
        folders.add(path.parent)
        is_message = file.path.startswith("blobs/")
        lost = write_file(folder, file, path)
        if lost:
            incomplete.append(Incomplete(file.path, lost))
            if is_message:
                path.unlink()
        done += file.octets
        progress(done, point.octets)
    for folder_path in folders:
        flush_folder(folder_path)
    return incomplete


def _check(
    folder: BackupFolder, point: Point, target: Path, form: Form, incomplete: list[Incomplete]
) -> tuple[RebuildResult | None, tuple[LostMessage, ...]]:
    """Make the database usable, and find the messages that are missing."""
    path = target / form.database_name
    names = {file.path for file in database_files(point, form)}
    try:
        if not path.exists():
            raise BackupDamaged("it holds no database")
        rebuilt = make_sound(
            path, FileBlobs(target / "blobs"), form, damaged=any(file.path in names for file in incomplete)
        )
    except BackupDamaged as damaged:
        raise BackupDamaged(
            f"{point.name} can't be restored: {damaged}. {_other_points(folder, point)}"
        ) from None
    database = open_database(path, form.schemas, alone=True)
    try:
        # A link that was used, replaced or ended since must not be there again
        database.write_now(password_reset.end_all_links)
        # Who was signed out since must not be signed in again
        database.write_now(browser_sessions.end_everybodys)
        database.write_now(sign_in_steps.drop_everybodys)
        # Which challenges were used since is not known any more: a passkey's answer must not be good twice
        database.write_now(secrets.forget, secrets.CHALLENGES)
        return rebuilt, database.read_now(damaged_mail, target / "blobs")
    finally:
        database.close_now()


def _other_points(folder: BackupFolder, point: Point) -> str:
    others = [other.name for other in folder.points.readable() if other.name != point.name]
    keep = "Keep the backup as it is."
    return (
        f"{keep} Other points to try (--point): {', '.join(others)}"
        if others
        else f"{keep} It has no other point."
    )
