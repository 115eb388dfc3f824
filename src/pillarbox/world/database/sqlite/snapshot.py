"""A snapshot: the database's files at one moment, to be copied while others go on writing.

Why a plain copy is consistent. A read transaction pins the database: as long as it lasts, a checkpoint copies
nothing into the database's file that is newer than what the transaction sees, and the log does not restart while
it holds something that is not in that file yet. So the file, together with the part of the log that is committed
now, gives exactly one state when SQLite next opens them: pages that are torn or older in the copy of the file are
in the copy of the log, which wins. If all of the log has been copied already, the file alone is that state.

POSIX: closing any descriptor of a file drops all locks that the process has on it, SQLite's too. So the
descriptors opened here belong to the `SqliteDatabase`, which closes them after its last connection.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.sqlite.connection import connect
from pillarbox.world.database.sqlite.failures import RAISED, translated
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

_FRAME_HEADER_OCTETS = 24
_LOG_HEADER_OCTETS = 32
"""SQLite's file format, §4.1 and §4.2."""
_MAX_TRIES = 500
_PAUSE_S = 0.02
"""How often and how long to wait for another process's checkpoint, some 10 s in all."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """So many octets of a file, from its start, belong to the snapshot; they can be read until it ends."""

    path: Path
    octets: int
    descriptor: int

    def read(self, start: int, octets: int) -> bytes:
        """Some of them. Raises OSError."""
        return os.pread(self.descriptor, min(octets, self.octets - start), start)


class DatabaseSnapshot:
    """One state of a database, pinned until `end`."""

    def __init__(self, path: Path, descriptors: list[int]) -> None:
        """The files opened here are added to `descriptors`, to be closed with the database.

        Raises `DatabaseUnavailable`.
        """
        self._reader = connect(path, writes=False)
        try:
            self._reader.execute("BEGIN")
            self._reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
            self.files = self._files(path, descriptors)
        except RAISED as failure:
            self.end()
            raise translated(failure) from failure
        except BaseException:
            self.end()
            raise

    def _files(self, path: Path, descriptors: list[int]) -> tuple[PinnedFile, ...]:
        pages, copied = _log_and_copied(path)
        page_octets: int = self._reader.pragma("page_size")
        found = [self._pinned(path, None, descriptors)]
        if pages > copied:
            octets = _LOG_HEADER_OCTETS + pages * (page_octets + _FRAME_HEADER_OCTETS)
            found.append(self._pinned(Path(f"{path}-wal"), octets, descriptors))
        return tuple(found)

    @staticmethod
    def _pinned(path: Path, octets: int | None, descriptors: list[int]) -> PinnedFile:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        descriptors.append(descriptor)
        size = os.fstat(descriptor).st_size
        return PinnedFile(path, size if octets is None else octets, descriptor)

    def read(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb on this state. Raises `DatabaseFailure`."""
        return verb(SqliteTransaction(self._reader), *arguments, **keywords)

    def versions(self) -> dict[str, int]:
        """The version of each room's tables. Raises `DatabaseFailure`."""
        return dict(self.read(lambda tx: tx.rows("SELECT room, version FROM schema_versions")))

    def end(self) -> None:
        """Let the log be copied and restarted."""
        self._reader.close()


def _log_and_copied(path: Path) -> tuple[int, int]:
    """Pages committed to the log, and how many of them are in the database's file."""
    connection = connect(path, writes=True)
    try:
        for _ in range(_MAX_TRIES):
            try:
                return connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.BusyError:
                threading.Event().wait(_PAUSE_S)
        raise DatabaseUnavailable("another process's checkpoint does not end")
    finally:
        connection.close()
