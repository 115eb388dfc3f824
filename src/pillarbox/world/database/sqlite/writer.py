"""Group commit: the verbs that arrive while one transaction is made durable go into the next one.

`Writer.write` queues a verb and starts a cycle if none is under way. A cycle takes the write lock, opens a
transaction, runs every waiting verb, and passes the COMMIT (C code that waits for the disk, without the GIL) to a
thread. Meanwhile the loop serves its connections, and their verbs wait for the next cycle. There is no timer: a lone
verb waits for one flush of the disk and nothing else. A batch takes as many verbs as it has time for, so that the loop
gets to its connections: what is left goes first into the next.

Few verbs raise, so a batch runs without savepoints first. If one of its verbs raises, all is rolled back and runs
again, each verb in a savepoint; and so do the next `CAREFUL_BATCHES`, lest whoever provokes failures make everybody's
verbs run twice. So a verb may run more than once, and has no effect but on its transaction.

Always true:

1. `write` returns only after the commit that holds its verb is durable.
2. A verb that raises has changed nothing, and the other verbs of the batch are unaffected. What it raises is what it
   raised with the verbs before it done, and those undone that raised.
3. If the commit fails, every verb of the batch fails with `DatabaseUnavailable` and nothing was changed.
4. Verbs run one at a time, in the loop's thread, in the order in which they were given. One that writes much has a
   transaction of its own and runs in the thread that commits it; what waits longest behind it goes before the next.
5. Every caller gets an answer, whatever fails and wherever; no caller gets a failure once its commit is durable.
6. The loop never waits for a lock: a thread waits, and only for a limited time.
7. The loop gets to others between two batches; each runs for `WriterLimits.max_batch_s` and one verb at most, and as
   long once more after a failure.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

import apsw
from msgspec import Struct

from pillarbox.world.database.commit_counts import CommitCounts
from pillarbox.world.database.database import OnCommit, OnFailure
from pillarbox.world.database.failures import DatabaseUnavailable, StatementFailed
from pillarbox.world.database.sqlite.commit_thread import CommitThread
from pillarbox.world.database.sqlite.connection import SHORT_BUSY_MS
from pillarbox.world.database.sqlite.failures import translated
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.sqlite.write_lock import WriteLock
from pillarbox.world.topic import Topic

MAX_BATCH_VERBS = 256
"""Verbs in one transaction; beyond, the flush is already shared by so many that more gains nothing."""

CAREFUL_BATCHES = 64
"""So many batches of several verbs run in savepoints after one in which a verb has raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """How long others wait for verbs, and verbs for others before they are refused."""

    max_batch_s: float = 0.01
    """For the verbs of a batch, by the loop's clock; the one that is running then is the last."""

    max_foreign_lock_ms: int = 5_000
    """For a program that does not use the write lock and has the database locked."""
    max_write_lock_s: float = 20.0
    """For another process's write lock, which is held for milliseconds unless it is stuck."""


DEFAULT_LIMITS: Final = WriterLimits()

Verb = Callable[..., Any]


class _Waiting(Struct):
    verb: Verb
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    answer: asyncio.Future[Any]
    result: Any = None
    failure: BaseException | None = None


