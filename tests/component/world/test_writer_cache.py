"""The writer's page cache is small while commits come fast."""

import asyncio
from pathlib import Path

import apsw
import pytest

from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import PageCaches, open_database
from pillarbox.world.database.sqlite import writer_cache as module
from pillarbox.world.database.sqlite.writer_cache import BUSY_COMMITS, BUSY_OCTETS, WINDOW_S, WriterCache

MIB = 1024 * 1024


def kept(connection: apsw.Connection) -> int:
    kibibytes: int = -connection.pragma("cache_size")
    return kibibytes * 1024


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.pragma("cache_size", -64 * 1024)
    return connection


def commit_for_a_window(cache: WriterCache, commits: float, from_s: float) -> None:
    for number in range(1, int(commits) + 1):
        cache.committed(from_s + WINDOW_S * number / int(commits))


def test_it_is_small_while_commits_come_fast(connection: apsw.Connection) -> None:
    cache = WriterCache(connection, 64 * MIB)
    cache.look(100.0)
    commit_for_a_window(cache, BUSY_COMMITS * WINDOW_S / 2, 100.0)
    assert kept(connection) == 64 * MIB
    commit_for_a_window(cache, BUSY_COMMITS * WINDOW_S, 100.0 + WINDOW_S)
    assert kept(connection) == BUSY_OCTETS
    commit_for_a_window(cache, BUSY_COMMITS * WINDOW_S / 2, 100.0 + 2 * WINDOW_S)
    assert kept(connection) == 64 * MIB


def test_it_grows_again_though_nothing_more_is_committed(connection: apsw.Connection) -> None:
    cache = WriterCache(connection, 64 * MIB)
    cache.look(100.0)
    commit_for_a_window(cache, BUSY_COMMITS * WINDOW_S, 100.0)
    cache.look(100.0 + 1.5 * WINDOW_S)
    assert kept(connection) == BUSY_OCTETS, "too soon to tell"
    cache.look(100.0 + 2 * WINDOW_S)
    assert kept(connection) == 64 * MIB


def test_it_never_keeps_more_than_it_may(connection: apsw.Connection) -> None:
    connection.pragma("cache_size", -4 * 1024)
    cache = WriterCache(connection, 4 * MIB)
    cache.look(100.0)
    commit_for_a_window(cache, 2 * BUSY_COMMITS * WINDOW_S, 100.0)
    assert kept(connection) == 4 * MIB


def test_it_stays_large_in_a_large_database() -> None:
    class Large:
        def pragma(self, name: str, value: object = None) -> int:
            assert value is None, "nothing is changed"
            return {"page_count": module.LARGE_OCTETS // 4096, "page_size": 4096}[name]

    cache = WriterCache(Large(), 64 * MIB)  # type: ignore[arg-type]  # a stand-in for a gigabyte
    cache.look(100.0)
    commit_for_a_window(cache, BUSY_COMMITS * WINDOW_S, 100.0)


def test_a_database_counts_its_commits_and_reading_lets_it_grow(tmp_path: Path) -> None:
    caches = PageCaches(64 * MIB, MIB, MIB)
    database = open_database(tmp_path / "db", [], create=True, caches=caches)

    def nothing(_tx: Transaction) -> None:
        pass

    try:
        cache = database._writer_cache
        asyncio.run(database.write(nothing))
        cache._since_s -= WINDOW_S
        cache._commits = 2 * BUSY_COMMITS
        asyncio.run(database.write(nothing))
        assert kept(database._connection) == BUSY_OCTETS
        cache._since_s -= WINDOW_S
        database._look_at_s = 0.0
        database.read_now(nothing)
        assert kept(database._connection) == 64 * MIB
    finally:
        database.close_now()
