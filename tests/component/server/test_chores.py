"""Chores: what is due when, and how they yield to clients."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.server.chores import Chore, Chores
from pillarbox.server.chores.runner import BUSY_S, IDLE_S, REST_FACTOR
from pillarbox.server.chores.table import LEFTOVERS_EVERY_S, index_mail
from pillarbox.store.search import index
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World
from tests.kit.provider import open_provider


class Later(SystemClock):
    """The machine's clock, and some hours."""

    def __init__(self) -> None:
        self.hours = 0

    def monotonic(self) -> float:
        return super().monotonic() + self.hours * LEFTOVERS_EVERY_S


def test_leftovers_are_removed_once_an_hour(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Later()
        provider = await open_provider(tmp_path, clock=clock)
        chores = Chores(provider.world, lambda: True)

        async def leave_one() -> Path:
            writer = provider.world.blobs.writer()
            writer.write(bytes(MAX_IN_DATABASE_OCTETS) + os.urandom(8))
            left, _ = await writer.finish()
            path = tmp_path / "blobs" / str(left.location)
            os.utime(path, (1, 1))
            return path

        first = await leave_one()
        await chores.round()
        assert not first.exists()
        second = await leave_one()
        await chores.round()
        assert second.exists()
        clock.hours = 1
        await chores.round()
        assert not second.exists()
        await provider.close()

    asyncio.run(scenario())


def test_the_chores_rest_longer_while_others_are_served(tmp_path: Path) -> None:
    async def work(world: World) -> bool:
        ran.append(world)
        await asyncio.sleep(0.01)
        return True

    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        chores = Chores(provider.world, lambda: True, (Chore(work), Chore(work, every_s=3600.0)))
        assert await chores.round() == BUSY_S
        assert len(ran) == 2
        chores._others = True
        assert await chores.round() >= 0.01 * REST_FACTOR
        assert len(ran) == 3
        await provider.close()

    ran: list[World] = []
    asyncio.run(scenario())


def test_no_work_is_looked_for_less_often(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        assert await Chores(provider.world, lambda: True).round() == IDLE_S
        await provider.close()

    asyncio.run(scenario())


# --- the search index


def failing(failure: BaseException) -> Callable[..., None]:
    def gather(*_: object) -> None:
        raise failure

    return gather


def feed_failing_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> tuple[int, int]:
    """Let reading one email fail three times, then not; how many are indexed, and how many given up on."""

    async def scenario() -> tuple[int, int]:
        provider = await open_provider(folder)
        await provider.deliver(0, b"Subject: x\r\n\r\nwords\r\n")
        database = provider.world.database
        with monkeypatch.context() as patched:
            patched.setattr(index, "gather", failing(failure))
            for _ in range(3):
                with contextlib.suppress(type(failure)):
                    await index_mail(provider.world)
        while await index_mail(provider.world):
            pass
        indexed = await database.read(lambda tx: tx.value("SELECT count(*) FROM search_index_docsize"))
        given_up = await database.read(lambda tx: tx.value("SELECT count(*) FROM search_given_up"))
        await provider.close()
        return indexed, given_up

    return asyncio.run(scenario())


def test_an_email_that_can_not_be_read_does_not_stop_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert feed_failing_with(tmp_path, monkeypatch, RecursionError()) == (0, 1)


@pytest.mark.parametrize("failure", [DatabaseUnavailable("busy"), asyncio.CancelledError()])
def test_what_is_not_the_emails_fault_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    assert feed_failing_with(tmp_path, monkeypatch, failure) == (1, 0)