class Writer:
    """The one place in a process where transactions that write are begun and ended."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        write_lock: WriteLock | None,
        thread: CommitThread | None,
        committed: OnCommit,
        after_commit: Callable[[], None],
        failed: OnFailure,
        look: Callable[[], None] = lambda: None,
        limits: WriterLimits = DEFAULT_LIMITS,
    ) -> None:
        """`write_lock` and `thread` are `None` for a database in memory, which commits on the spot.

        `committed` gets the topics to announce; `after_commit` runs in the thread while the write lock is still
        held (for checkpoints that need that no one writes). If either fails, `failed` is called; nothing changes for
        callers whose commit is durable. `look` raises `DatabaseMissing` where the files that were written to are not
        those that will be found.
        """
        self.transaction = SqliteTransaction(connection)
        self.counts = CommitCounts()
        self._connection = connection
        self._write_lock = write_lock
        self._thread = thread
        self._committed = committed
        self._after_commit = after_commit
        self._failed = failed
        self._look = look
        self._limits = limits
        self._waiting: deque[_Waiting] = deque()
        self._waiting_large: deque[_Waiting] = deque()
        self._large_is_due = True
        self._cycles: asyncio.Task[None] | None = None
        self._closed = False
        self._begun = False
        self._careful = 0
        """Batches still to be run in savepoints."""
        self._others_ran = True
        """Whether the loop got to others while the last cycle was under way."""

    @property
    def at_rest(self) -> bool:
        """Whether no transaction is open on the connection, so that it sees only what is committed."""
        return not (self._begun or self._connection.in_transaction)

    async def write(
        self, verb: Verb, arguments: tuple[Any, ...], keywords: dict[str, Any], *, large: bool = False
    ) -> Any:
        """Run the verb, in the thread if it is `large`; return its result once that is durable."""
        if self._closed:
            raise DatabaseUnavailable("the database has been closed")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(verb, arguments, keywords, loop.create_future())
        (self._waiting_large if large else self._waiting).append(waiting)
        if self._cycles is None:
            self._cycles = loop.create_task(self._run())
        return await waiting.answer

    async def close(self) -> None:
        """Take nothing more, and wait until nothing is under way."""
        self._closed = True
        while self._cycles is not None:
            await asyncio.wait([self._cycles])

    async def _run(self) -> None:
        self._others_ran = True
        try:
            while self._waiting or self._waiting_large:
                if not self._others_ran:
                    await asyncio.sleep(0)
                self._others_ran = False
                await self._cycle()
        finally:
            self._cycles = None
            # Left over only where the loop itself is being ended
            self._refuse_all(DatabaseUnavailable("the server is stopping"))

    async def _cycle(self) -> None:
        """One transaction, from the write lock to the answers."""
        try:
            await self._acquire_write_lock()
        except Exception as failure:
            self._refuse_all(failure)
            return
        try:
            self.transaction.take()
            self._begun = True
            await self._begin()
            if large := self._next_large():
                await self._run_and_commit([large], in_thread=True)
            else:
                count = min(len(self._waiting), MAX_BATCH_VERBS)
                await self._run_and_commit([self._waiting.popleft() for _ in range(count)])
        except Exception as failure:
            self._refuse_all(failure)
        finally:
            if self._begun:
                self._begun = False
                self.transaction.in_use.release()
            if self._write_lock:
                self._write_lock.release()

    def _next_large(self) -> _Waiting | None:
        """The verb that writes much, if it is its turn: others that wait go between two of them."""
        if not self._waiting_large or (self._waiting and not self._large_is_due):
            self._large_is_due = True
            return None
        self._large_is_due = False
        return self._waiting_large.popleft()

    async def _acquire_write_lock(self) -> None:
        if self._write_lock is None or self._write_lock.try_acquire():
            return
        assert self._thread is not None, "only a file has a write lock"
        acquiring = self._thread.begin(self._write_lock.acquire)
        while not (await asyncio.wait([acquiring], timeout=self._limits.max_write_lock_s))[0]:
            self._refuse_all(DatabaseUnavailable("another process does not release the write lock"))
        acquiring.result()

    async def _begin(self) -> None:
        self._undo()  # nothing, unless a roll-back failed before
        try:
            self._begin_within(0)
        except apsw.BusyError:
            if self._thread is None:
                raise
            # In the thread: wait until the database is unlocked
            await self._thread.run(partial(self._begin_within, self._limits.max_foreign_lock_ms))

    def _begin_within(self, milliseconds: int) -> None:
        self._connection.set_busy_timeout(milliseconds)
        try:
            self.transaction.control("BEGIN IMMEDIATE")
        finally:
            self._connection.set_busy_timeout(SHORT_BUSY_MS)

    async def _run_and_commit(self, batch: list[_Waiting], *, in_thread: bool = False) -> None:
        try:
            if in_thread and self._thread:
                self._others_ran = True
                trouble = await self._thread.run(partial(self._run_verb_and_commit, batch[0]))
            elif not await self._run_verbs(batch):
                trouble = None
            elif self._thread:
                self._others_ran = True
                trouble = await self._thread.run(self._commit)
            else:
                trouble = self._commit()
        except BaseException as failure:  # nothing was committed, and every caller must get an answer
            self._undo()
            for waiting in batch:
                _refuse(waiting, waiting.failure or failure)
            if not isinstance(failure, Exception):
                raise
        else:
            self._answer(batch)
            if trouble:
                self._failed("checkpoint failed", trouble)

    def _run_verb_and_commit(self, waiting: _Waiting) -> Exception | None:
        """In the thread."""
        self._run_verb(waiting)
        return None if waiting.failure else self._commit()

    async def _run_verbs(self, batch: list[_Waiting]) -> bool:
        """Run the verbs for which there is time, and leave only these in the batch; whether any succeeded."""
        if len(batch) == 1:  # if it fails, there is nothing else to keep
            self._run_verb(batch[0])
        elif self._careful:
            self._careful -= 1
            self._run_in_savepoints(batch)
        elif not self._run_together(batch):
            self._careful = CAREFUL_BATCHES
            self._undo()
            if self._thread:  # a batch may take as long as others may be kept waiting
                await asyncio.sleep(0)
            await self._begin()
            self._run_in_savepoints(batch)
        self.counts.verbs.observe(len(batch))
        # Mostly the first did, and none is asked further
        return batch[0].failure is None or any(waiting.failure is None for waiting in batch)

    def _in_time(self, batch: list[_Waiting]) -> Iterator[_Waiting]:
        """The verbs to be run now: once the time is over, the others are put back, to be the next batch's first."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + self._limits.max_batch_s
        yield batch[0]
        for count in range(1, len(batch)):
            if now_s() >= end_s:
                self._waiting.extendleft(reversed(batch[count:]))
                del batch[count:]
                return
            yield batch[count]

    def _run_together(self, batch: list[_Waiting]) -> bool:
        """Run the verbs one after another; whether all succeeded."""
        try:
            for waiting in self._in_time(batch):
                waiting.result = waiting.verb(self.transaction, *waiting.arguments, **waiting.keywords)
        except Exception:  # raised again when they run in savepoints
            return False
        return True

    def _run_in_savepoints(self, batch: list[_Waiting]) -> None:
        control = self.transaction.control
        announced = self.transaction.announced
        for waiting in self._in_time(batch):
            control("SAVEPOINT verb")
            self.transaction.announced = set()
            self._run_verb(waiting)
            if waiting.failure:
                control("ROLLBACK TO verb")
            else:
                announced |= self.transaction.announced
            control("RELEASE verb")
        self.transaction.announced = announced

    def _run_verb(self, waiting: _Waiting) -> None:
        """Run a verb, and keep its result or its failure."""
        try:
            waiting.result = waiting.verb(self.transaction, *waiting.arguments, **waiting.keywords)
        except Exception as failure:
            self._go_on_after(failure)
            waiting.failure = failure

    def _go_on_after(self, failure: Exception) -> None:
        """Raise what ends the whole transaction; nothing where only a verb has failed."""
        if isinstance(failure, StatementFailed):  # a file that was emptied has no tables
            self._look()
        if not self._connection.in_transaction:  # SQLite gave up on it (disk full)
            if isinstance(failure, DatabaseUnavailable):
                raise failure
            raise DatabaseUnavailable(str(failure)) from failure

    def _commit(self) -> Exception | None:
        """In the thread: COMMIT, then `after_commit`; return the failure of the latter, if any."""
        began_s = monotonic()
        self._connection.execute("COMMIT")
        self.counts.seconds.observe(monotonic() - began_s)
        self._look()
        try:
            self._after_commit()
        except Exception as failure:
            return failure
        return None

    def _answer(self, batch: list[_Waiting]) -> None:
        announced = self.transaction.announced
        self.transaction.announced = set()
        if self._connection.in_transaction:  # every verb failed
            self._undo()
            announced = set()
        for waiting in batch:
            if waiting.failure:
                _refuse(waiting, waiting.failure)
            elif not waiting.answer.done():
                waiting.answer.set_result(waiting.result)
        if announced:
            self.announce(announced)

    def announce(self, topics: Iterable[Topic]) -> None:
        """Announce the topics of a durable commit; a failure to do so is reported and changes nothing else."""
        try:
            self._committed(topics)
        except Exception as failure:
            self._failed("announcing a commit failed", failure)

    def _undo(self) -> None:
        self.transaction.announced = set()
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as failure:
            self._failed("roll-back failed", failure)

    def _refuse_all(self, failure: BaseException) -> None:
        for queue in (self._waiting, self._waiting_large):
            while queue:
                _refuse(queue.popleft(), failure)


def _refuse(waiting: _Waiting, failure: BaseException) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(_answerable(failure))


def _answerable(failure: BaseException) -> Exception:
    if isinstance(failure, apsw.Error):
        answer = translated(failure)
        answer.__cause__ = failure
        return answer
    if isinstance(failure, Exception):
        return failure
    return DatabaseUnavailable(f"the server is stopping: {failure!r}")
