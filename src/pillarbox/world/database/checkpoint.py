"""Checkpoints: moving pages from the write-ahead log into the database file, off everyone's path.

A commit only appends to the log. When the log has grown, a thread with a connection of its own
copies its pages home; that disturbs nobody. The log starts again from its beginning at the first commit
that finds all of it copied. Under a steady load that moment would never come, so when the log is large,
the writer's own thread copies the small rest between two transactions.
"""

import threading
from concurrent.futures import Executor
from pathlib import Path

import apsw

from pillarbox.world.database.sqlite import connect
from pillarbox.world.database.transaction import DatabaseUnavailable

COPY_PAGES = 4_000
"""Pages not yet copied (some 16 MiB) from which the background copies."""
RESTART_PAGES = 16_000
"""Pages in the log (some 64 MiB) from which the writer copies the rest, so that it starts again."""


class Checkpoints:
    """Watches one writer's log and keeps it short."""

    def __init__(self, path: Path, writer: apsw.Connection, background: Executor) -> None:
        self._path = path
        self._writer = writer
        self._background = background
        self._connection: apsw.Connection | None = None
        self._pages = 0
        self._copied = 0
        self._copying = threading.Lock()
        self._failure: Exception | None = None
        writer.set_wal_hook(self._grown)

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:  # the log has started again
            self._copied = 0
        self._pages = pages
        return apsw.SQLITE_OK

    def after_commit(self) -> None:
        """Called in the writer's thread, with the turn still ours. Raises what SQLite raises, losing nothing."""
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
        large = self._pages >= RESTART_PAGES
        if not (large or self._pages - self._copied >= COPY_PAGES) or not self._copying.acquire(
            blocking=False
        ):
            return
        if large:
            try:
                self._copy_with(self._writer)
            finally:
                self._copying.release()
        else:
            self._copy_in_background()

    def _copy_in_background(self) -> None:
        try:
            self._background.submit(self._copy)
        except RuntimeError:  # being closed: SQLite copies what is left when the last connection goes
            self._copying.release()

    def _copy(self) -> None:
        try:
            if self._connection is None:
                self._connection = connect(self._path, writes=True)
            self._copy_with(self._connection)
        except (DatabaseUnavailable, apsw.Error) as failure:
            self._failure = failure  # for the next commit to tell, and to try again
        finally:
            self._copying.release()

    def _copy_with(self, connection: apsw.Connection) -> None:
        try:
            _pages, self._copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return  # another process is at it; nothing is lost: the pages are in the log

    def close(self) -> None:
        """Let go of the background's connection; its thread must have ended."""
        if self._connection:
            self._connection.close()
