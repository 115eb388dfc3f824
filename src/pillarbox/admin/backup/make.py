"""Making a backup while mail is served.

The files of the database are read as of one snapshot (`world/database/sqlite/snapshot`), large messages after it,
while none of their files can be removed. A second run writes only new blocks: pages of the database that changed, and
new files.

What is damaged or can't be read stops nothing: the point is made of everything else, and says what is missing. The
octets of every message are compared with their digest, and where an earlier point has those of a large message, the
new one has them too.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from pillarbox import __version__
from pillarbox.admin.backup import contents
from pillarbox.admin.backup.assembly import holds
from pillarbox.admin.backup.contents import BlobFile
from pillarbox.admin.backup.folder import (
    BackupFolder,
    BackupRefused,
    Progress,
    folder_failures,
    open_backup,
)
from pillarbox.admin.backup.keeping import remove_old
from pillarbox.admin.backup.packs import BLOCK_OCTETS
from pillarbox.admin.backup.points import HOLE, BackedUpFile, Holdings, Point
from pillarbox.admin.lost_mail import LostMessage
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.blobs.files import INCOMING
from pillarbox.world.blobs.sweep import kept
from pillarbox.world.database import DatabaseFailure
from pillarbox.world.database.schema import Schema
from pillarbox.world.database.sqlite import SqliteDatabase
from pillarbox.world.database.sqlite.snapshot import DatabaseSnapshot, PinnedFile

_BLOBS = "blobs"
_SKIPPED_ENDINGS = ("-gate", "-turn", "-open", "-shm", "-wal", ".lock", ".unfinished")
"""Endings of files that mean something only to running processes; the write-ahead log is read with the database."""
MIN_SHARE: Final = 0.5
"""A database with less than this share of the accounts of the newest point is not backed up unasked."""
COMPARED_MESSAGES: Final = 100
"""Nor one without a message, if there were so many."""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What a run has done."""

    point: str
    files: int
    octets: int
    """Of the data directory."""
    new_octets: int
    """Copied by this run."""
    healed_octets: int
    """Of these, in place of damaged ones."""
    freed_octets: int
    """Of packs that only removed points needed."""
    points: tuple[str, ...]
    """All points that exist now."""
    damaged: tuple[LostMessage, ...]
    """Messages whose octets are damaged or missing in the data directory."""
    unreadable: tuple[str, ...]
    """What else could not be read, in sentences."""


@may(OPERATOR)
def make_backup(
    database: SqliteDatabase,
    data: Path,
    directory: Path,
    *,
    keep: int | None,
    now_ms: int,
    progress: Progress,
    force: bool = False,
    schemas: Iterable[Schema] = (),
) -> BackupResult:
    """Add a point; with `keep`, remove all but the newest so many.

    `schemas`: those that the database has; it says which tables are missing.

    `force`: also of a database that has lost most of what the newest point has. Raises `BackupRefused`, OSError,
    `DatabaseUnavailable`.
    """
    if directory.resolve().is_relative_to(data.resolve()):
        raise BackupRefused(
            f"The folder {directory} is within the data directory. Choose another disk, best another machine."
        )
    with folder_failures(directory, data), open_backup(directory, writing=True) as folder:
        folder.points.mend()
        blobs = data / _BLOBS
        with kept(blobs) if blobs.is_dir() else nullcontext(), database.snapshot() as snapshot:
            found = snapshot.read(contents.holdings)
            if not force:
                _require_no_less(folder, found, directory)
            freed = 0
            if keep is not None and len(folder.points.names()) > keep:
                freed = remove_old(folder, keep).octets  # where the disk is full, this makes room
            before = folder.packs.written_octets
            run = _Run(data, folder, progress)
            run.back_up(snapshot, schemas)
        folder.packs.finish()
        point = Point(
            name=folder.points.unused_name(now_ms),
            made_at=datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(),
            pillarbox=__version__,
            versions=run.versions,
            files=tuple(run.files),
            holdings=found,
            damage=(*run.unreadable, *(one.line for one in run.lost)),
        )
        folder.points.write(point)
        written = folder.packs.written_octets - before
        removed = remove_old(folder, keep)
        unread = (f"point {name} can't be read: its blocks are kept" for name in removed.unreadable)
        return BackupResult(
            point.name,
            len(point.files),
            point.octets,
            written,
            folder.packs.healed_octets,
            freed + removed.octets,
            tuple(folder.points.names()),
            run.lost,
            (*run.unreadable, *unread),
        )


