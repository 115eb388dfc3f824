"""The database as the rest of the house sees it: `write`, `read`, `read_in_thread`.

`write` runs a verb and returns once its effects are durable (see `transact`). `read` runs a short verb
at once, in the loop's thread, on a snapshot of what is committed: through the writer's connection while that is at
rest, since its cache knows what it has written, else through one of its own. `read_in_thread` does the same for long
reads in a thread, where it can be interrupted. A database is one file: a shard. An open one does not survive a
fork: each process opens its own.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.checkpoint import Checkpoints
from pillarbox.world.database.commit_thread import CommitThread
from pillarbox.world.database.presence import Presence
from pillarbox.world.database.schema import Schema, migrate, pending
from pillarbox.world.database.snapshot import DatabaseSnapshot
from pillarbox.world.database.sqlite import (
    BRIEFLY_MS,
    BUSY_MS,
    WORLD_FAILED,
    SqliteTransaction,
    connect,
    world_failures,
)
from pillarbox.world.database.transact import Report, Writer
from pillarbox.world.database.transaction import DatabaseUnavailable, Transaction
from pillarbox.world.database.write_lock import WriteLock
from pillarbox.world.durable import flush_folder

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Transaction, P], T]

ASIDE_THREADS = 2
"""Long reads under way at once in a process."""


class Database:
    """One shard, open for reading and writing. Made by `open_database` or `memory_database`."""

    def __init__(
        self, path: Path | None, connection: apsw.Connection, presence: Presence | None = None
    ) -> None:
        self.path = path
        self.on_commit: Callable[[Iterable[AccountId]], None] = lambda _accounts: None
        """Hears, in the loop (or from `write_now`), which accounts a durable commit has changed."""
        self.on_failure: Report = lambda _what, _failure: None
        """Hears what failed without a caller to tell."""
        self.calls = 0
        """Verbs this process has asked for, reading or writing: how busy it is, to those who can wait."""
        self._connection = connection
        self._presence = presence
        self._raw_files: list[int] = []
        self._turn = WriteLock(path) if path else None
        self._thread = CommitThread() if path else None
        self._background = ThreadPoolExecutor(1, "checkpoint") if path else None
        self._checkpoints = (
            Checkpoints(path, connection, self._background) if path and self._background else None
        )
        self._writer = Writer(
            connection,
            turn=self._turn,
            thread=self._thread,
            committed=lambda accounts: self.on_commit(accounts),
            after_commit=self._checkpoints.after_commit if self._checkpoints else lambda: None,
            report=lambda what, failure: self.on_failure(what, failure),
        )
        self._reader = SqliteTransaction(connect(path, writes=False) if path else connection)
        self._resting = SqliteTransaction(connection)
        for short in (self._reader, self._resting):
            short.connection.set_busy_timeout(BRIEFLY_MS)
        self._aside = ThreadPoolExecutor(ASIDE_THREADS, "aside") if path else None
        self._aside_local = threading.local()
        self._aside_readers: list[SqliteTransaction] = []

    async def write(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that writes; return its result after the durable commit.

        Raises what the verb raises (then it has changed nothing), or `DatabaseUnavailable` (nor then).
        A caller that is cancelled while waiting does not know whether the verb took effect.
        """
        self.calls += 1
        result: T = await self._writer.write(verb, *arguments, **keywords)
        return result

    def write_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`write` for programs without a loop: blocks until the commit is durable."""
        transaction = self._writer.transaction
        if self._turn:
            self._turn.take()
        self._connection.set_busy_timeout(BUSY_MS)
        try:
            result = _run_alone(transaction, "BEGIN IMMEDIATE", "COMMIT", verb, arguments, keywords)
            touched = transaction.touched
            self._keep_log_short()
        finally:
            self._connection.set_busy_timeout(BRIEFLY_MS)
            transaction.touched = set()
            if self._turn:
                self._turn.pass_on()
        if touched:
            self._writer.tell_watchers(touched)
        return result

    def _keep_log_short(self) -> None:
        try:
            if self._checkpoints:
                self._checkpoints.after_commit()
        except apsw.Error as failure:  # the transaction is durable all the same
            self.on_failure("checkpoint failed", failure)

    async def read(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a short verb that only reads, on what is committed. Raises `DatabaseUnavailable`."""
        return self.read_now(verb, *arguments, **keywords)

    def read_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`read` for programs without a loop. Raises `DatabaseUnavailable`."""
        self.calls += 1
        reader = self._resting if self._writer.at_rest else self._reader
        return _run_alone(reader, "BEGIN", "ROLLBACK", verb, arguments, keywords)

    async def read_in_thread(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that reads much, in a thread. Raises `DatabaseUnavailable`."""
        if self._aside is None:
            return self.read_now(verb, *arguments, **keywords)
        self.calls += 1

        def aside() -> T:
            return _run_alone(self._aside_reader(), "BEGIN", "ROLLBACK", verb, arguments, keywords)

        return await asyncio.get_running_loop().run_in_executor(self._aside, aside)

    def _aside_reader(self) -> SqliteTransaction:
        reader: SqliteTransaction | None = getattr(self._aside_local, "reader", None)
        if reader is None:
            reader = self._aside_local.reader = SqliteTransaction(connect(self.path, writes=False))
            self._aside_readers.append(reader)
        return reader

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
        """Finish what is under way and let go of the files."""
        await self._writer.close()
        self.close_now()

    def close_now(self) -> None:
        """`close` for programs without a loop, or after `write` has settled."""
        for reader in list(self._aside_readers):
            reader.connection.interrupt()
        for pool in (self._aside, self._background):
            if pool:
                pool.shutdown(cancel_futures=pool is self._aside)
        if self._thread:
            self._thread.shutdown()
        for reader in [*self._aside_readers, self._reader]:
            reader.connection.close()
        if self._checkpoints:
            self._checkpoints.close()
        self._connection.close()
        if self._turn:
            self._turn.close()
        for descriptor in self._raw_files:  # not before the last connection: see `snapshot`
            os.close(descriptor)
        if self._presence:
            self._presence.end()


