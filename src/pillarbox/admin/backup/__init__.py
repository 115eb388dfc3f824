"""Backups: a data directory as it was at several points in time, each block of it once.

    DIR/points/2026-08-06T101112Z.point   which files there were, and of which blocks each consists
    DIR/packs/000001.pack                 blocks

A backup is made while mail is served. Files of the database are taken as they are at one moment
(`world/database/snapshot`), large messages after it, while none of their files can go. A second run copies
the blocks that are new: pages of the database that changed, and files that came.

What is always true: a point is written last, when all its blocks are durable, so one that is there is whole; a
run that dies costs nothing but its time.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pillarbox import __version__
from pillarbox.admin.backup.packs import BLOCK_OCTETS, BackupDamaged, Packs
from pillarbox.admin.backup.points import BackedUpFile, NoSuchPoint, Point, Points
from pillarbox.world.blobs.files import INCOMING
from pillarbox.world.blobs.sweep import is_named_by_digest, kept
from pillarbox.world.database.sqlite import SqliteDatabase
from pillarbox.world.database.sqlite.snapshot import PinnedFile
from pillarbox.world.durable import make_folder

__all__ = [
    "BackupDamaged",
    "BackupRefused",
    "Made",
    "NoSuchPoint",
    "Point",
    "Points",
    "make",
    "opened",
    "verify",
]

Progress = Callable[[int, int], None]
"""Hears octets done and octets in all."""

_BLOBS = "blobs"
_NOT_TAKEN = ("-gate", "-turn", "-open", "-shm", "-wal", ".lock", ".unfinished")
"""Ends of names of files that mean something only to running processes; the log is taken with the database."""


class BackupRefused(Exception):
    """A backup can't be made or restored there. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run has done."""

    point: str
    files: int
    octets: int
    """Of the data directory."""
    new_octets: int
    """Copied by this run."""
    freed_octets: int
    """Of packs that only removed points needed."""
    points: tuple[str, ...]
    """All that there are now."""
    damaged: tuple[str, ...]
    """Files of messages that are not what they are named after: damaged before this backup was made."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A backup folder, open."""

    points: Points
    packs: Packs


@contextmanager
def opened(directory: Path, *, make_it: bool = False) -> Iterator[Folder]:
    """A backup folder, ours alone. Raises `BackupRefused`, `BackupDamaged` or OSError."""
    if make_it:
        make_folder(directory)
    elif not (directory / "points").is_dir():
        raise BackupRefused(f"There is no backup in {directory}.")
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    packs = None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        packs = Packs(directory / "packs")
        yield Folder(Points(directory / "points"), packs)
    except BlockingIOError:
        raise BackupRefused(f"Another backup or restore is using {directory}. Wait for it.") from None
    finally:
        if packs is not None:
            packs.close()
        os.close(lock)


def make(
    database: SqliteDatabase,
    data: Path,
    directory: Path,
    *,
    keep: int | None,
    now_ms: int,
    progress: Progress,
) -> Made:
    """Add a point in time; keep, if so wished, only so many. Raises `BackupRefused`, `BackupDamaged`, OSError,
    `DatabaseUnavailable`.
    """
    if directory.resolve().is_relative_to(data.resolve()):
        raise BackupRefused(
            f"{directory} is within the data directory. Choose another disk, best another machine."
        )
    with opened(directory, make_it=True) as folder:
        taking = _Taking(data, folder, progress)
        blobs = data / _BLOBS
        with kept(blobs) if blobs.is_dir() else nullcontext(), database.snapshot() as snapshot:
            taking.expect(snapshot.files)
            files = [taking.pinned(file) for file in snapshot.files]
            files += [taking.file(path) for path in taking.others]
            versions = snapshot.versions()
        folder.packs.finish()
        name = _fresh_name(folder.points, now_ms)
        made_at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()
        point = Point(
            name=name, made_at=made_at, pillarbox=__version__, versions=versions, files=tuple(files)
        )
        folder.points.write(point)
        new_octets = folder.packs.written_octets
        freed = _remove_old(folder, keep) if keep else 0
        damaged = tuple(taking.damaged)
        return Made(name, len(files), point.octets, new_octets, freed, tuple(folder.points.names()), damaged)