def _require_no_less(folder: BackupFolder, found: Holdings | None, directory: Path) -> None:
    """Refuse a database that is not the one that was backed up, or has lost most of it."""
    before = next((point for point in folder.points.readable() if point.holdings), None)
    if before is None or before.holdings is None or found is None:
        return
    had = before.holdings
    if had.domains and not set(had.domains) & set(found.domains):
        what = f"serves {', '.join(had.domains[:3])}, and the database serves none of these"
    elif found.accounts < had.accounts * MIN_SHARE:
        what = f"has {_counted(had.accounts, 'account')}, and there are {found.accounts} now"
    elif not found.messages and had.messages >= COMPARED_MESSAGES:
        what = f"has {_counted(had.messages, 'message')}, and there are none now"
    else:
        return
    raise BackupRefused(
        f"The newest point, {before.name}, {what}. Nothing was backed up to {directory}. Is this the right data"
        f" directory, and is its disk mounted? If mail was lost: pillarbox restore {directory}. If all is as it should"
        " be: --force"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class _Run:
    """One run: the files of the point, and what could not be read of them."""

    def __init__(self, data: Path, folder: BackupFolder, progress: Progress) -> None:
        self._data = data
        self._folder = folder
        self._packs = folder.packs
        self._progress = progress
        self._done = 0
        self._all = 0
        self.files: list[BackedUpFile] = []
        self.unreadable: list[str] = []
        self.lost: tuple[LostMessage, ...] = ()
        self.versions: dict[str, int] = {}

    def back_up(self, snapshot: DatabaseSnapshot, schemas: Iterable[Schema]) -> None:
        """All files."""
        messages = {f"{_BLOBS}/{blob.location}": blob for blob in snapshot.read(contents.blob_files)}
        database_files = {file.path for file in snapshot.files}
        others = [path for path in _files(self._data) if path not in database_files]
        self._all = sum(file.octets for file in snapshot.files)
        self._all += sum(map(_size, others))
        self.files += [self._pinned(file) for file in snapshot.files]
        damaged: dict[bytes, str] = {}
        for path in others:
            blob = messages.pop(self._name(path), None)
            self._add(self._other(path) if blob is None else self._message(path, blob, damaged))
        for name, blob in messages.items():
            self._add(self._message(self._data / name, blob, damaged))
        damaged |= snapshot.read(contents.damaged_octets)
        self.lost = snapshot.read(contents.lost_mail, damaged)
        self.unreadable += snapshot.read(contents.structure_damage, schemas, quick=True)
        with suppress(DatabaseFailure):  # reported with the structure
            self.versions = snapshot.versions()

    def _add(self, file: BackedUpFile | None) -> None:
        if file is not None:
            self.files.append(file)

    def _pinned(self, file: PinnedFile) -> BackedUpFile:
        """A file of the database; blocks that can't be read become holes."""
        mode = os.fstat(file.descriptor).st_mode & 0o777
        digests = bytearray()
        for start in range(0, file.octets, BLOCK_OCTETS):
            try:
                octets = file.read(start, BLOCK_OCTETS)
            except OSError as failure:
                end = min(start + BLOCK_OCTETS, file.octets)
                self.unreadable.append(
                    f"octets {start} to {end} of {self._name(file.path)} can't be read: {failure.strerror}"
                )
                digests += HOLE
            else:
                digests += self._put(octets)
        return BackedUpFile(self._name(file.path), file.octets, mode, digests.hex())

    def _put(self, block: bytes) -> bytes:
        digest = self._packs.put(block)
        self._done += len(block)
        self._progress(self._done, self._all)
        return digest

    def _message(self, path: Path, blob: BlobFile, damaged: dict[bytes, str]) -> BackedUpFile | None:
        """The file of a large message; where it is damaged, as an earlier point has it."""
        try:
            stored, digest = self._store(path)
        except _Unreadable as failure:
            damaged[blob.digest] = (
                contents.MISSING if failure.missing else f"its octets can't be read: {failure}"
            )
            return self._from_earlier_points(path, blob)
        if digest == blob.digest:
            return stored
        damaged[blob.digest] = contents.DAMAGED
        return self._from_earlier_points(path, blob) or stored

    def _from_earlier_points(self, path: Path, blob: BlobFile) -> BackedUpFile | None:
        """The file as an earlier point has it, whole."""
        name = blob.digest.hex()
        for point in self._folder.points.readable():
            for file in point.files:
                if Path(file.path).name.startswith(name) and holds(self._folder, file, blob.digest):
                    return replace(file, path=self._name(path))
        return None

    def _other(self, path: Path) -> BackedUpFile | None:
        try:
            return self._store(path)[0]
        except _Unreadable as failure:
            self.unreadable.append(f"{self._name(path)} can't be read: {failure}")
            return None

    def _store(self, path: Path) -> tuple[BackedUpFile, bytes]:
        """Store a file; return its digest as well. Raises `_Unreadable`, or OSError where it can't be stored."""
        checksum = sha256()
        digests = bytearray()
        octets = 0
        for block in _blocks(path):
            checksum.update(block)
            octets += len(block)
            digests += self._put(block)
        mode = path.stat().st_mode & 0o777
        return BackedUpFile(self._name(path), octets, mode, digests.hex()), checksum.digest()

    def _name(self, path: Path) -> str:
        return path.relative_to(self._data).as_posix()


class _Unreadable(Exception):
    """A file of the data directory can't be read. The text says why."""

    def __init__(self, failure: OSError) -> None:
        super().__init__(failure.strerror)
        self.missing = isinstance(failure, FileNotFoundError)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except OSError as failure:
        raise _Unreadable(failure) from failure
    with file:
        while block := _next_block(file):
            yield block


def _next_block(file: BinaryIO) -> bytes:
    try:
        return file.read(BLOCK_OCTETS)
    except OSError as failure:
        raise _Unreadable(failure) from failure


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _files(data: Path) -> Iterable[Path]:
    """The regular files that are needed when nothing runs."""
    for path in sorted(data.rglob("*")):
        within = path.relative_to(data)
        if path.is_symlink() or not path.is_file() or within.parts[:2] == (_BLOBS, INCOMING):
            continue
        if any(part.startswith(".") for part in within.parts) or path.name.endswith(_SKIPPED_ENDINGS):
            continue
        if len(within.parts) == 1 and (".before-" in path.name or ".damaged-" in path.name):
            continue
        yield path
