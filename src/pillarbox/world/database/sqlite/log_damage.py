"""Damage in the write-ahead log: found before the first opening after a crash, mended where it can be, and told.

SQLite takes the first frame that it can't verify for the end of the log, silently: rightly so for a write that a
crash has torn, but a wrong octet on the disk cuts off all that was committed behind it. So whoever opens the database
when nobody has it open first asks SQLite where it stops, which changes nothing, and looks whether commits that were
certainly flushed lie beyond (`log_reading`). If so, a log with all that can be restored (`log_mending`) takes the
place of the damaged one. That is kept beside it, with the number of lost transactions in its name: until the
operator accepts the loss, `fsck` and every start of the server tell of it.

It runs under the write lock, so no other opening comes in between. When the database is open already, SQLite has
read its log.
"""

import fcntl
import os
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apsw

from pillarbox.world.clock import SystemClock
from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.sqlite.failures import RAISED
from pillarbox.world.database.sqlite.log_format import (
    FIRST_OPENER_LOCK,
    HEADER_OCTETS,
    INDEX_HEADER_OCTETS,
    IndexHeader,
)
from pillarbox.world.database.sqlite.log_mending import Restoration
from pillarbox.world.database.sqlite.log_reading import Log, commits, last_flushed
from pillarbox.world.durable import flush_folder

MAX_KEPT = 100
"""Damaged logs that are kept; with so many the database is not opened before the operator has moved them away."""
_LOST = re.compile(r"\.lost-([0-9]{1,9})\Z")
_LOCK = struct.Struct("hhqqi4x")
"""`struct flock` of fcntl(2): type, from where, start, length, process."""


@dataclass(frozen=True, slots=True)
class LogDamage:
    """Damage that was found in a log."""

    kept: Path
    """The damaged log."""
    lost: int
    """Committed transactions that could not be restored."""
    damaged_pages: int = 0
    """Pages of large rows, such as messages, that were restored with wrong octets in them."""

    @property
    def text(self) -> str:
        """For the operator."""
        lost = "1 committed transaction is" if self.lost == 1 else f"{self.lost} committed transactions are"
        result = f"{lost} lost" if self.lost else "all of it was restored"
        if self.damaged_pages:
            pages = "1 page" if self.damaged_pages == 1 else f"{self.damaged_pages} pages"
            result += f", {pages} with wrong octets (pillarbox fsck lists the damaged messages)"
        return f"the write-ahead log was damaged, and {result}; it was kept as {self.kept}"


def mend_log(path: Path, descriptors: list[int]) -> LogDamage | None:
    """Mend the log of a database that nobody has open; `None` if there was nothing to mend.

    Called under the write lock. `descriptors` gets the descriptor of the index: POSIX drops the locks of a process
    that closes any, so it must stay open until the process closes the database. Raises `DatabaseUnavailable` where
    the damaged log can't be replaced: then nothing was changed.
    """
    log = Path(f"{path}-wal")
    with suppress(FileNotFoundError):
        if log.stat().st_size > HEADER_OCTETS:
            index = _Index(path, descriptors)
            if not index.is_in_use():
                try:
                    return _mend(path, log, index)
                except OSError as failure:
                    raise DatabaseUnavailable(f"{log} is damaged and can't be mended: {failure}") from failure
    return None


def mend_log_alone(path: Path) -> LogDamage | None:
    """`mend_log`, for a process that holds the database alone and does not have it open."""
    descriptors: list[int] = []
    try:
        return mend_log(path, descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


class _Index:
    """The file of the log's index."""

    def __init__(self, path: Path, descriptors: list[int]) -> None:
        self._path = f"{path}-shm"
        self._descriptors = descriptors

    def _descriptor(self) -> int | None:
        if not self._descriptors:
            try:
                self._descriptors.append(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                return None
        return self._descriptors[0]

    def is_in_use(self) -> bool:
        """Whether another process has the database open."""
        descriptor = self._descriptor()
        if descriptor is None:
            return False
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, FIRST_OPENER_LOCK, 1, 0)
        found: int = _LOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[0]
        return found != fcntl.F_UNLCK

    def header(self) -> IndexHeader | None:
        """What it says."""
        descriptor = self._descriptor()
        return None if descriptor is None else IndexHeader.read(os.pread(descriptor, INDEX_HEADER_OCTETS, 0))


def _mend(path: Path, log_path: Path, index: _Index) -> LogDamage | None:
    before_crash = index.header()
    recovered = _recovered(path, index)
    if recovered is None:  # the database can't be opened: whoever tries is told why
        return None
    log = Log(log_path, before_crash, _page_octets(path))
    try:
        flushed = last_flushed(log, recovered, before_crash)
        if flushed <= recovered:
            return None
        restored = Restoration(log, path, recovered, flushed)
        lost = commits(log, restored.frames + 1, flushed)
        kept = _free_name(log_path, lost)
        _replace(log_path, restored, kept)
        return LogDamage(kept, lost, restored.damaged_pages)
    finally:
        log.close()


def _recovered(path: Path, index: _Index) -> int | None:
    """Up to which frame SQLite reads the log. It reads it now, and leaves it and the database as they are."""
    try:
        connection = apsw.Connection(str(path))
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            with suppress(*RAISED):  # a damaged schema; the log is read before
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            header = index.header()
        finally:
            connection.close()
    except RAISED:
        return None
    return header.frames if header else None


def _page_octets(path: Path) -> int:
    """As the database's file says. sqlite.org/fileformat2.html, section 1.3.2."""
    with path.open("rb") as file:
        octets = int.from_bytes(file.read(18)[16:])
    return 65_536 if octets == 1 else max(octets, 512)


def _free_name(log: Path, lost: int) -> Path:
    kept = _kept(log)
    if len(kept) >= MAX_KEPT:
        raise OSError(f"{log.parent} has {MAX_KEPT} damaged logs: move them away first")
    now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    name = f"{log.name}.damaged-{now:%Y%m%dT%H%M%S.%fZ}"
    return log.with_name(f"{name}.lost-{lost}" if lost else name)


def _kept(log: Path) -> list[Path]:
    return sorted(log.parent.glob(f"{log.name}.damaged-*"))


def _replace(log: Path, restored: Restoration, kept: Path) -> None:
    """The damaged log gets another name, and the mended one its own; a crash in between leaves the damaged one."""
    new = log.with_name(f"{log.name}.mending")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        restored.write(file)
    os.link(log, kept)
    flush_folder(log.parent)
    new.replace(log)
    flush_folder(log.parent)


# --- telling


def losses(path: Path) -> list[LogDamage]:
    """Damage with a loss that the operator has not accepted yet. `path`: the database. Raises OSError."""
    kept = _kept(Path(f"{path}-wal"))
    return [LogDamage(file, int(lost[1])) for file in kept if (lost := _LOST.search(file.name))]


def accept_losses(path: Path) -> int:
    """Tell of them no more; the logs stay, under a name without the loss. Return how many. Raises OSError."""
    found = losses(path)
    for damage in found:
        damage.kept.rename(damage.kept.with_name(_LOST.sub("", damage.kept.name)))
    if found:
        flush_folder(path.parent)
    return len(found)
