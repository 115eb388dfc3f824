"""How much one transaction takes on: what there is time for, and the rest goes first into the next.

The time is the loop's, which stands still here but for verbs that say how long they take.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import DatabaseUnavailable, Schema, Transaction
from pillarbox.world.database.sqlite import SqliteDatabase, memory_database, open_database
from pillarbox.world.database.sqlite.writer import MAX_BATCH_VERBS, WriterLimits
from pillarbox.world.topic import Topic, account_changed

NOTES = Schema("notes", migrations=("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE)",))
BATCH_S = 10.0


class SteppedLoop(asyncio.SelectorEventLoop):
    """Its time passes only where it is told."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


class Notes:
    """Writes notes of one letter, each for an account of its own, and sees which ran, and what was committed."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.runs: list[str] = []
        self.commits: list[str] = []
        """What each commit has announced, in the order of letters."""
        self.rounds_before: list[int] = []
        """How often the loop had got to others when each verb ran."""
        self._rounds = 0
        database.on_commit = self._on_commit

    def _on_commit(self, topics: Iterable[Topic]) -> None:
        self.commits.append("".join(sorted({note for note in self.runs if topic(note) in {*topics}})))

    def add(self, tx: Transaction, note: str, takes_s: float, *, fails: bool = False) -> str:
        self.runs.append(note)
        self.rounds_before.append(self._rounds)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppedLoop)
        loop.now_s += takes_s
        tx.execute("INSERT INTO notes (note) VALUES (?)", (note,))
        tx.announce(topic(note))
        if fails:
            raise LookupError(note)
        return note

    async def all_of(self, notes: str, takes_s: float, failing: str = "") -> list[object]:
        """Write a note for each letter, all at once; those in `failing` raise."""
        counting = asyncio.create_task(self._count_rounds())
        writing = [self.database.write(self.add, note, takes_s, fails=note in failing) for note in notes]
        results = await asyncio.gather(*writing, return_exceptions=True)
        counting.cancel()
        return list(results)

    async def _count_rounds(self) -> None:
        while True:
            await asyncio.sleep(0)
            self._rounds += 1


def topic(note: str) -> Topic:
    return account_changed(AccountId(ord(note)))


def written(tx: Transaction) -> list[str]:
    return [note for (note,) in tx.rows("SELECT note FROM notes ORDER BY id")]


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        return runner.run(scenario)


@pytest.fixture(params=["memory", "file"])
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Notes]:
    limits = WriterLimits(max_batch_s=BATCH_S)
    opened = (
        memory_database([NOTES], limits=limits)
        if request.param == "memory"
        else open_database(tmp_path / "db", [NOTES], create=True, limits=limits)
    )
    yield Notes(opened)
    opened.close_now()


def test_a_batch_ends_when_its_time_is_over_and_the_rest_follows_in_order(notes: Notes) -> None:
    assert run(notes.all_of("abcdefg", BATCH_S * 0.4)) == list("abcdefg")
    assert notes.commits == ["abc", "def", "g"]
    assert notes.runs == list("abcdefg"), "each ran once"
    assert notes.database.read_now(written) == list("abcdefg")
    assert notes.database.commit_counts.verbs.total == 7, "counted where they were committed"


def test_verbs_that_take_no_time_share_a_batch_up_to_its_number(notes: Notes) -> None:
    letters = "".join(chr(0x100 + number) for number in range(MAX_BATCH_VERBS + 1))
    run(notes.all_of(letters, 0.0))
    assert [len(one) for one in notes.commits] == [MAX_BATCH_VERBS, 1]


def test_what_was_left_goes_before_what_no_batch_has_taken_yet(notes: Notes) -> None:
    letters = [chr(0x100 + number) for number in range(MAX_BATCH_VERBS + 44)]
    assert run(notes.all_of("".join(letters), BATCH_S * 0.01)) == letters
    assert notes.runs == letters
    assert notes.database.read_now(written) == letters


def test_what_comes_meanwhile_goes_behind_what_was_left(notes: Notes) -> None:
    later: list[asyncio.Task[str]] = []

    def come(_topics: object) -> None:
        if not later:
            later.append(asyncio.create_task(notes.database.write(notes.add, "e", 0.0)))

    async def scenario() -> None:
        notes.database.on_commit = come
        await notes.all_of("abcd", BATCH_S)
        await asyncio.gather(*later)

    run(scenario())
    assert notes.runs == list("abcde")


@pytest.mark.parametrize("failing", ["", "abcdef"])
def test_the_loop_gets_to_others_between_two_batches(notes: Notes, failing: str) -> None:
    """Also where nothing is committed because all has failed."""
    run(notes.all_of("abcdef", BATCH_S, failing))
    rounds = dict(zip(notes.runs, notes.rounds_before, strict=True))
    assert list(rounds) == list("abcdef")
    assert len({*rounds.values()}) == 6, "one verb between two rounds of the loop"


def test_what_runs_again_after_a_failure_is_bounded_as_well(notes: Notes) -> None:
    results = run(notes.all_of("abcdefgh", BATCH_S * 0.25, failing="c"))
    assert [repr(result) for result in results] == [
        "LookupError('c')" if note == "c" else repr(note) for note in "abcdefgh"
    ]
    assert notes.commits == ["abd", "efgh"]
    assert "".join(notes.runs) == "abc" + "abcd" + "efgh", "rolled back, then in savepoints"


def test_a_verb_that_fails_after_the_time_is_over_is_not_run_with_the_batch(notes: Notes) -> None:
    results = run(notes.all_of("abcd", BATCH_S * 0.5, failing="d"))
    assert results[:3] == ["a", "b", "c"]
    assert isinstance(results[3], LookupError)
    assert "".join(notes.runs) == "ab" + "cd" + "cd"
    assert notes.commits == ["ab", "c"]


def test_a_caller_that_leaves_takes_nothing_from_the_others(notes: Notes) -> None:
    async def scenario() -> list[object]:
        writing = [asyncio.create_task(notes.database.write(notes.add, note, BATCH_S)) for note in "abcd"]
        await asyncio.sleep(0)
        writing[2].cancel()
        return list(await asyncio.gather(*writing, return_exceptions=True))

    results = run(scenario())
    assert results[:2] == ["a", "b"]
    assert isinstance(results[2], asyncio.CancelledError)
    assert results[3] == "d"
    assert notes.runs == ["a", "b", "c", "d"]


def test_a_failed_commit_fails_what_it_held_and_nothing_that_was_left(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", [NOTES], create=True, limits=WriterLimits(max_batch_s=BATCH_S))
    notes = Notes(database)
    commit: Callable[[], Exception | None] = database._writer._commit
    failures = [apsw.IOError("the disk is gone")]

    def failing_once() -> Exception | None:
        if failures:
            raise failures.pop()
        return commit()

    database._writer._commit = failing_once  # type: ignore[method-assign]  # stands in for a disk that fails
    results = run(notes.all_of("abcd", BATCH_S * 0.5))
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2 + [str] * 2
    assert database.read_now(written) == ["c", "d"]
    database.close_now()


def test_a_loop_that_ends_answers_those_that_were_left() -> None:
    database = memory_database([NOTES], limits=WriterLimits(max_batch_s=BATCH_S))
    notes = Notes(database)

    def end(_topics: object) -> None:
        assert database._writer._cycles is not None
        database._writer._cycles.cancel()

    database.on_commit = end
    results = run(notes.all_of("abc", BATCH_S))
    assert [type(result) for result in results] == [str, DatabaseUnavailable, DatabaseUnavailable]
    assert database.read_now(written) == ["a"]
    database.close_now()
