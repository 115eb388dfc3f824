"""Removing files that are no longer needed: of blobs whose last use is gone, and leftovers.

Leftovers come from a crash, or a transaction that failed, between a file and the row that would have named it: in
the folder of incoming files, those that no living process is writing; among the others, those that no row names
and that are so old that no commit can be about to name them.

Always true: a file is removed only if a row said so, or no row names it; a name is used again only after its file was
removed; and none is removed while a process holds `kept`, as a backup does from reading the rows to copying its last
file.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pillarbox.world.blobs.blobs import Blobs
from pillarbox.world.blobs.files import INCOMING, require_folder
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

MAX_FILES_PER_SWEEP: Final = 64
"""Files removed in one transaction: unlinking a large file takes a while."""
LEFTOVER_MS: Final = 3_600_000
"""A file that no row names is a leftover at this age; a commit that is to name one follows in seconds."""
ABANDONED_MS: Final = 60_000
"""An incoming file that no process is writing is a leftover at this age."""

_KEEPING = ".keeping"


def has_unused_files(tx: Transaction) -> bool:
    """Whether `sweep` has work."""
    return tx.row("SELECT 1 FROM blob_files_unused LIMIT 1") is not None


async def sweep(blobs: Blobs, database: Database, *, older_than_ms: int | None = None) -> int:
    """Remove files of blobs whose last use is gone; return how many, at most `MAX_FILES_PER_SWEEP`.

    `older_than_ms`: only files that were finished before this time. The name of a file that was lost is free although
    it is listed: a file that has just been given it may be about to be named by a commit. Raises `DatabaseUnavailable`.
    """
    directory = blobs.directory
    if directory is None:
        return 0
    with _file_failures(directory), _unless_kept(directory) as free:
        listed = await database.read(_listed) if free else []
        removable = await asyncio.to_thread(_removable, directory, listed, older_than_ms)
        unused = set(await database.write(_forget, list(removable)) if removable else ())
        # After the commit: a name that is free again must not be listed. What a crash leaves is a leftover
        there = [directory / location for location in unused if removable[location]]
        await asyncio.to_thread(_unlink, there)
    return len(unused)


def _removable(directory: Path, listed: list[str], older_than_ms: int | None) -> dict[str, bool]:
    """Of the files listed, those that are lost or old enough, each with whether it is there."""
    found = {}
    for location in listed:
        path = directory / location
        there = path.exists()
        if not there or older_than_ms is None or _is_older(path, older_than_ms):
            found[location] = there
    return found


def _unlink(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _listed(tx: Transaction) -> list[str]:
    rows = tx.rows("SELECT location FROM blob_files_unused LIMIT ?", (MAX_FILES_PER_SWEEP,))
    return [location for (location,) in rows]


def _forget(tx: Transaction, locations: list[str]) -> list[str]:
    """Take files off the list; return those that no blob has."""
    unused = []
    for location in locations:
        listed = tx.execute("DELETE FROM blob_files_unused WHERE location = ?", (location,))
        if listed and tx.row("SELECT 1 FROM blobs WHERE location = ?", (location,)) is None:
            unused.append(location)
    return unused


async def sweep_leftovers(blobs: Blobs, database: Database, *, now_ms: int) -> int:
    """Remove what crashes have left; return how many files. Meant for once an hour. Raises `DatabaseUnavailable`."""
    directory = blobs.directory
    if directory is None:
        return 0
    with _file_failures(directory), _unless_kept(directory) as free:
        if not free:
            return 0
        removed = await asyncio.to_thread(
            _unlink_all_abandoned, directory, older_than_ms=now_ms - ABANDONED_MS
        )
        old = await asyncio.to_thread(lambda: list(files(directory, older_than_ms=now_ms - LEFTOVER_MS)))
        for start in range(0, len(old), MAX_FILES_PER_SWEEP):
            some = old[start : start + MAX_FILES_PER_SWEEP]
            unknown = await database.read(_unknown, some)
            if unknown:
                removed += await database.write_in_thread(_unlink_unknown, directory, unknown)
    return removed


@contextmanager
def _file_failures(directory: Path) -> Iterator[None]:
    """Where the folder is gone, files only seem lost."""
    require_folder(directory)
    try:
        yield
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure


def incoming(directory: Path, *, older_than_ms: int) -> Iterator[Path]:
    """Incoming files last written before a time."""
    for path in (directory / INCOMING).iterdir():
        if _is_older(path, older_than_ms):
            yield path


def files(directory: Path, *, older_than_ms: int) -> Iterator[str]:
    """Locations of finished files that were finished before a time."""
    for folder in directory.iterdir():
        if folder.is_dir() and folder.name != INCOMING:
            for path in folder.iterdir():
                if _is_older(path, older_than_ms):
                    yield f"{folder.name}/{path.name}"


def _is_older(path: Path, than_ms: int) -> bool:
    try:
        return path.stat().st_mtime * 1000 < than_ms
    except FileNotFoundError:
        return False


def _unlink_all_abandoned(directory: Path, *, older_than_ms: int) -> int:
    return sum(map(_unlink_abandoned, list(incoming(directory, older_than_ms=older_than_ms))))


def _unlink_abandoned(path: Path) -> bool:
    """A living writer has its file locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _unknown(tx: Transaction, locations: list[str]) -> list[str]:
    marks = ", ".join("?" * len(locations))
    # The rows of files lie among those of all blobs, ordered by digest, which the name begins with
    digests = [bytes.fromhex(location[3:67]) for location in locations if is_named_by_digest(location)]
    rows = tx.rows(
        f"SELECT location FROM blobs WHERE digest IN ({marks})",  # noqa: S608 - marks only
        digests + [b""] * (len(locations) - len(digests)),
    )
    known = {location for (location,) in rows}
    return [location for location in locations if location not in known]


def is_named_by_digest(location: str) -> bool:
    """Whether a file's name is one that `FileBlobs` gives."""
    name = location[3:67]
    return len(name) == 64 and all(letter in "0123456789abcdef" for letter in name)


def _unlink_unknown(tx: Transaction, directory: Path, locations: list[str]) -> int:
    unknown = _unknown(tx, locations)
    for location in unknown:
        (directory / location).unlink(missing_ok=True)
    return len(unknown)


@contextmanager
def kept(directory: Path) -> Iterator[None]:
    """No file is removed inside this context."""
    with _locked(directory, fcntl.LOCK_SH):
        yield


@contextmanager
def _unless_kept(directory: Path) -> Iterator[bool]:
    try:
        with _locked(directory, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


@contextmanager
def _locked(directory: Path, kind: int) -> Iterator[None]:
    descriptor = os.open(directory / _KEEPING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:  # a command run as root must not leave a file that the server can't open
            owner = directory.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
