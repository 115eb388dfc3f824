"""Whether there is a database, and who has it open: any number of processes that serve it, or one exclusively.

An advisory lock on a file, shared by all who work with the database and exclusive for a repair or a restore;
the kernel releases it when the process ends, however it ends.
"""

import fcntl
import os
from pathlib import Path

from pillarbox.world.database.failures import DatabaseInUse, DatabaseMissing, DatabaseUnavailable


class Presence:
    """This process's lock on having the database open."""

    __slots__ = ("_descriptor",)

    def __init__(self, database: Path, *, alone: bool) -> None:
        """Raises `DatabaseInUse`, or OSError."""
        self._descriptor = os.open(f"{database}-open", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"{database} is in use: stop the server and other commands first."
                if alone
                else f"{database} is being repaired or restored: try again when that is done."
            ) from failure

    def end(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def require_file(path: Path) -> None:
    """Raise `DatabaseMissing` unless there is a file that holds something, `DatabaseUnavailable` if none can tell.

    SQLite takes a missing or an empty file for a new database: whoever opened it would find no account, and refuse
    all mail for good.
    """
    try:
        octets = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as failure:
        raise DatabaseMissing(f"there is no database at {path}") from failure
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure
    if not octets:
        raise DatabaseMissing(f"the database at {path} is an empty file")


class FileWatch:
    """Notices when the files of an open database are removed or replaced.

    SQLite goes on with the files that it has open: what it commits then is durable in files that nobody finds again.
    """

    __slots__ = ("_database", "_log")

    def __init__(self, path: Path) -> None:
        """The database must be open: its log is there then. Raises OSError."""
        self._database, self._log = _identified(path), _identified(Path(f"{path}-wal"))

    def check(self) -> None:
        """Raise `DatabaseMissing` if they are no longer those that were opened."""
        if not _found(*self._database).st_size:
            raise DatabaseMissing(f"the database at {self._database[0]} is an empty file")
        _found(*self._log)


_PUT_BACK = "put the same file back, and all goes on; for another one, stop the server first"


def _identified(file: Path) -> tuple[str, int, int]:
    found = file.stat()
    return str(file), found.st_dev, found.st_ino


def _found(file: str, device: int, inode: int) -> os.stat_result:
    try:
        found = os.stat(file)  # noqa: PTH116 # after each commit; making a Path of it costs more than the call
    except OSError as failure:
        raise DatabaseMissing(f"{file} has disappeared ({failure.strerror}): {_PUT_BACK}") from failure
    if found.st_ino != inode or found.st_dev != device:
        raise DatabaseMissing(f"{file} is another file now: {_PUT_BACK}")
    return found
