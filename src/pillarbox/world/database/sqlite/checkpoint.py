"""Checkpoints: copying pages from the write-ahead log into the database file, in the background.

A commit only appends to the log. When the log has grown, a thread with a connection of its own copies its pages
into the database file, which blocks no one. The log restarts from its beginning at the first commit that finds
all of it copied. Under a steady load that would never happen, so when the log is large, the writer's own thread
copies the small rest between two transactions.
"""

import threading
from concurrent.futures import Executor
from pathlib import Path

import apsw

from pillarbox.world.database.failures import DatabaseUnavailable
from pillarbox.world.database.sqlite.connection import connect

COPY_FROM_PAGES = 4_000
"""At so many pages not yet copied (some 16 MiB) the background copies them."""
RESTART_FROM_PAGES = 16_000
"""At so many pages in the log (some 64 MiB) the writer copies the rest, so that the log restarts."""


class Checkpoints:
    """Keeps the log of one writer short."""

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
        if pages < self._pages:  # the log has restarted
            self._copied = 0
        self._pages = pages
        return apsw.SQLITE_OK

    def after_commit(self) -> None:
        """Called in the writer's thread, under the write lock. Raises what SQLite raises; nothing is lost then."""
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
        large = self._pages >= RESTART_FROM_PAGES
        if not (large or self._pages - self._copied >= COPY_FROM_PAGES) or not self._copying.acquire(
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
        except RuntimeError:  # closing: SQLite copies the rest when the last connection is closed
            self._copying.release()

    def _copy(self) -> None:
        try:
            if self._connection is None:
                self._connection = connect(self._path, writes=True)
            self._copy_with(self._connection)
        except (DatabaseUnavailable, apsw.Error) as failure:
            self._failure = failure  # the next commit raises it, and tries again
        finally:
            self._copying.release()

    def _copy_with(self, connection: apsw.Connection) -> None:
        try:
            _pages, self._copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return  # another process is copying; the pages are safe in the log

    def close(self) -> None:
        """Close the connection of the background thread, which must have ended."""
        if self._connection:
            self._connection.close()
