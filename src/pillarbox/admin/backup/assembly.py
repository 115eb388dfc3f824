"""The files of a point, put together again from their blocks; what is damaged costs no more than itself.

A large message of which a block is damaged is left out. The database is taken with what is left of such a block, and
is then built anew from what can be read (`admin/rebuild`). At the end every message that can't be read is known.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pillarbox.admin.backup import contents
from pillarbox.admin.backup.folder import BackupFolder, BackupRefused
from pillarbox.admin.backup.packs import BLOCK_OCTETS, BackupDamaged
from pillarbox.admin.backup.points import BackedUpFile, Point
from pillarbox.admin.fsck import RepairContext
from pillarbox.admin.lost_mail import LostMessage
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.admin.rebuild import CannotRebuild, RebuildResult, rebuild_database
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database import DatabaseFailure, Schema, Transaction
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.durable import make_folder


@dataclass(frozen=True, slots=True)
class Form:
    """What must be known of the data directories that are backed up here."""

    schemas: tuple[Schema, ...]
    database_name: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A file of which some blocks are damaged or missing."""

    path: str
    octets: int
    """In these blocks."""

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.octets} octets of {self.path}"


@may(OPERATOR)
def octets_of(folder: BackupFolder, file: BackedUpFile) -> Iterator[tuple[bytes, bool]]:
    """The blocks of a file in order, and whether each is sound; what is left of those that are not."""
    start = 0
    for digest in file.digests:
        try:
            yield folder.packs.get(digest), True
        except BackupDamaged:
            yield folder.packs.get_damaged(digest, min(BLOCK_OCTETS, file.octets - start)), False
        start += BLOCK_OCTETS


@may(OPERATOR)
def holds(folder: BackupFolder, file: BackedUpFile, digest: bytes) -> bool:
    """Whether the backup has the octets with this digest: blocks that were stored may be of a damaged file."""
    checksum = sha256()
    for octets, sound in octets_of(folder, file):
        if not sound:
            return False
        checksum.update(octets)
    return checksum.digest() == digest


@may(OPERATOR)
def write_file(folder: BackupFolder, file: BackedUpFile, path: Path) -> int:
    """Write a file durably, for its owner only; return how many octets are in damaged blocks.

    Raises OSError.
    """
    damaged = 0
    # With its mode from the start: it may be a private key
    mode = (file.mode & 0o700) | 0o600
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            for octets, sound in octets_of(folder, file):
                out.write(octets)
                damaged += 0 if sound else len(octets)
            out.flush()
            os.fsync(out.fileno())
    except OSError as failure:  # the system does not say which disk is full
        raise OSError(failure.errno, failure.strerror, str(path)) from failure
    return damaged


def database_files(point: Point, form: Form) -> list[BackedUpFile]:
    """The database and its log."""
    names = (form.database_name, f"{form.database_name}-wal")
    return [file for file in point.files if file.path in names]


@may(OPERATOR)
def write_database(folder: BackupFolder, point: Point, target: Path, form: Form) -> list[Incomplete]:
    """Write the files of the database; those that are not whole. Raises `BackupDamaged`, OSError."""
    files = database_files(point, form)
    if form.database_name not in {file.path for file in files}:
        raise BackupDamaged("it holds no database")
    found = ((file, write_file(folder, file, target / file.path)) for file in files)
    return [Incomplete(file.path, lost) for file, lost in found if lost]


@may(OPERATOR)
def make_sound(path: Path, blobs: FileBlobs, form: Form, *, damaged: bool) -> RebuildResult | None:
    """Apply the database's log, bring its tables up to date, check every page; where it is damaged, rebuild it.

    `damaged`: it is known to be, even if SQLite finds nothing.

    Returns what the rebuild did. Raises `BackupDamaged` where nothing can be read, `SchemaTooNew`, OSError.
    """
    try:
        database = open_database(path, form.schemas, alone=True)
        try:
            found = database.read_now(contents.structure_damage, form.schemas, quick=False)
        finally:
            database.close_now()
    except DatabaseFailure as failure:
        found = (str(failure),)
    if not found and not damaged:
        return None
    context = RepairContext(blobs, form.now_ms, path.parent / "lost+found")
    try:
        done = rebuild_database(path, context, form.schemas, lambda _what: None)
    except (CannotRebuild, DatabaseFailure) as failure:
        why = found[0] if found else "it is damaged"
        raise BackupDamaged(f"the database in it can't be read: {why}") from failure
    for left in path.parent.glob(f"{path.name}.damaged-*"):
        left.unlink()  # the backup still has it
    return done