def _run_alone(
    tx: SqliteTransaction, begin: str, end: str, verb: Callable[..., T], arguments: Any, keywords: Any
) -> T:
    """One verb in a transaction of its own."""
    try:
        tx.control(begin)
        result = verb(tx, *arguments, **keywords)
        if end == "ROLLBACK" and tx.has_written():
            raise apsw.ReadOnlyError("a verb that may only read has written")
        tx.control(end)
    except BaseException as failure:
        if tx.connection.in_transaction:
            with world_failures():
                tx.control("ROLLBACK")
        if isinstance(failure, WORLD_FAILED):
            raise DatabaseUnavailable(str(failure)) from failure
        raise
    return result


def memory_database(schemas: Iterable[Schema]) -> Database:
    """A database in memory, gone when closed: for tests and simulations. Commits on the spot."""
    connection = connect(None, writes=True)
    _bring_up_to_date(connection, None, tuple(schemas))
    return Database(None, connection)


def open_database(path: Path, schemas: Iterable[Schema], *, alone: bool = False) -> Database:
    """Open or make a database file and bring its tables up to date.

    `alone`: with nobody else having it open, for what can't be done under others' feet. Raises
    `DatabaseInUse`, `SchemaTooNew`, or `DatabaseUnavailable`.
    """
    with _file_failures():
        presence = Presence(path, alone=alone)
        turn = WriteLock(path)
    try:
        turn.take()
        connection = connect(path, writes=True)
        try:
            _bring_up_to_date(connection, path, tuple(schemas))
        except BaseException:
            connection.close()
            raise
    except BaseException:
        presence.end()
        raise
    finally:
        turn.close()
    return Database(path, connection, presence)


@contextmanager
def _file_failures() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure


def _bring_up_to_date(connection: apsw.Connection, path: Path | None, schemas: tuple[Schema, ...]) -> None:
    tx = SqliteTransaction(connection)
    with world_failures():
        connection.execute("BEGIN IMMEDIATE")
        try:
            behind = pending(tx, schemas)
            connection.execute("COMMIT")
            if path and any(version for _, version in behind):
                _copy_aside(connection, path, behind)
            connection.execute("BEGIN IMMEDIATE")
            migrate(tx, behind)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _copy_aside(connection: apsw.Connection, path: Path, behind: list[tuple[Schema, int]]) -> None:
    """Keep the database as it was, named after the versions found, for a roll-back."""
    versions = "-".join(f"{schema.room}{version}" for schema, version in behind)
    copy = path.with_name(f"{path.name}.before-{versions}")
    if not copy.exists():
        unfinished = copy.with_name(copy.name + ".unfinished")
        unfinished.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(unfinished),))
        unfinished.rename(copy)
        flush_folder(copy.parent)
