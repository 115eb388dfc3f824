"""Group commit: the verbs that arrive while one transaction is made durable go into the next one.

How it runs. `Writer.write` queues a verb and starts a cycle if none is under way. A cycle takes the turn
among processes, opens a transaction, runs every waiting verb in a savepoint of its own (a lone one needs none:
where it fails, there is nothing else to keep), and gives the COMMIT (C code that waits for the disk, without
the GIL) to a thread. Meanwhile the loop serves its connections, and their verbs wait for the next cycle. There
is no timer: a lone verb waits for one flush of the disk and nothing else.

What is always true:

1. `write` returns only after the commit that holds its verb is durable.
2. A verb that raises has changed nothing, and its neighbours in the batch are untouched.
3. If the commit fails, every verb of the batch fails with `DatabaseUnavailable` and nothing was changed.
4. Verbs run one at a time, in the loop's thread, in the order in which they were given.
5. Every caller gets an answer, whatever fails and wherever; and none is told of a failure once its commit
   is durable.
6. The loop never waits for a lock: whoever holds one, a thread waits, and not for ever.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.commit_thread import CommitThread
from pillarbox.world.database.sqlite import BRIEFLY_MS, SqliteTransaction, world_failures
from pillarbox.world.database.transaction import DatabaseUnavailable
from pillarbox.world.database.write_lock import WriteLock

BATCH_VERBS = 256
"""Verbs in one transaction; beyond, the flush is already shared by so many that more gains nothing."""
LOCKED_MS = 5_000
"""How long verbs wait while a program that knows nothing of turns has the database locked."""
TURN_S = 20.0
"""How long verbs wait for another process to end its turn, which takes milliseconds unless it is stuck."""

Verb = Callable[..., Any]
Report = Callable[[str, BaseException], None]
"""Tells the operator of what failed without a caller to tell: what was tried, and the failure."""


@dataclass(slots=True)
class _Waiting:
    verb: Verb
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    answer: asyncio.Future[Any]
    result: Any = None


class Writer:
    """The one place in a process where transactions that write are begun and ended."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        turn: WriteLock | None,
        thread: CommitThread | None,
        committed: Callable[[Iterable[AccountId]], None],
        after_commit: Callable[[], None],
        report: Report,
    ) -> None:
        """`turn` and `thread` are `None` for a database in memory, which commits on the spot.

        `committed` hears which accounts changed; `after_commit` runs in the thread while the turn
        is still ours (checkpoints that must not meet a writer). If either fails, that is reported, and changes
        nothing for those whose commit is durable.
        """
        self.transaction = SqliteTransaction(connection)
        self._connection = connection
        self._turn = turn
        self._thread = thread
        self._committed = committed
        self._after_commit = after_commit
        self._report = report
        self._waiting: deque[_Waiting] = deque()
        self._cycles: asyncio.Task[None] | None = None
        self._closed = False
        self._begun = False

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way on the connection, so that it sees what is committed and nothing else."""
        return not (self._begun or self._connection.in_transaction)

    async def write(self, verb: Verb, *arguments: Any, **keywords: Any) -> Any:
        """Run the verb; return its result once that is durable."""
        if self._closed:
            raise DatabaseUnavailable("the database has been closed")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(verb, arguments, keywords, loop.create_future())
        self._waiting.append(waiting)
        if self._cycles is None:
            self._cycles = loop.create_task(self._run())
        return await waiting.answer

    async def close(self) -> None:
        """Take nothing more, and wait until nothing is under way."""
        self._closed = True
        while self._cycles is not None:
            await asyncio.wait([self._cycles])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._cycle()
        finally:
            self._cycles = None
            # Left over only where the loop itself is being ended
            self._refuse_all(DatabaseUnavailable("the server is stopping"))

    async def _cycle(self) -> None:
        """One transaction, from the turn to the answers."""
        try:
            await self._take_turn()
        except Exception as failure:
            self._refuse_all(failure)
            return
        try:
            self._begun = True
            await self._begin()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_VERBS))]
            await self._run_and_commit(batch)
        except Exception as failure:
            self._refuse_all(failure)
        finally:
            self._begun = False
            if self._turn:
                self._turn.pass_on()

    async def _take_turn(self) -> None:
        if self._turn is None or self._turn.take_at_once():
            return
        assert self._thread is not None, "a turn is taken among processes, for a file"
        taking = self._thread.begin(self._turn.take)
        while not (await asyncio.wait([taking], timeout=TURN_S))[0]:
            self._refuse_all(DatabaseUnavailable("another process does not end its turn to write"))
        taking.result()

    async def _begin(self) -> None:
        self._undo()  # nothing, unless a roll-back failed before
        try:
            self._begin_within(0)
        except apsw.BusyError:
            if self._thread is None:
                raise
            # In the thread, wait for whoever has the database locked
            await self._thread.run(partial(self._begin_within, LOCKED_MS))

    def _begin_within(self, milliseconds: int) -> None:
        self._connection.set_busy_timeout(milliseconds)
        try:
            self.transaction.control("BEGIN IMMEDIATE")
        finally:
            self._connection.set_busy_timeout(BRIEFLY_MS)

    async def _run_and_commit(self, batch: list[_Waiting]) -> None:
        try:
            done = self._run_verb(batch[0]) if len(batch) == 1 else self._run_verbs(batch)
            trouble = None
            if not done:
                self._undo()
            elif self._thread:
                trouble = await self._thread.run(self._commit)
            else:
                trouble = self._commit()
        except BaseException as failure:  # whatever it was, nothing was committed and everybody must hear so
            self._undo()
            for waiting in batch:
                _refuse(waiting, failure)
            if not isinstance(failure, Exception):
                raise
        else:
            self._tell(done)
            if trouble:
                self._report("checkpoint failed", trouble)

    def _run_verb(self, waiting: _Waiting) -> list[_Waiting]:
        """Run a verb that has the transaction for itself; return it if it succeeded, having refused it if not."""
        try:
            waiting.result = waiting.verb(self.transaction, *waiting.arguments, **waiting.keywords)
        except Exception as failure:
            if not self._connection.in_transaction:  # SQLite gave up on it (disk full)
                raise DatabaseUnavailable(str(failure)) from failure
            _refuse(waiting, failure)
            return []
        return [waiting]

    def _run_verbs(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Run each verb in a savepoint; return those that succeeded, having refused the others."""
        control = self.transaction.control
        done = []
        touched = self.transaction.touched
        for waiting in batch:
            control("SAVEPOINT verb")
            self.transaction.touched = set()
            try:
                waiting.result = waiting.verb(self.transaction, *waiting.arguments, **waiting.keywords)
            except Exception as failure:
                if not self._connection.in_transaction:  # SQLite gave up on the whole of it (disk full)
                    raise DatabaseUnavailable(str(failure)) from failure
                control("ROLLBACK TO verb")
                _refuse(waiting, failure)
            else:
                touched |= self.transaction.touched
                done.append(waiting)
            control("RELEASE verb")
        self.transaction.touched = touched
        return done

    def _commit(self) -> Exception | None:
        """In the thread: the flush, and what must follow it before others write; what failed of the latter."""
        self._connection.execute("COMMIT")
        try:
            self._after_commit()
        except Exception as failure:
            return failure
        return None

    def _tell(self, done: list[_Waiting]) -> None:
        touched = self.transaction.touched
        self.transaction.touched = set()
        for waiting in done:
            if not waiting.answer.done():
                waiting.answer.set_result(waiting.result)
        if touched:
            self.tell_watchers(touched)

    def tell_watchers(self, touched: Iterable[AccountId]) -> None:
        """Say which accounts a durable commit has changed; that nobody could be told changes nothing."""
        try:
            self._committed(touched)
        except Exception as failure:
            self._report("telling of a commit failed", failure)

    def _undo(self) -> None:
        self.transaction.touched = set()
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as failure:
            self._report("roll-back failed", failure)

    def _refuse_all(self, failure: BaseException) -> None:
        while self._waiting:
            _refuse(self._waiting.popleft(), failure)


def _refuse(waiting: _Waiting, failure: BaseException) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(_translated(failure))


def _translated(failure: BaseException) -> Exception:
    try:
        with world_failures():
            raise failure
    except Exception as translated:
        return translated
    except BaseException as ending:
        return DatabaseUnavailable(f"the server is stopping: {ending!r}")