@may(OPERATOR)
def damaged_blobs(tx: Transaction, blobs: Path) -> dict[bytes, str]:
    """The blobs whose octets are damaged or missing, in the database and in the folder of files."""
    damaged = contents.damaged_octets(tx)
    for blob in contents.blob_files(tx):
        found = _digest(blobs / blob.location)
        if found != blob.digest:
            damaged[blob.digest] = contents.MISSING if found is None else contents.DAMAGED
    return damaged


@may(OPERATOR)
def damaged_mail(tx: Transaction, blobs: Path) -> tuple[LostMessage, ...]:
    """The messages whose octets are damaged or missing, or can't be found."""
    return contents.lost_mail(tx, damaged_blobs(tx, blobs))


def _digest(path: Path) -> bytes | None:
    """The SHA-256 of a file; `None` where it can't be read."""
    checksum = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_OCTETS):
                checksum.update(block)
    except OSError:
        return None
    return checksum.digest()


class PointBlobs(FileBlobs):
    """The blobs of a point: small ones in its database, files from the backup when they are asked for."""

    __slots__ = ("_files", "_folder")

    def __init__(self, directory: Path, folder: BackupFolder, point: Point) -> None:
        super().__init__(directory)
        self._folder = folder
        self._files = {file.path.removeprefix("blobs/"): file for file in point.files}

    def _open_file(self, location: str) -> int:
        path = self._directory / location
        file = self._files.get(location)
        if file is not None and not path.exists():
            make_folder(path.parent)
            if not write_message(self._folder, file, path):
                path.unlink()
        return super()._open_file(location)


@may(OPERATOR)
def write_message(folder: BackupFolder, file: BackedUpFile, path: Path) -> bool:
    """Write the file of a large message; whether all of its octets are those that its name says."""
    lost = write_file(folder, file, path)
    digest = _digest(path)
    return not lost and digest is not None and path.name.startswith(digest.hex())


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A point whose mail can be read."""

    point: Point
    database: SqliteDatabase
    blobs: PointBlobs
    incomplete: tuple[Incomplete, ...]
    """Files of the database that lack octets."""
    rebuilt: RebuildResult | None


@contextmanager
def work_folder(data: Path) -> Iterator[Path]:
    """A name for a folder in which points are put together, for one process at a time; removed at the end.

    It is in the data directory, where there was room for the database before. Raises `BackupRefused`, OSError.
    """
    if not data.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "point"
        return
    descriptor = os.open(data / "restore.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    work = data / ".point"
    try:
        if os.geteuid() == 0:  # root must not leave a file that the owner can't open
            owner = data.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield work
    except BlockingIOError:
        raise BackupRefused("Another restore or verification is running. Wait for it.") from None
    finally:
        os.close(descriptor)


@may(OPERATOR)
@contextmanager
def open_point(folder: BackupFolder, point: Point, work: Path, form: Form) -> Iterator[OpenPoint]:
    """Open the database of a point in a folder of its own, which is removed at the end.

    Raises `BackupDamaged`, `SchemaTooNew`, OSError.
    """
    shutil.rmtree(work, ignore_errors=True)
    make_folder(work)
    try:
        incomplete = tuple(write_database(folder, point, work, form))
        blobs = PointBlobs(work / "blobs", folder, point)
        rebuilt = make_sound(work / form.database_name, blobs, form, damaged=bool(incomplete))
        database = open_database(work / form.database_name, form.schemas, alone=True)
        try:
            yield OpenPoint(point, database, blobs, incomplete, rebuilt)
        finally:
            database.close_now()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def require_within(target: Path, files: Iterable[BackedUpFile]) -> None:
    """Raise `BackupRefused` if a file would be written elsewhere than below `target`."""
    for file in files:
        if not (target / file.path).resolve().is_relative_to(target.resolve()):
            raise BackupRefused(f"The backup names a file outside the data directory: {file.path}")
