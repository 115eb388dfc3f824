"""Group commit: the verbs that arrive while one transaction is made durable go into the next one.

How it runs. `Writer.write` queues a verb and starts a cycle if none is under way. A cycle takes the turn
among processes, opens a transaction, runs every waiting verb in a savepoint of its own, and gives the
COMMIT (C code that waits for the disk, without the GIL) to a thread. Meanwhile the loop serves
its connections, and their verbs wait for the next cycle. There is no timer: a lone verb waits for
one flush of the disk and nothing else.

What is always true:

1. `write` returns only after the commit that holds its verb is durable.
2. A verb that raises has changed nothing, and its neighbours in the batch are untouched.
3. If the commit fails, every verb of the batch fails with `DatabaseUnavailable` and nothing was changed.
4. Verbs run one at a time, in the loop's thread, in the order in which they were given.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import apsw

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.sqlite import SqliteTransaction, world_failures
from pillarbox.world.database.turn import Turn

BATCH_VERBS = 256
"""Verbs in one transaction; beyond, the flush is already shared by so many that more gains nothing."""

Verb = Callable[..., Any]


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
        turn: Turn | None,
        thread: Executor | None,
        committed: Callable[[Iterable[AccountId]], None],
        after_commit: Callable[[], None],
    ) -> None:
        """``turn`` and ``thread`` are ``None`` for a database in memory, which commits on the spot.

        ``committed`` hears which accounts changed; ``after_commit`` runs in the thread while the turn
        is still ours (checkpoints that must not meet a writer).
        """
        self.transaction = SqliteTransaction(connection)
        self._connection = connection
        self._turn = turn
        self._thread = thread
        self._committed = committed
        self._after_commit = after_commit
        self._waiting: deque[_Waiting] = deque()
        self._cycles: asyncio.Task[None] | None = None
        self.verbs_done = 0
        """Verbs that were committed since the start."""

    async def write(self, verb: Verb, *arguments: Any, **keywords: Any) -> Any:
        """Run the verb; return its result once that is durable."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(verb, arguments, keywords, loop.create_future())
        self._waiting.append(waiting)
        if self._cycles is None:
            self._cycles = loop.create_task(self._run(loop))
        return await waiting.answer

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._cycles is not None:
            await asyncio.wait([self._cycles])

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while self._waiting:
                await self._take_turn_and_commit(loop)
        finally:
            self._cycles = None

    async def _take_turn_and_commit(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._turn:
            await self._turn.taken(lambda wait: loop.run_in_executor(self._thread, wait))
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_VERBS))]
        try:
            with world_failures():
                done = self._run_verbs(batch)
                if self._thread:
                    await loop.run_in_executor(self._thread, self._commit)
                else:
                    self._commit()
        except Exception as failure:  # whatever it was, nothing was committed and everybody must hear so
            self._undo()
            for waiting in batch:
                _refuse(waiting, failure)
        else:
            self._tell(done)
        finally:
            if self._turn:
                self._turn.pass_on()

    def _run_verbs(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Run each verb in a savepoint; return those that succeeded, having refused the others."""
        execute = self.transaction.execute
        execute("BEGIN IMMEDIATE")
        done = []
        touched = self.transaction.touched
        for waiting in batch:
            execute("SAVEPOINT verb")
            self.transaction.touched = set()
            try:
                waiting.result = waiting.verb(self.transaction, *waiting.arguments, **waiting.keywords)
            except Exception as failure:
                if not self._connection.in_transaction:  # SQLite gave up on the whole of it (disk full)
                    raise
                execute("ROLLBACK TO verb")
                _refuse(waiting, failure)
            else:
                touched |= self.transaction.touched
                done.append(waiting)
            execute("RELEASE verb")
        self.transaction.touched = touched
        return done

    def _commit(self) -> None:
        """In the thread: the flush, and what must follow it before others write."""
        with world_failures():
            self._connection.execute("COMMIT")
        self._after_commit()

    def _tell(self, done: list[_Waiting]) -> None:
        touched = self.transaction.touched
        self.transaction.touched = set()
        self.verbs_done += len(done)
        for waiting in done:
            if not waiting.answer.done():
                waiting.answer.set_result(waiting.result)
        if touched:
            self._committed(touched)

    def _undo(self) -> None:
        self.transaction.touched = set()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _refuse(waiting: _Waiting, failure: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(_translated(failure))


def _translated(failure: Exception) -> Exception:
    try:
        with world_failures():
            raise failure
    except Exception as translated:
        return translated
