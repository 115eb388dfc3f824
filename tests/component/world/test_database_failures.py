"""What the database does when something fails in an odd place: callers get the failure, nothing is lost, it goes on."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import (
    DatabaseDamaged,
    DatabaseInUse,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseUnavailable,
    Schema,
    Transaction,
)
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.database.sqlite.write_lock import WriteLock
from pillarbox.world.database.sqlite.writer import CAREFUL_BATCHES, WriterLimits

NOTES = Schema("notes", migrations=("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE)",))


@pytest.fixture
def limits() -> WriterLimits:
    return WriterLimits()


@pytest.fixture
def database(tmp_path: Path, limits: WriterLimits) -> Iterator[SqliteDatabase]:
    opened = open_database(tmp_path / "db", [NOTES], limits=limits, create=True)
    yield opened
    opened.close_now()


def add(tx: Transaction, note: str, account: int = 1) -> None:
    tx.execute("INSERT INTO notes (note) VALUES (?)", (note,))
    tx.touch(AccountId(account))


def notes(tx: Transaction) -> list[str]:
    return [note for (note,) in tx.rows("SELECT note FROM notes ORDER BY id")]


class Failing:
    """A connection of which one kind of statement fails, so many times."""

    def __init__(self, connection: apsw.Connection, statement: str, failure: Exception, times: int) -> None:
        self._connection = connection
        self._statement = statement
        self._failure = failure
        self._times = times

    def execute(self, sql: str, *arguments: Any) -> Any:
        if sql == self._statement and self._times:
            self._times -= 1
            raise self._failure
        return self._connection.execute(sql, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def break_statement(database: SqliteDatabase, statement: str, failure: Exception, times: int = 1) -> None:
    database._writer._connection = Failing(database._connection, statement, failure, times)  # type: ignore[assignment]  # it has what the writer calls


def test_a_failing_commit_callback_does_not_affect_callers(database: SqliteDatabase) -> None:
    reported: list[tuple[str, str]] = []

    def refuse(_accounts: object) -> None:
        raise LookupError("no such folder")

    async def scenario() -> None:
        database.on_commit = refuse
        database.on_failure = lambda what, failure: reported.append((what, str(failure)))
        await asyncio.gather(*(database.write(add, str(number)) for number in range(600)))

    asyncio.run(scenario())
    assert len(database.read_now(notes)) == 600
    assert reported[0] == ("announcing a commit failed", "no such folder")


def test_a_checkpoint_that_fails_does_not_undo_what_is_durable(database: SqliteDatabase) -> None:
    reported: list[BaseException] = []

    def fail() -> None:
        raise apsw.CorruptError("malformed")

    async def scenario() -> None:
        database._writer._after_commit = fail
        database.on_failure = lambda _what, failure: reported.append(failure)
        await database.write(add, "kept")

    asyncio.run(scenario())
    assert database.read_now(notes) == ["kept"]
    assert isinstance(reported[0], apsw.CorruptError)


def test_a_failed_commit_is_raised_to_all_callers_even_if_the_roll_back_fails(
    database: SqliteDatabase,
) -> None:
    async def scenario() -> list[object]:
        break_statement(database, "COMMIT", apsw.IOError("the disk is gone"))
        database._writer._connection = Failing(  # type: ignore[assignment]  # as above
            database._writer._connection, "ROLLBACK", apsw.IOError("still gone"), 1
        )
        results = await asyncio.gather(
            database.write(add, "one"), database.write(add, "two"), return_exceptions=True
        )
        await database.write(add, "three")
        return list(results)

    results = asyncio.run(scenario())
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert database.read_now(notes) == ["three"]


def test_after_a_failure_all_verbs_run_in_savepoints_for_a_while(database: SqliteDatabase) -> None:
    runs: list[str] = []

    def noted(tx: Transaction, note: str) -> None:
        runs.append(note)
        add(tx, note)

    def fail(tx: Transaction) -> None:
        add(tx, "undone")
        raise LookupError("no")

    async def batch(note: str) -> None:
        writing = [database.write(noted, note), database.write(fail)]
        assert isinstance((await asyncio.gather(*writing, return_exceptions=True))[1], LookupError)

    async def scenario() -> None:
        for number in range(CAREFUL_BATCHES + 2):
            await batch(str(number))

    asyncio.run(scenario())
    last = str(CAREFUL_BATCHES + 1)
    assert [note for note in runs if runs.count(note) > 1] == ["0", "0", last, last], "these ran again"
    assert database.read_now(notes) == [str(number) for number in range(CAREFUL_BATCHES + 2)]


def test_a_batch_that_runs_again_waits_for_another_program(database: SqliteDatabase) -> None:
    """Between roll-back and the new beginning, a program without the write lock may have locked the database."""
    other = apsw.Connection(str(database.path))
    held: list[int] = []

    def lock(*_arguments: object) -> None:
        if not held:
            held.append(1)
            other.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(0.05, other.execute, "ROLLBACK")

    class Locking(Failing):
        def execute(self, sql: str, *arguments: Any) -> Any:
            done = super().execute(sql, *arguments)
            if sql == "ROLLBACK":
                lock()
            return done

    def fail(_tx: Transaction) -> None:
        raise LookupError("no")

    async def scenario() -> list[object]:
        database._writer._connection = Locking(database._connection, "", LookupError(), 0)  # type: ignore[assignment]  # as above
        return list(
            await asyncio.gather(database.write(add, "one"), database.write(fail), return_exceptions=True)
        )

    results = asyncio.run(scenario())
    other.close()
    assert held
    assert [type(result) for result in results] == [type(None), LookupError]
    assert database.read_now(notes) == ["one"]


def test_what_could_not_be_rolled_back_is_not_read(database: SqliteDatabase) -> None:
    def add_then_fail(tx: Transaction) -> None:
        add(tx, "one")
        raise LookupError("no")

    async def scenario() -> None:
        break_statement(database, "ROLLBACK", apsw.IOError("the disk is gone"))
        with pytest.raises(LookupError):
            await database.write(add_then_fail)
        assert database.read_now(notes) == []
        await database.write(add, "two")

    asyncio.run(scenario())
    assert database.read_now(notes) == ["two"]


def test_a_write_lock_that_cannot_be_taken_refuses_waiting_verbs(database: SqliteDatabase) -> None:
    class NoLocks:
        def try_acquire(self) -> bool:
            raise OSError("no locks available")

    async def scenario() -> None:
        turn = database._writer._write_lock
        database._writer._write_lock = NoLocks()  # type: ignore[assignment]  # it has what is called
        with pytest.raises(OSError, match="no locks"):
            await database.write(add, "one")
        database._writer._write_lock = turn
        await database.write(add, "two")

    asyncio.run(scenario())
    assert database.read_now(notes) == ["two"]


@pytest.mark.parametrize("limits", [WriterLimits(max_write_lock_s=0.05)])
def test_a_process_that_keeps_the_write_lock_blocks_others_for_a_limited_time(
    database: SqliteDatabase,
) -> None:
    assert database.path is not None
    stuck = WriteLock(database.path)
    stuck.acquire()

    async def scenario() -> None:
        for note in ("one", "two"):
            with pytest.raises(DatabaseUnavailable, match="does not release the write lock"):
                await database.write(add, note)
        stuck.release()
        await database.write(add, "three")

    asyncio.run(scenario())
    stuck.close()
    assert database.read_now(notes) == ["three"]


@pytest.mark.parametrize("limits", [WriterLimits(max_foreign_lock_ms=200)])
def test_a_database_locked_by_another_program_is_unavailable_and_the_loop_goes_on(
    database: SqliteDatabase,
) -> None:
    rounds = 0

    async def count_rounds_of_the_loop() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    async def scenario(other_program: apsw.Connection) -> None:
        counting = asyncio.create_task(count_rounds_of_the_loop())
        other_program.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable):
            await database.write(add, "refused")
        counting.cancel()
        waits = asyncio.create_task(database.write(add, "patient"))
        await asyncio.sleep(0.05)
        other_program.execute("ROLLBACK")
        await waits

    # Not the standard library's SQLite: two of them in one process do not see each other's locks
    with closing(apsw.Connection(str(database.path))) as other_program:
        asyncio.run(scenario(other_program))
    assert database.read_now(notes) == ["patient"]
    assert rounds > 20, "the loop waited for the lock"


def test_a_loop_that_ends_during_a_commit_waits_for_it_and_answers(database: SqliteDatabase) -> None:
    results: list[object] = []

    async def scenario() -> None:
        real = database._writer._commit

        def slow_commit() -> Exception | None:
            time.sleep(0.1)
            return real()

        database._writer._commit = slow_commit  # type: ignore[method-assign]  # a slow disk
        writing = asyncio.create_task(database.write(add, "under way"))
        writing.add_done_callback(lambda task: results.append(task.cancelled() or task.result()))
        await asyncio.sleep(0.03)
        assert database._writer._cycles is not None
        database._writer._cycles.cancel()
        await writing

    asyncio.run(scenario())
    assert results == [None]
    assert database.read_now(notes) == ["under way"]
    assert database._write_lock is not None
    assert database._write_lock.try_acquire()


def test_a_loop_that_ends_before_it_has_the_write_lock_answers_all_callers(database: SqliteDatabase) -> None:
    assert database.path is not None
    other = WriteLock(database.path)
    other.acquire()

    async def scenario() -> None:
        writing = asyncio.create_task(database.write(add, "never"))
        await asyncio.sleep(0.02)
        assert database._writer._cycles is not None
        database._writer._cycles.cancel()
        with pytest.raises(DatabaseUnavailable, match="stopping"):
            await writing

    asyncio.run(scenario())
    other.release()
    other.close()


def test_a_closed_database_is_unavailable(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)

    async def scenario() -> None:
        await database.write(add, "one")
        await database.close()
        with pytest.raises(DatabaseUnavailable, match="closed"):
            await database.write(add, "two")

    asyncio.run(scenario())


def test_write_now_that_cannot_commit_leaves_nothing_open(database: SqliteDatabase) -> None:
    tx = database._writer.transaction
    real = tx.control
    failing = Failing(tx.connection, "COMMIT", apsw.FullError("disk is full"), 1)
    tx.control = failing.execute  # stands in for the cursor
    with pytest.raises(DatabaseUnavailable):
        database.write_now(add, "one")
    tx.control = real
    database.write_now(add, "two")
    assert database.read_now(notes) == ["two"]


def test_exclusive_opening_does_not_wait_and_raises(tmp_path: Path) -> None:
    served = open_database(tmp_path / "db", [NOTES], create=True)
    also = open_database(tmp_path / "db", [NOTES], create=True)
    with pytest.raises(DatabaseInUse, match="stop the server"):
        open_database(tmp_path / "db", [NOTES], alone=True, create=True)
    served.close_now()
    also.close_now()
    alone = open_database(tmp_path / "db", [NOTES], alone=True, create=True)
    with pytest.raises(DatabaseInUse, match="try again"):
        open_database(tmp_path / "db", [NOTES], create=True)
    alone.close_now()


def test_a_missing_folder_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="No such file"):
        open_database(tmp_path / "absent" / "db", [NOTES], create=True)


def test_damage_is_the_worlds_failure(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        open_database(tmp_path / "db", [NOTES], create=True)


# --- files that disappear or are replaced


def _unlinked(path: Path) -> None:
    path.unlink()


def _replaced_by_an_empty_file(path: Path) -> None:
    path.unlink()
    path.touch()


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _replaced_by_another_database(path: Path) -> None:
    path.rename(path.with_name("moved"))
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE)")
    connection.close()


def _folder_moved_away(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def _log_unlinked(path: Path) -> None:
    Path(f"{path}-wal").unlink()


DISAPPEARANCES = [
    _unlinked,
    _replaced_by_an_empty_file,
    _emptied,
    _replaced_by_another_database,
    _folder_moved_away,
    _log_unlinked,
]


@pytest.mark.parametrize("disappear", DISAPPEARANCES)
def test_a_database_that_is_gone_is_unavailable_and_nothing_is_acknowledged(
    tmp_path: Path, disappear: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    database = open_database(folder / "db", [NOTES], create=True)
    reported: list[str] = []
    database.on_failure = lambda what, _failure: reported.append(what)
    database.write_now(add, "before")
    disappear(folder / "db")

    async def scenario() -> None:
        for _ in range(2):
            with pytest.raises(DatabaseMissing):
                await database.write(add, "lost")
            with pytest.raises(DatabaseMissing):
                await database.read_in_thread(notes)
        with pytest.raises(DatabaseMissing):
            database.write_now(add, "lost as well")

    asyncio.run(scenario())
    with closing(database._reader.connection):
        database._look_at_s = 0.0
        with pytest.raises(DatabaseMissing):
            database.read_now(notes)
    assert set(reported) == {"database missing"}
    assert len(reported) <= 2, "not for every client"
    known = {"db", "db-wal", "db-shm", "db-open", "db-gate", "db-turn", "moved"}
    assert not folder.exists() or {path.name for path in folder.iterdir()} <= known
    database.close_now()


def test_a_database_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """Its disk was not there for a while."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = open_database(folder / "db", [NOTES], create=True)
    folder.rename(tmp_path / "away")
    with pytest.raises(DatabaseMissing):
        database.write_now(add, "while it is away")
    (tmp_path / "away").rename(folder)
    database.write_now(add, "back")
    assert "back" in database.read_now(notes)
    database.close_now()


