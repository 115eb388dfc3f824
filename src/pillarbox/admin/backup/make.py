"""Making a backup while mail is served.

The files of the database are read as of one snapshot (`world/database/sqlite/snapshot`), large messages after it,
while none of their files can be removed. A second run copies only new blocks: pages of the database that changed, and
new files.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pillarbox import __version__
from pillarbox.admin.backup.folder import BackupFolder, BackupRefused, Progress, open_backup
from pillarbox.admin.backup.packs import BLOCK_OCTETS
from pillarbox.admin.backup.points import BackedUpFile, Point, Points
from pillarbox.world.blobs.files import INCOMING
from pillarbox.world.blobs.sweep import is_named_by_digest, kept
from pillarbox.world.database.sqlite import SqliteDatabase
from pillarbox.world.database.sqlite.snapshot import PinnedFile

_BLOBS = "blobs"
_SKIPPED_ENDINGS = ("-gate", "-turn", "-open", "-shm", "-wal", ".lock", ".unfinished")
"""Endings of files that mean something only to running processes; the write-ahead log is read with the database."""


@dataclass(frozen=True, slots=True)
class BackupResult:
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
    """All points that exist now."""
    damaged: tuple[str, ...]
    """Files of messages whose octets do not match their names: they were damaged before this backup was made."""


def make_backup(
    database: SqliteDatabase,
    data: Path,
    directory: Path,
    *,
    keep: int | None,
    now_ms: int,
    progress: Progress,
) -> BackupResult:
    """Add a point; with `keep`, remove all but the newest so many.

    Raises `BackupRefused`, `BackupDamaged`, OSError, `DatabaseUnavailable`.
    """
    if directory.resolve().is_relative_to(data.resolve()):
        raise BackupRefused(
            f"{directory} is within the data directory. Choose another disk, best another machine."
        )
    with open_backup(directory, create=True) as folder:
        run = _Run(data, folder, progress)
        blobs = data / _BLOBS
        with kept(blobs) if blobs.is_dir() else nullcontext(), database.snapshot() as snapshot:
            run.find_files(snapshot.files)
            files = [run.back_up_pinned(file) for file in snapshot.files]
            files += [run.back_up_file(path) for path in run.others]
            versions = snapshot.versions()
        folder.packs.finish()
        name = _unused_name(folder.points, now_ms)
        made_at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()
        point = Point(
            name=name, made_at=made_at, pillarbox=__version__, versions=versions, files=tuple(files)
        )
        folder.points.write(point)
        new_octets = folder.packs.written_octets
        freed = _remove_old(folder, keep) if keep else 0
        damaged = tuple(run.damaged)
        return BackupResult(
            name, len(files), point.octets, new_octets, freed, tuple(folder.points.names()), damaged
        )


def _unused_name(points: Points, now_ms: int) -> str:
    name = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    taken = set(points.names())
    candidates = (name, *(f"{name}-{n}" for n in range(2, 10_000)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _remove_old(folder: BackupFolder, keep: int) -> int:
    names = folder.points.names()
    old = names[: max(0, len(names) - keep)]
    if not old:
        return 0
    # Read first: a damaged point must stop this, not lose its blocks
    needed = set().union(*(folder.points.read(name).needed() for name in names[len(old) :]))
    folder.points.remove(old)
    return folder.packs.keep_only(needed)


class _Run:
    """One run: the files to back up, and what is known of them from the last point."""

    def __init__(self, data: Path, folder: BackupFolder, progress: Progress) -> None:
        self._data = data
        self._packs = folder.packs
        self._progress = progress
        latest = folder.points.latest()
        self._known = {file.path: file for file in latest.files} if latest else {}
        self._done = 0
        self._all = 0
        self.others: list[Path] = []
        """Files other than those of the database."""
        self.damaged: list[str] = []

    def find_files(self, pinned: tuple[PinnedFile, ...]) -> None:
        """Find all files that belong to the point."""
        database_files = {file.path for file in pinned}
        self.others = [path for path in _files(self._data) if path not in database_files]
        self._all = sum(file.octets for file in pinned) + sum(path.stat().st_size for path in self.others)

    def back_up_pinned(self, file: PinnedFile) -> BackedUpFile:
        """A file of the database."""
        mode = os.fstat(file.descriptor).st_mode & 0o777
        blocks = (file.read(start, BLOCK_OCTETS) for start in range(0, file.octets, BLOCK_OCTETS))
        return self._store(file.path, mode, blocks)

    def back_up_file(self, path: Path) -> BackedUpFile:
        """Another file. That of a large message never changes: if the last point has it, it is not read again."""
        known = self._known.get(self._name(path))
        is_message = path.is_relative_to(self._data / _BLOBS)
        if is_message and known and known.octets == path.stat().st_size and self._has(known):
            self._done += known.octets
            return known
        checksum = sha256()

        def blocks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while block := file.read(BLOCK_OCTETS):
                    checksum.update(block)
                    yield block

        stored = self._store(path, path.stat().st_mode & 0o777, blocks())
        if is_message and is_named_by_digest(stored.path[6:]) and checksum.hexdigest() != path.name[:64]:
            self.damaged.append(stored.path)
        return stored

    def _has(self, known: BackedUpFile) -> bool:
        return all(digest in self._packs for digest in known.digests)

    def _store(self, path: Path, mode: int, blocks: Iterator[bytes]) -> BackedUpFile:
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
    """The regular files that are needed when nothing runs."""
    for path in sorted(data.rglob("*")):
        within = path.relative_to(data)
        if path.is_symlink() or not path.is_file() or within.parts[:2] == (_BLOBS, INCOMING):
            continue
        if path.name.startswith(".") or path.name.endswith(_SKIPPED_ENDINGS):
            continue
        if len(within.parts) == 1 and (".before-" in path.name or ".damaged-" in path.name):
            continue
        yield path
