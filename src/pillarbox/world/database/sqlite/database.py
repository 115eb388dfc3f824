"""`Database` on SQLite.

`write` goes through the `Writer`, which commits in groups. `read` runs at once, in the loop's thread: on the
writer's connection while that is at rest, since its cache holds the pages it has just written, else on a
connection for reading. `read_in_thread` runs in a thread, on a connection of that thread's, where it can be
interrupted. `write_in_thread` runs in the thread that commits.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from pillarbox.world.database.commit_counts import CommitCounts
from pillarbox.world.database.database import Lane, OnCommit, OnFailure
from pillarbox.world.database.failures import (
    DatabaseDamaged,
    DatabaseMissing,
    DatabaseUnavailable,
    StatementFailed,
    ValuesDamaged,
)
from pillarbox.world.database.sqlite.checkpoint import Checkpoints
from pillarbox.world.database.sqlite.commit_thread import CommitThread
from pillarbox.world.database.sqlite.connection import (
    BUSY_MS,
    COMMAND_CACHES,
    LARGE_SEARCHES,
    SHORT_BUSY_MS,
    PageCaches,
    connect,
)
from pillarbox.world.database.sqlite.examination import Examined, examine, may_be_damage
from pillarbox.world.database.sqlite.failures import of_missing_table, translated, translated_failures
from pillarbox.world.database.sqlite.log_damage import LogDamage
from pillarbox.world.database.sqlite.presence import FileWatch, Presence
from pillarbox.world.database.sqlite.snapshot import DatabaseSnapshot
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.sqlite.write_lock import WriteLock
from pillarbox.world.database.sqlite.writer import DEFAULT_LIMITS, Writer, WriterLimits
from pillarbox.world.database.sqlite.writer_cache import WriterCache
from pillarbox.world.database.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Transaction, P], T]

LOOK_S = 1.0
"""How often reading looks whether the files are still there; every commit does."""
MAX_REPORTED = 100
"""Different failures of the database that a process reports; each once."""


class SqliteDatabase:
    """See `Database`. Made by `open_database` or `memory_database`."""

    def __init__(
        self,
        path: Path | None,
        connection: apsw.Connection,
        presence: Presence | None = None,
        *,
        log_damage: LogDamage | None = None,
        descriptors: Iterable[int] = (),
        limits: WriterLimits = DEFAULT_LIMITS,
        caches: PageCaches = COMMAND_CACHES,
    ) -> None:
        """`descriptors`: of its files, to be closed with it."""
        self.path = path
        self.log_damage = log_damage
        """What was found, and mended, when it was opened."""
        self.on_commit: OnCommit = lambda _topics: None
        self.on_failure: OnFailure = lambda _what, _failure: None
        self.calls = 0
        self._connection = connection
        self._presence = presence
        self._raw_files = [*descriptors]
        self._watch = FileWatch(path) if path else None
        self._look_at_s = 0.0
        self._reported: set[str] = set()
        self._write_lock = WriteLock(path) if path else None
        self._thread = CommitThread() if path else None
        self._background = ThreadPoolExecutor(1, "checkpoint") if path else None
        self._checkpoints = (
            Checkpoints(path, connection, self._background) if path and self._background else None
        )
        self._writer_cache = WriterCache(connection, caches.writer)
        self._writer = Writer(
            connection,
            write_lock=self._write_lock,
            thread=self._thread,
            committed=lambda topics: self.on_commit(topics),
            after_commit=self._after_commit,
            failed=lambda what, failure: self.on_failure(what, failure),
            look=self._watch.check if self._watch else lambda: None,
            limits=limits,
        )
        in_use = self._writer.transaction.in_use
        self._writer_at_rest = SqliteTransaction(connection, in_use)
        self._caches = caches
        self._reader = self._open_reader(caches.large) if path else self._writer_at_rest
        for short in (self._reader, self._writer_at_rest):
            short.connection.set_busy_timeout(SHORT_BUSY_MS)
        self._lanes = {lane: ThreadPoolExecutor(lane.value, lane.name.lower()) for lane in Lane if path}
        self._thread_local = threading.local()
        self._thread_readers: list[SqliteTransaction] = []
        self._large_caches = iter([caches.large] * LARGE_SEARCHES)

    @property
    def commit_counts(self) -> CommitCounts:
        """How transactions were made durable."""
        return self._writer.counts

    async def write(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.write`."""
        self.calls += 1
        try:
            result: T = await self._writer.write(verb, arguments, keywords)
        except Exception as failure:
            if (told := await self._told_of_write(failure, verb, arguments, keywords)) is failure:
                raise
            raise told from failure
        return result

    async def write_in_thread(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.write_in_thread`. A database in memory is written at once."""
        self.calls += 1
        try:
            result: T = await self._writer.write(verb, arguments, keywords, large=True)
        except Exception as failure:
            if (told := await self._told_of_write(failure, verb, arguments, keywords, large=True)) is failure:
                raise
            raise told from failure
        return result

    def write_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.write_now`."""
        transaction = self._writer.transaction
        if self._write_lock:
            self._write_lock.acquire()
        self._connection.set_busy_timeout(BUSY_MS)
        try:
            result = _run_alone(transaction, "BEGIN IMMEDIATE", "COMMIT", verb, arguments, keywords)
            if self._watch:
                self._watch.check()
            announced = transaction.announced
            self._keep_log_short()
        except Exception as failure:
            if (told := self._told(failure)) is failure:
                raise
            raise told from failure
        finally:
            self._connection.set_busy_timeout(SHORT_BUSY_MS)
            transaction.announced = set()
            if self._write_lock:
                self._write_lock.release()
        if announced:
            self._writer.announce(announced)
        return result

    def _keep_log_short(self) -> None:
        try:
            if self._checkpoints:
                self._checkpoints.after_commit()
        except apsw.Error as failure:  # the transaction is durable all the same
            self.on_failure("checkpoint failed", failure)

    async def read(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.read`. It never suspends; `read_now` is written out here, for speed."""
        self.calls += 1
        reader = self._writer_at_rest if self._writer.at_rest else self._reader
        try:
            if self._watch and time.monotonic() >= self._look_at_s:
                self._look(self._watch)
            return _run_alone(reader, "BEGIN", "ROLLBACK", verb, arguments, keywords)
        except Exception as failure:
            if (told := self._told(failure)) is failure:
                raise
            raise told from failure

    def read_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.read_now`."""
        self.calls += 1
        reader = self._writer_at_rest if self._writer.at_rest else self._reader
        try:
            if self._watch and time.monotonic() >= self._look_at_s:
                self._look(self._watch)
            return _run_alone(reader, "BEGIN", "ROLLBACK", verb, arguments, keywords)
        except Exception as failure:
            if (told := self._told(failure)) is failure:
                raise
            raise told from failure

    async def read_in_thread(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.read_in_thread`."""
        return await self.read_in_lane(Lane.READS, verb, *arguments, **keywords)

    async def read_in_lane(self, lane: Lane, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """See `Database.read_in_lane`. A database in memory is read at once."""
        if not self._lanes:
            return self.read_now(verb, *arguments, **keywords)
        self.calls += 1

        def in_thread() -> T:
            if self._watch:
                self._watch.check()
            return _run_alone(self._thread_reader(lane), "BEGIN", "ROLLBACK", verb, arguments, keywords)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._lanes[lane], in_thread)
        except Exception as failure:
            if (told := self._told(failure)) is failure:
                raise
            raise told from failure

    def _after_commit(self) -> None:
        """In the thread that has committed."""
        self._writer_cache.committed(time.monotonic())
        if self._checkpoints:
            self._checkpoints.after_commit()

    def _look(self, watch: FileWatch) -> None:
        watch.check()  # where it raises, the next read looks again
        now_s = time.monotonic()
        self._look_at_s = now_s + LOOK_S
        if self._writer.at_rest:
            with translated_failures():
                self._writer_cache.look(now_s)

    async def _told_of_write(
        self,
        failure: Exception,
        verb: Callable[..., Any],
        arguments: Any,
        keywords: Any,
        *,
        large: bool = False,
    ) -> Exception:
        """`_told`, of a verb that the writer has run."""
        if may_be_damage(failure):
            try:
                await self._writer.write(examine, (verb, *arguments), keywords, large=large)
            except Examined as examined:
                failure = examined.damage or failure
            except DatabaseUnavailable:
                pass
        return self._told(failure)

    def _told(self, failure: Exception) -> Exception:
        """The failure that callers get, reported where an operator must know."""
        if isinstance(failure, StatementFailed) and self._watch:
            try:
                self._watch.check()
                failure = of_missing_table(failure)
            except DatabaseMissing as missing:  # a file that was emptied has no tables
                failure = missing
        if isinstance(failure, DatabaseDamaged | DatabaseMissing):
            text = str(failure)
            if text not in self._reported and len(self._reported) < MAX_REPORTED:
                self._reported.add(text)
                what = "database damaged" if isinstance(failure, DatabaseDamaged) else "database missing"
                self.on_failure(what, failure)
        return failure

    def _thread_reader(self, lane: Lane) -> SqliteTransaction:
        reader: SqliteTransaction | None = getattr(self._thread_local, "reader", None)
        if reader is None:
            octets = self._caches.small
            if lane is Lane.SEARCHES:
                octets = next(self._large_caches, octets)
            reader = self._thread_local.reader = self._open_reader(octets)
            self._thread_readers.append(reader)
        return reader

    def _open_reader(self, cache_octets: int) -> SqliteTransaction:
        return SqliteTransaction(connect(self.path, writes=False, cache_octets=cache_octets))

    @contextmanager
    def snapshot(self) -> Iterator[DatabaseSnapshot]:
        """The files as they are now, to be copied while others write. Raises `DatabaseUnavailable`."""
        if self.path is None:
            raise DatabaseUnavailable("a database in memory has no files")
        snapshot = DatabaseSnapshot(self.path, self._raw_files)
        try:
            yield snapshot
        finally:
            snapshot.end()

    async def close(self) -> None:
        """See `Database.close`."""
        await self._writer.close()
        self.close_now()

    def close_now(self) -> None:
        """See `Database.close_now`."""
        for reader in list(self._thread_readers):
            reader.connection.interrupt()
        for lane in self._lanes.values():
            lane.shutdown(cancel_futures=True)
        if self._background:
            self._background.shutdown()
        if self._thread:
            self._thread.shutdown()
        for reader in [*self._thread_readers, self._reader]:
            reader.connection.close()
        if self._checkpoints:
            self._checkpoints.close()
        self._connection.close()
        if self._write_lock:
            self._write_lock.close()
        for descriptor in self._raw_files:  # not before the last connection: see `snapshot`
            os.close(descriptor)
        if self._presence:
            self._presence.end()


def _run_alone(
    tx: SqliteTransaction, begin: str, end: str, verb: Callable[..., T], arguments: Any, keywords: Any
) -> T:
    """One verb in a transaction of its own."""
    tx.take()
    try:
        tx.control(begin)
        result = verb(tx, *arguments, **keywords)
        if end == "ROLLBACK" and tx.has_written():
            raise DatabaseUnavailable("a verb that may only read has written")
        tx.control(end)
    except BaseException as failure:
        if tx.connection.in_transaction:
            with translated_failures():
                tx.control("ROLLBACK")
        if isinstance(failure, apsw.Error):
            raise translated(failure) from failure
        if may_be_damage(failure) and (damage := _examined_alone(tx, begin, verb, arguments, keywords)):
            raise damage from failure
        raise
    finally:
        tx.in_use.release()
    return result


def _examined_alone(
    tx: SqliteTransaction, begin: str, verb: Callable[..., Any], arguments: Any, keywords: Any
) -> ValuesDamaged | None:
    try:
        tx.control(begin)
        examine(tx, verb, *arguments, **keywords)
    except Examined as examined:
        return examined.damage
    except apsw.Error:  # it can't begin
        return None
    finally:
        if tx.connection.in_transaction:
            with translated_failures():
                tx.control("ROLLBACK")
    return None