@pytest.mark.parametrize("left", ["nothing", "an empty file", "no folder"])
def test_no_new_database_is_made_where_one_is_missing(tmp_path: Path, left: str) -> None:
    path = tmp_path / "data" / "db"
    if left != "no folder":
        path.parent.mkdir()
    if left == "an empty file":
        path.touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatabaseMissing):
        open_database(path, [NOTES])
    assert sorted(tmp_path.rglob("*")) == before, "not even a lock file"


def test_a_lock_of_another_program_is_told_as_that(tmp_path: Path) -> None:
    limits = WriterLimits(max_foreign_lock_ms=10)
    database = open_database(tmp_path / "db", [NOTES], limits=limits, create=True)
    shell = apsw.Connection(str(tmp_path / "db"))
    shell.execute("BEGIN EXCLUSIVE")

    async def scenario() -> None:
        with pytest.raises(DatabaseLocked, match="locked by another program"):
            await database.write(add, "refused")

    asyncio.run(scenario())
    assert database.read_now(notes) == []
    shell.execute("COMMIT")
    database.write_now(add, "taken")
    shell.close()
    database.close_now()


def test_a_text_that_is_not_utf8_is_damage(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    database.write_now(lambda tx: tx.execute("INSERT INTO notes (note) VALUES (CAST(x'ff41' AS TEXT))"))
    with pytest.raises(DatabaseDamaged):
        database.read_now(notes)
    database.close_now()
