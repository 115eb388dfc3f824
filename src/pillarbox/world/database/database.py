"""The database as the rest of the house sees it: `write`, `read`, `read_aside`.

`write` runs a verb and returns once its effects are durable (see `transact`). `read` runs a short verb
at once, in the loop's thread, on a snapshot of what is committed. `read_aside` does the same for
long reads in a thread, where it can be interrupted. A database is one file: a shard.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.checkpoint import Checkpoints
from pillarbox.world.database.schema import Schema, migrate, pending
from pillarbox.world.database.sqlite import SqliteTransaction, connect, world_failures
from pillarbox.world.database.transact import Writer
from pillarbox.world.database.transaction import Transaction
from pillarbox.world.database.turn import Turn

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Transaction, P], T]

ASIDE_THREADS = 2
"""Long reads under way at once in a process."""


class Database:
    """One shard, open for reading and writing. Made by `open_database` or `memory_database`."""

    def __init__(self, path: Path | None, connection: apsw.Connection) -> None:
        self.path = path
        self.on_commit: Callable[[Iterable[AccountId]], None] = lambda _accounts: None
        """Hears, in the loop, which accounts a durable commit has changed."""
        self._connection = connection
        self._turn = Turn(path) if path else None
        self._thread = ThreadPoolExecutor(1, "commit") if path else None
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
        )
        self._reader = SqliteTransaction(connect(path, writes=False) if path else connection)
        self._aside = ThreadPoolExecutor(ASIDE_THREADS, "aside") if path else None
        self._aside_local = threading.local()
        self._aside_readers: list[SqliteTransaction] = []

    async def write(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that writes; return its result after the durable commit.

        Raises what the verb raises (then it has changed nothing), or `DatabaseUnavailable` (nor then).
        A caller that is cancelled while waiting does not know whether the verb took effect.
        """
        result: T = await self._writer.write(verb, *arguments, **keywords)
        return result

    @property
    def verbs_done(self) -> int:
        """Verbs that this process has committed: how busy it is, to those who can wait."""
        return self._writer.verbs_done

    def write_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`write` for programs without a loop: blocks until the commit is durable."""
        if self._turn:
            self._turn.take()
        try:
            return _run_alone(
                self._writer.transaction, "BEGIN IMMEDIATE", "COMMIT", verb, arguments, keywords
            )
        finally:
            self._writer.transaction.touched = set()
            if self._turn:
                self._turn.pass_on()

    def read(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a short verb that only reads, at once. Raises `DatabaseUnavailable`."""
        return _run_alone(self._reader, "BEGIN", "ROLLBACK", verb, arguments, keywords)

    async def read_aside(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that reads much, in a thread. Raises `DatabaseUnavailable`."""
        if self._aside is None:
            return self.read(verb, *arguments, **keywords)

        def aside() -> T:
            return _run_alone(self._aside_reader(), "BEGIN", "ROLLBACK", verb, arguments, keywords)

        return await asyncio.get_running_loop().run_in_executor(self._aside, aside)

    def _aside_reader(self) -> SqliteTransaction:
        reader: SqliteTransaction | None = getattr(self._aside_local, "reader", None)
        if reader is None:
            reader = self._aside_local.reader = SqliteTransaction(connect(self.path, writes=False))
            self._aside_readers.append(reader)
        return reader

    async def close(self) -> None:
        """Finish what is under way and let go of the files."""
        await self._writer.settled()
        self.close_now()

    def close_now(self) -> None:
        """`close` for programs without a loop, or after `write` has settled."""
        for reader in list(self._aside_readers):
            reader.connection.interrupt()
        for pool in (self._aside, self._thread, self._background):
            if pool:
                pool.shutdown()
        for reader in [*self._aside_readers, self._reader]:
            reader.connection.close()
        if self._checkpoints:
            self._checkpoints.close()
        self._connection.close()
        if self._turn:
            self._turn.close()


def _run_alone(
    tx: SqliteTransaction, begin: str, end: str, verb: Callable[..., T], arguments: Any, keywords: Any
) -> T:
    """One verb in a transaction of its own."""
    with world_failures():
        tx.connection.execute(begin)
        try:
            result = verb(tx, *arguments, **keywords)
        except BaseException:
            if tx.connection.in_transaction:
                tx.connection.execute("ROLLBACK")
            raise
        tx.connection.execute(end)
        return result


def memory_database(schemas: Iterable[Schema]) -> Database:
    """A database in memory, gone when closed: for tests and simulations. Commits on the spot."""
    connection = connect(None, writes=True)
    _bring_up_to_date(connection, None, tuple(schemas))
    return Database(None, connection)


def open_database(path: Path, schemas: Iterable[Schema]) -> Database:
    """Open or make a database file and bring its tables up to date.

    Raises `SchemaTooNew`, or `DatabaseUnavailable`.
    """
    connection = connect(path, writes=True)
    turn = Turn(path)
    turn.take()
    try:
        _bring_up_to_date(connection, path, tuple(schemas))
    except BaseException:
        connection.close()
        raise
    finally:
        turn.pass_on()
        turn.close()
    return Database(path, connection)


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
