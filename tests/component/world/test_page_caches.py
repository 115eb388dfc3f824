"""How much of a database its connections keep in memory."""

import asyncio
from pathlib import Path
from threading import Barrier

from pillarbox.world.database import Lane, Transaction
from pillarbox.world.database.sqlite import PageCaches, open_database
from pillarbox.world.database.sqlite.connection import LARGE_SEARCHES

MIB = 1024 * 1024


def test_together_they_take_at_most_as_much_as_the_budget() -> None:
    caches = PageCaches.beside(256 * MIB)
    connections = 2 + sum(lane.value for lane in Lane)
    large = 1 + LARGE_SEARCHES
    assert caches.writer + large * caches.large + (connections - 1 - large) * caches.small <= 256 * MIB
    small = PageCaches.beside(16 * MIB)
    assert small == (16 * MIB, 8 * MIB, 4 * MIB), "what they need at least"


def test_each_connection_has_its_share(tmp_path: Path) -> None:
    caches = PageCaches(4 * MIB, 2 * MIB, MIB)
    database = open_database(tmp_path / "db", [], create=True, caches=caches)
    together = Barrier(LARGE_SEARCHES + 1)

    def octets(tx: Transaction) -> int:
        kibibytes: int = -tx.value("PRAGMA cache_size")
        return kibibytes * 1024

    def octets_of_another(_tx: Transaction) -> int:
        return database.read_now(octets)  # the writer's connection is in use

    def octets_together(tx: Transaction) -> int:
        together.wait()
        return octets(tx)

    async def searches() -> list[int]:
        lanes = [Lane.SEARCHES] * (LARGE_SEARCHES + 1)
        return await asyncio.gather(*[database.read_in_lane(lane, octets_together) for lane in lanes])

    try:
        assert database.read_now(octets) == caches.writer
        assert database.read_now(octets_of_another) == caches.large
        assert sorted(asyncio.run(searches())) == [caches.small] + [caches.large] * LARGE_SEARCHES
        assert asyncio.run(database.read_in_thread(octets)) == caches.small
    finally:
        database.close_now()
