"""What a verb raises because of a damaged row is damage; what it raises by itself stays an error of ours."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pillarbox.world.database import Schema, Transaction, ValuesDamaged
from pillarbox.world.database.sqlite import SqliteDatabase, memory_database

SCHEMA = Schema(
    "things",
    migrations=(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, name TEXT NOT NULL, more INTEGER)",
    ),
)


@pytest.fixture
def database() -> Iterator[SqliteDatabase]:
    opened = memory_database([SCHEMA])
    opened.write_now(
        lambda tx: tx.execute("INSERT INTO things VALUES (1, 5, 'five', NULL), (2, 6, 'six', 7)")
    )
    yield opened
    opened.close_now()


def damage(database: SqliteDatabase, change: str) -> None:
    database.write_now(lambda tx: tx.execute(f"UPDATE things SET {change} WHERE id = 1"))


def total(tx: Transaction) -> int:
    tx.execute("UPDATE things SET more = 0")
    return int(sum(size for (size,) in tx.rows("SELECT size FROM things")))


def read_total(tx: Transaction) -> int:
    return int(sum(size for (size,) in tx.rows("SELECT size FROM things")))


def runs(database: SqliteDatabase) -> list[Callable[[], Any]]:
    """Every way to run a verb."""
    return [
        lambda: database.read_now(read_total),
        lambda: database.write_now(total),
        lambda: asyncio.run(database.read(read_total)),
        lambda: asyncio.run(database.read_in_thread(read_total)),
        lambda: asyncio.run(database.write(total)),
        lambda: asyncio.run(database.write_in_thread(total)),
    ]


def test_what_comes_of_a_damaged_row_is_damage_however_the_verb_runs(database: SqliteDatabase) -> None:
    damage(database, "size = 'zz'")
    reported: list[str] = []
    database.on_failure = lambda what, _failure: reported.append(what)
    for run in runs(database):
        with pytest.raises(ValuesDamaged, match="table things has a damaged size: pillarbox fsck"):
            run()
    assert reported == ["database damaged"], "once"
    assert database.read_now(lambda tx: tx.value("SELECT more FROM things WHERE id = 2")) == 7


@pytest.mark.parametrize("damaged", [False, True])
def test_others_that_are_written_with_it_are_not_affected(database: SqliteDatabase, damaged: bool) -> None:
    if damaged:
        damage(database, "size = 'zz'")

    async def together() -> tuple[object, object]:
        rename = database.write(lambda tx: tx.execute("UPDATE things SET name = 'new'"))
        return await asyncio.gather(database.write(total), rename, return_exceptions=True)

    outcome, changed = asyncio.run(together())
    assert isinstance(outcome, ValuesDamaged) if damaged else outcome == 11
    assert changed == 2


@pytest.mark.parametrize(
    "change", ["size = 1.5", "size = x'00'", "size = 9223372036854775807", "name = x'00'", "more = 'x'"]
)
def test_every_wrong_value_that_was_read_is_found(database: SqliteDatabase, change: str) -> None:
    damage(database, change)

    def verb(tx: Transaction) -> None:
        tx.rows("SELECT * FROM things")
        raise KeyError(1)

    with pytest.raises(ValuesDamaged):
        database.read_now(verb)


def test_what_a_verb_raises_by_itself_stays_what_it_is(database: SqliteDatabase) -> None:
    def wrong(tx: Transaction) -> None:
        tx.rows("SELECT * FROM things t LEFT JOIN things o ON o.id = t.id + 100")
        raise TypeError("ours")

    for run in (database.read_now, database.write_now):
        with pytest.raises(TypeError, match="ours"):
            run(wrong)
    with pytest.raises(TypeError, match="ours"):
        asyncio.run(database.write(wrong))
    assert database.read_now(read_total) == 11


def test_a_damaged_row_that_the_verb_did_not_read_does_not_excuse_it(database: SqliteDatabase) -> None:
    damage(database, "size = 'zz'")

    def wrong(tx: Transaction) -> None:
        tx.rows("SELECT size FROM things WHERE id = 2")
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        database.read_now(wrong)
