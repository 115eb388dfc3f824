"""What every `Database` promises, whichever engine is behind it."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import (
    Database,
    DatabaseDamaged,
    DatabaseUnavailable,
    RowRefused,
    Schema,
    SchemaTooNew,
    StatementFailed,
    Transaction,
)
from pillarbox.world.database.sqlite import memory_database, open_database
from pillarbox.world.topic import Topic, account_changed

NOTES = Schema("notes", migrations=("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE)",))


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened = (
        memory_database([NOTES])
        if request.param == "memory"
        else open_database(tmp_path / "db", [NOTES], create=True)
    )
    yield opened
    opened.close_now()


def add(tx: Transaction, note: str) -> int:
    identifier: int = tx.value("INSERT INTO notes (note) VALUES (?) RETURNING id", (note,))
    return identifier


def notes(tx: Transaction) -> list[str]:
    return [note for (note,) in tx.rows("SELECT note FROM notes ORDER BY id")]


def test_what_was_written_is_read(database: Database) -> None:
    assert asyncio.run(database.write(add, "one")) == 1
    assert database.read_now(notes) == ["one"]


def test_rows_are_read_until_their_octets_are_enough(database: Database) -> None:
    def first(tx: Transaction, octets: int) -> tuple[list[tuple[object, ...]], int]:
        found = tx.rows_within(
            "SELECT id, note, CAST(note AS BLOB) FROM notes WHERE id > ? ORDER BY id", (0,), [2], octets
        )
        assert len(notes(tx)) == len(rows), "the next query is not disturbed"
        return found

    rows = [(number, f"{number:04}", b"%04d" % number) for number in range(1, 101)]
    for _, note, _ in rows:
        database.write_now(add, note)
    assert database.read_now(lambda tx: first(tx, 400)) == (rows, 400)
    found, octets = database.read_now(lambda tx: first(tx, 0))
    assert 1 <= len(found) <= 16, "some more than needed"
    assert (found, octets) == (rows[: len(found)], 4 * len(found))
    assert database.read_now(lambda tx: first(tx, octets - 1)) == (found, octets)
    assert len(database.read_now(lambda tx: first(tx, octets))[0]) > len(found)
    assert database.write_now(lambda tx: (first(tx, 0), add(tx, "more"))[1]) == 101, (
        "in the middle of a query"
    )
    with pytest.raises(StatementFailed):
        database.read_now(lambda tx: tx.rows_within("SELECT absent FROM notes", (), [], 1))


def test_a_verb_that_raises_changes_nothing_and_its_neighbours_stay(database: Database) -> None:
    def add_two_then_fail(tx: Transaction) -> None:
        add(tx, "three")
        tx.touch(AccountId(3))
        raise LookupError("no")

    announced: set[Topic] = set()

    def touching(tx: Transaction, note: str, account: int) -> None:
        add(tx, note)
        tx.touch(AccountId(account))

    async def scenario() -> list[object]:
        database.on_commit = announced.update
        return list(
            await asyncio.gather(
                database.write(touching, "one", 1),
                database.write(add_two_then_fail),
                database.write(touching, "two", 2),
                return_exceptions=True,
            )
        )

    results = asyncio.run(scenario())
    assert [type(result) for result in results] == [type(None), LookupError, type(None)]
    assert database.read_now(notes) == ["one", "two"]
    assert announced == {account_changed(AccountId(1)), account_changed(AccountId(2))}


def test_a_faulty_statement_is_its_verbs_own_error(database: Database) -> None:
    async def scenario() -> list[object]:
        return list(
            await asyncio.gather(
                database.write(add, "same"), database.write(add, "same"), return_exceptions=True
            )
        )

    assert [type(result) for result in asyncio.run(scenario())] == [int, RowRefused]
    assert database.read_now(notes) == ["same"]


def test_verbs_run_in_the_order_given(database: Database) -> None:
    async def scenario() -> None:
        await asyncio.gather(*(database.write(add, str(number)) for number in range(600)))

    asyncio.run(scenario())
    assert database.read_now(notes) == [str(number) for number in range(600)]


def test_long_reads_run_in_a_thread(database: Database) -> None:
    async def scenario() -> list[str]:
        await database.write(add, "one")
        return await database.read_in_thread(notes)

    assert asyncio.run(scenario()) == ["one"]


def test_what_writes_much_is_as_atomic_and_announced_as_all_else(database: Database) -> None:
    announced: set[Topic] = set()

    def many(tx: Transaction, *names: str) -> int:
        for name in names:
            add(tx, name)
        tx.touch(AccountId(len(names)))
        return len(names)

    async def scenario() -> list[object]:
        database.on_commit = announced.update
        return list(
            await asyncio.gather(
                database.write_in_thread(many, "one", "two"),
                database.write_in_thread(many, "three", "four", "two"),
                database.write(add, "small"),
                return_exceptions=True,
            )
        )

    first, second, third = asyncio.run(scenario())
    assert (first, type(second), type(third)) == (2, RowRefused, int)
    assert sorted(database.read_now(notes)) == ["one", "small", "two"]
    assert announced == {account_changed(AccountId(2))}


def test_small_writes_go_between_two_that_write_much(database: Database) -> None:
    async def scenario() -> None:
        large = [
            asyncio.ensure_future(database.write_in_thread(add, f"large {number}")) for number in range(3)
        ]
        small = [asyncio.ensure_future(database.write(add, f"small {number}")) for number in range(3)]
        await asyncio.gather(*large, *small)

    asyncio.run(scenario())
    order = [note.split()[0] for note in database.read_now(notes)]
    assert order == ["large", "small", "small", "small", "large", "large"]


def test_the_loop_runs_and_reads_while_much_is_written(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    threads: list[int] = []
    loop_has_run = threading.Event()

    def slow(tx: Transaction) -> bool:
        add(tx, "one")
        threads.append(threading.get_ident())
        return loop_has_run.wait(10)

    async def scenario() -> tuple[bool, list[str]]:
        writing = asyncio.ensure_future(database.write_in_thread(slow))
        while not threads:
            await asyncio.sleep(0)
        seen = await database.read(notes)
        loop_has_run.set()
        return await writing, seen

    assert asyncio.run(scenario()) == (True, [])
    assert threads != [threading.get_ident()]
    assert database.read_now(notes) == ["one"]
    database.close_now()


def test_a_cancelled_caller_does_not_affect_others(database: Database) -> None:
    async def scenario() -> None:
        cancelled = asyncio.ensure_future(database.write(add, "one"))
        kept = asyncio.ensure_future(database.write(add, "two"))
        await asyncio.sleep(0)
        cancelled.cancel()
        await kept

    asyncio.run(scenario())
    assert "two" in database.read_now(notes)


def test_reading_sees_only_what_is_committed(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    seen: list[list[str]] = []

    def add_and_look(tx: Transaction) -> None:
        add(tx, "one")
        seen.append(database.read_now(notes))

    asyncio.run(database.write(add_and_look))
    assert seen == [[]]
    database.close_now()


def test_what_is_being_committed_is_not_read_before_it_is_durable(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    commit, flushing, flushed = database._writer._commit, threading.Event(), threading.Event()

    def commit_slowly() -> Exception | None:
        flushing.set()
        assert flushed.wait(10)
        return commit()

    async def scenario() -> None:
        database._writer._commit = commit_slowly  # type: ignore[method-assign]  # a slow disk
        writing = asyncio.create_task(database.write(add, "one"))
        await asyncio.to_thread(flushing.wait, 10)
        assert database.read_now(notes) == []
        flushed.set()
        await writing
        assert database.read_now(notes) == ["one"]

    asyncio.run(scenario())
    database.close_now()


def test_what_another_process_commits_is_read_at_once(tmp_path: Path) -> None:
    here, there = (open_database(tmp_path / "db", [NOTES], create=True) for _ in range(2))
    for number in range(3):
        for database in (here, there):
            database.write_now(add, f"{number} of {id(database)}")
            assert here.read_now(notes) == there.read_now(notes)
    assert len(here.read_now(notes)) == 6
    here.close_now()
    there.close_now()


def test_a_verb_that_is_to_read_cannot_write(database: Database) -> None:
    def make(tx: Transaction) -> None:
        tx.execute("CREATE TABLE more (id INTEGER)")

    asyncio.run(database.write(add, "one"))
    with pytest.raises(DatabaseUnavailable):
        database.read_now(add, "two")
    with pytest.raises(DatabaseUnavailable):
        database.read_now(make)
    assert database.read_now(notes) == ["one"]
    asyncio.run(database.write(make))


def test_a_lone_verb_that_raises_changes_nothing(database: Database) -> None:
    announced: list[Topic] = []
    database.on_commit = announced.extend

    def add_then_fail(tx: Transaction) -> None:
        add(tx, "one")
        tx.touch(AccountId(1))
        raise LookupError("no")

    async def scenario() -> None:
        with pytest.raises(LookupError):
            await database.write(add_then_fail)
        assert database.read_now(notes) == []
        await database.write(add, "two")

    asyncio.run(scenario())
    assert database.read_now(notes) == ["two"]
    assert not announced


def test_two_processes_write_alternately(tmp_path: Path) -> None:
    first, second = (open_database(tmp_path / "db", [NOTES], create=True) for _ in range(2))

    async def scenario() -> None:
        await asyncio.gather(
            *(first.write(add, f"a{number}") for number in range(300)),
            *(second.write(add, f"b{number}") for number in range(300)),
        )

    asyncio.run(scenario())
    assert len(first.read_now(notes)) == len(second.read_now(notes)) == 600
    first.close_now()
    second.close_now()


def test_a_full_disk_fails_every_verb_of_the_batch_and_later_ones_succeed(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    connection = database._connection
    pages = connection.pragma("page_count")

    async def fill() -> list[object]:
        connection.pragma("max_page_count", pages)
        return list(
            await asyncio.gather(
                database.write(add, "small"), database.write(add, "x" * 100_000), return_exceptions=True
            )
        )

    results = asyncio.run(fill())
    assert isinstance(results[1], DatabaseUnavailable)
    connection.pragma("max_page_count", 1_000_000)
    asyncio.run(database.write(add, "later"))
    kept = ["small"] if not isinstance(results[0], Exception) else []
    assert database.read_now(notes) == [*kept, "later"]
    database.close_now()


def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    connection = database._connection
    assert (connection.pragma("journal_mode"), connection.pragma("synchronous")) == ("wal", 2)
    database.close_now()


def test_the_log_is_copied_home_and_starts_again(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)

    async def scenario() -> None:
        for number in range(60):
            await database.write(add, f"{number}" + "x" * 1_000_000)

    asyncio.run(scenario())
    assert (tmp_path / "db-wal").stat().st_size < 60 * 2_000_000 * 3 // 4
    database.close_now()


NEWER = Schema("notes", migrations=(*NOTES.migrations, "ALTER TABLE notes ADD COLUMN colour TEXT"))


def test_migrations_are_applied_forwards_and_a_copy_is_kept(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    database.write_now(add, "old")
    database.close_now()
    database = open_database(tmp_path / "db", [NEWER], create=True)
    assert database.read_now(lambda tx: tx.rows("SELECT note, colour FROM notes")) == [("old", None)]
    database.close_now()
    assert (tmp_path / "db.before-notes1").stat().st_mode & 0o077 == 0
    copy = sqlite3.connect(tmp_path / "db.before-notes1")
    assert copy.execute("SELECT * FROM notes").fetchall() == [(1, "old")]
    copy.close()


def test_tables_that_are_too_new_are_refused(tmp_path: Path) -> None:
    incompatible = Schema("notes", NEWER.migrations, compatible_back_to=2)
    open_database(tmp_path / "db", [incompatible], create=True).close_now()
    with pytest.raises(SchemaTooNew, match="'notes' have version 2"):
        open_database(tmp_path / "db", [NOTES], create=True)


def test_tables_that_are_new_but_compatible_are_used(tmp_path: Path) -> None:
    open_database(tmp_path / "db", [NEWER], create=True).close_now()
    database = open_database(tmp_path / "db", [NOTES], create=True)
    database.write_now(add, "fine")
    assert database.read_now(notes) == ["fine"]
    database.close_now()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    open_database(tmp_path / "db", [NOTES], create=True).close_now()
    broken = Schema("notes", (*NOTES.migrations, "ALTER TABLE notes ADD COLUMN a;\nNOT SQL"))
    with pytest.raises(StatementFailed):
        open_database(tmp_path / "db", [broken], create=True)
    database = open_database(tmp_path / "db", [NOTES], create=True)
    assert database.read_now(lambda tx: tx.rows("SELECT * FROM notes")) == []
    database.close_now()


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        database = open_database(tmp_path / "pillarbox.db", [NOTES], create=True)
        database.write_now(add, "secret")
        modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
        database.close_now()
    finally:
        os.umask(before)
    assert modes.keys() >= {"pillarbox.db", "pillarbox.db-wal"}
    assert not any(modes.values()), modes


def test_damage_is_raised_by_every_access_and_reported_once(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    database.write_now(
        lambda tx: tx.execute_many("INSERT INTO notes (note) VALUES (?)", [(f"{n:500}",) for n in range(99)])
    )
    database.close_now()
    octets = (tmp_path / "db").read_bytes()
    (tmp_path / "db").write_bytes(octets[:8192] + b"\xff" * (len(octets) - 8192))
    database = open_database(tmp_path / "db", [NOTES], create=True)
    reported: list[str] = []
    database.on_failure = lambda what, _failure: reported.append(what)

    async def scenario() -> None:
        for run in (database.read, database.read_in_thread, database.write):
            with pytest.raises(DatabaseDamaged):
                await run(notes)

    asyncio.run(scenario())
    with pytest.raises(DatabaseDamaged):
        database.read_now(notes)
    assert reported == ["database damaged"]  # once, not for every client
    database.close_now()


def test_a_table_that_is_missing_is_damage(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True)
    database.write_now(lambda tx: tx.execute("DROP TABLE notes"))
    reported: list[str] = []
    database.on_failure = lambda what, _failure: reported.append(what)

    async def scenario() -> None:
        for run in (database.read, database.read_in_thread, database.write):
            with pytest.raises(DatabaseDamaged, match="no such table: notes: pillarbox fsck"):
                await run(notes)

    asyncio.run(scenario())
    for run_now in (database.read_now, database.write_now):
        with pytest.raises(DatabaseDamaged):
            run_now(notes)
    assert reported == ["database damaged"]
    database.close_now()


def test_a_wrong_statement_raises_and_is_not_reported_as_damage(database: Database) -> None:
    with pytest.raises(StatementFailed, match="no such column"):
        database.read_now(lambda tx: tx.rows("SELECT absent FROM notes"))
    with pytest.raises(RowRefused):
        database.write_now(lambda tx: [add(tx, "same"), add(tx, "same")])
    with pytest.raises(RowRefused, match="mismatch"):
        database.write_now(lambda tx: tx.execute("INSERT INTO notes (id) VALUES ('no number')"))
    assert not issubclass(StatementFailed, DatabaseUnavailable)


def test_an_awaited_read_does_not_suspend(database: Database) -> None:
    asyncio.run(database.write(add, "one"))
    reading = database.read(notes)
    with pytest.raises(StopIteration) as done:
        reading.send(None)
    assert done.value.value == ["one"]


def test_two_transactions_at_once_on_one_connection_are_refused(tmp_path: Path) -> None:
    """SQLite does not look: the connections are opened without mutexes."""
    database = open_database(tmp_path / "db", [NOTES], create=True)

    def read_within(_tx: Transaction, depth: int) -> None:
        database.read_now(read_within, depth - 1) if depth else database.read_now(notes)

    async def write_within() -> None:
        def write_now(_tx: Transaction) -> None:
            database.write_now(add, "inner")

        await database.write(write_now)

    try:
        with pytest.raises(RuntimeError, match="used by two"):
            database.read_now(read_within, 1)  # there are two connections
        with pytest.raises(RuntimeError, match="used by two"):
            asyncio.run(write_within())
        assert asyncio.run(database.write(add, "afterwards")) == 1
        assert database.read_now(notes) == ["afterwards"]
    finally:
        database.close_now()


def test_a_server_s_process_keeps_no_statistics_of_memory() -> None:
    program = (
        "import apsw; from pillarbox.world.database.sqlite import keep_no_statistics, memory_database;"
        "keep_no_statistics(); opened = memory_database([]); assert apsw.memory_used() == 0;"
        "keep_no_statistics(); assert opened.read_now(lambda tx: tx.value('SELECT 1')) == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
