"""Restoring a data directory as it was.

Everything is written into a folder next to the wanted one, compared with its digests, opened and checked; only then
is it renamed. A restore that dies or finds damage has changed nothing.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from pillarbox.admin.backup.folder import BackupFolder, BackupRefused, Progress, open_backup, select_point
from pillarbox.admin.backup.points import Point
from pillarbox.world.database import DatabaseUnavailable, Schema
from pillarbox.world.database.sqlite import open_database
from pillarbox.world.database.sqlite.soundness import damage
from pillarbox.world.durable import flush_folder, make_folder


def restore_backup(
    directory: Path,
    data: Path,
    *,
    point: str | None,
    schemas: Iterable[Schema],
    database_name: str,
    progress: Progress,
    settle: Callable[[Path], None] = lambda _path: None,
) -> Point:
    """Restore `data` as of a point (by default the newest); `data` must be empty or absent.

    `settle` is called with the finished folder before it is renamed, to set owners and the like. Raises
    `BackupRefused`, `BackupDamaged`, `NoSuchPoint`, `SchemaTooNew`, `DatabaseUnavailable`, or OSError.
    """
    if data.exists() and any(data.iterdir()):
        raise BackupRefused(
            f"{data} is not empty, and a restore never overwrites mail. Stop the server and move it away"
            f" first: mv {data} {data}.old"
        )
    with open_backup(directory) as folder:
        wanted = select_point(folder.points, point)
        unfinished = data.with_name(f"{data.name}.restoring")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            _write_all(folder, wanted, unfinished, progress)
            _check(unfinished / database_name, tuple(schemas))
            settle(unfinished)
            unfinished.rename(data)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        flush_folder(data.parent)
        return wanted


def _write_all(folder: BackupFolder, point: Point, target: Path, progress: Progress) -> None:
    make_folder(target)
    done = 0
    folders = {target}
    for file in point.files:
        path = target / file.path
        if not path.resolve().is_relative_to(target.resolve()):
            raise BackupRefused(f"The backup names a file outside the data directory: {file.path}")
        make_folder(path.parent)
        folders.add(path.parent)
        # With its mode from the start: it may be a private key
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode), "wb") as out:
            for digest in file.digests:
                done += out.write(folder.packs.get(digest))
                progress(done, point.octets)
            out.flush()
            os.fsync(out.fileno())
    for folder_path in folders:
        flush_folder(folder_path)


def _check(path: Path, schemas: tuple[Schema, ...]) -> None:
    """Open the database, which applies its write-ahead log, and check every page."""
    database = open_database(path, schemas, alone=True)
    try:
        found = database.read_now(damage, quick=False, limit=5)
        if found:
            raise DatabaseUnavailable(f"it was damaged when it was backed up: {found[0]}; try an older point")
    finally:
        database.close_now()
