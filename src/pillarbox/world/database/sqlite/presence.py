"""Who has a database open: any number of processes that serve it, or one that has it exclusively.

An advisory lock on a file, shared by all who work with the database and exclusive for a repair or a restore;
the kernel releases it when the process ends, however it ends.
"""

import fcntl
import os
from pathlib import Path

from pillarbox.world.database.failures import DatabaseInUse


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