def _fresh_name(points: Points, now_ms: int) -> str:
    name = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    taken = set(points.names())
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 10_000))) if one not in taken)


def _remove_old(folder: Folder, keep: int) -> int:
    names = folder.points.names()
    old = names[: max(0, len(names) - keep)]
    if not old:
        return 0
    # Read first: a point that is damaged must stop this, not have its blocks thrown away
    needed = set().union(*(folder.points.read(name).needed() for name in names[len(old) :]))
    folder.points.remove(old)
    return folder.packs.keep_only(needed)


class _Taking:
    """One run: which files there are, and what is known of them from the last point."""

    def __init__(self, data: Path, folder: Folder, progress: Progress) -> None:
        self._data = data
        self._packs = folder.packs
        self._progress = progress
        latest = folder.points.latest()
        self._known = {file.path: file for file in latest.files} if latest else {}
        self._done = 0
        self._all = 0
        self.others: list[Path] = []
        """Files beside the database's."""
        self.damaged: list[str] = []

    def expect(self, pinned: tuple[PinnedFile, ...]) -> None:
        """Find all files that belong to the point."""
        taken = {file.path for file in pinned}
        self.others = [path for path in _files(self._data) if path not in taken]
        self._all = sum(file.octets for file in pinned) + sum(path.stat().st_size for path in self.others)

    def pinned(self, file: PinnedFile) -> BackedUpFile:
        """A file of the database."""
        mode = os.fstat(file.descriptor).st_mode & 0o777
        blocks = (file.read(start, BLOCK_OCTETS) for start in range(0, file.octets, BLOCK_OCTETS))
        return self._taken(file.path, mode, blocks)

    def file(self, path: Path) -> BackedUpFile:
        """Another file. A large message's never changes: one that is known is not read again."""
        known = self._known.get(self._name(path))
        immutable = path.is_relative_to(self._data / _BLOBS)
        if immutable and known and known.octets == path.stat().st_size and self._has(known):
            self._done += known.octets
            return known
        checksum = sha256()

        def blocks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while block := file.read(BLOCK_OCTETS):
                    checksum.update(block)
                    yield block

        taken = self._taken(path, path.stat().st_mode & 0o777, blocks())
        if immutable and is_named_by_digest(taken.path[6:]) and checksum.hexdigest() != path.name[:64]:
            self.damaged.append(taken.path)
        return taken

    def _has(self, known: BackedUpFile) -> bool:
        return all(digest in self._packs for digest in known.digests)

    def _taken(self, path: Path, mode: int, blocks: Iterator[bytes]) -> BackedUpFile:
        digests = bytearray()
        octets = 0
        for block in blocks:
            digests += self._packs.put(block)
            octets += len(block)
            self._done += len(block)
            self._progress(self._done, self._all)
        return BackedUpFile(self._name(path), octets, mode, digests.hex())

    def _name(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()


def _files(data: Path) -> Iterator[Path]:
    """Regular files that mean something at rest."""
    for path in sorted(data.rglob("*")):
        within = path.relative_to(data)
        if path.is_symlink() or not path.is_file() or within.parts[:2] == (_BLOBS, INCOMING):
            continue
        if path.name.startswith(".") or path.name.endswith(_NOT_TAKEN):
            continue
        if len(within.parts) == 1 and (".before-" in path.name or ".damaged-" in path.name):
            continue
        yield path


def verify(directory: Path, name: str | None, progress: Progress) -> Point:
    """Read every block of a point (the newest) and compare it with its digest. Raises `BackupDamaged`."""
    with opened(directory) as folder:
        point = chosen(folder.points, name)
        done = 0
        for file in point.files:
            for digest in file.digests:
                done += len(folder.packs.get(digest))
                progress(done, point.octets)
        return point


def chosen(points: Points, name: str | None) -> Point:
    """The point of this name, or the newest. Raises `NoSuchPoint` or `BackupDamaged`."""
    names = points.names()
    if name is None and not names:
        raise NoSuchPoint("There is no whole backup there.")
    return points.read(name or names[-1])
