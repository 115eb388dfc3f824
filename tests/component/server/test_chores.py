"""Chores: what is due when, and how they yield to clients."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pillarbox.directory.sign_in import totp
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.server.chores import Chore, Chores
from pillarbox.server.chores.indexing import CYCLE_S, RUN_S, Rest, Searched, index_mail
from pillarbox.server.chores.runner import BUSY_S, ELSEWHERE_S, IDLE_S, REST_FACTOR
from pillarbox.server.chores.table import LEFTOVERS_EVERY_S
from pillarbox.store import mailboxes, placements, unfinished_copies, uploads
from pillarbox.store.search import feeding, index
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, prepare
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, Transaction
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import shared_among
from pillarbox.world.signals import LocalSignals
from pillarbox.world.world import World
from tests.kit.provider import open_provider


class Later(SystemClock):
    """The machine's clock, and some hours."""

    def __init__(self) -> None:
        self.hours = 0

    def monotonic(self) -> float:
        return super().monotonic() + self.hours * LEFTOVERS_EVERY_S


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_a_copy_that_was_never_finished_is_undone(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        await provider.deliver(0, b"Subject: x\r\n\r\nx\r\n")
        account = provider.accounts[0]
        database, chores = provider.world.database, Chores(provider.world, lambda: True)

        def begin(tx: Transaction, now_ms: int) -> None:
            inbox, to = (mailboxes.by_name(tx, account, name).id for name in ("INBOX", "Archive"))
            copy = partial(
                placements.copy, account=account, mailbox=inbox, uids=EVERYTHING, to=to, now_ms=now_ms
            )
            unfinished_copies.copy_part(tx, account, to, copy, None, now_ms=now_ms)

        def messages() -> int:
            return database.read_now(mailboxes.by_name, account, "Archive").messages

        now_ms = provider.world.clock.now_ms()
        await database.write(begin, now_ms)
        await chores.round()
        assert messages() == 1, "it may go on yet"
        await database.write(begin, now_ms - unfinished_copies.LEASE_MS)
        while await chores.round():
            pass
        assert messages() == 1
        await provider.close()

    asyncio.run(scenario())


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


class Asleep(SystemClock):
    """Work takes 0.01 s by this clock; nobody waits for a sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.mark.parametrize(("others", "rest_s"), [(False, BUSY_S), (True, 0.01 * REST_FACTOR)])
def test_the_chores_rest_longer_while_others_are_served(tmp_path: Path, others: bool, rest_s: float) -> None:
    async def work(world: World, rest: Rest) -> bool:
        for _ in range(2):
            clock.now += 0.01
            running[0]._others = others
            await rest()
        return True

    async def scenario() -> None:
        provider = await open_provider(tmp_path, clock=clock)
        chores = Chores(provider.world, lambda: True, (Chore(work), Chore(work, every_s=3600.0)))
        running.append(chores)
        chores._working_since = clock.now
        clock.slept.clear()
        assert await chores.round()
        assert await chores.round()  # without the second, which is not due
        assert clock.slept == [pytest.approx(rest_s)] * 6
        await provider.close()

    clock = Asleep()
    running: list[Chores] = []
    asyncio.run(scenario())


def test_the_chores_rest_longer_while_another_worker_serves(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Asleep()
        provider = await open_provider(tmp_path, clock=clock)
        this, other = shared_among(2, SystemEntropy())
        other.workers.beat(other.worker, 7)
        chores = Chores(replace(provider.world, shared=this), lambda: True)

        async def rests(*passed_s: float) -> list[float]:
            clock.slept.clear()
            for seconds in passed_s:
                clock.now += seconds
                await chores.rest(0.5)
            return clock.slept.copy()

        assert await rests(0.0, 0.1) == [BUSY_S, BUSY_S], "what it called before does not count"
        other.workers.beat(other.worker, 8)
        assert await rests(0.0, 0.1, 0.1) == [BUSY_S, 0.5, 0.5], "the first sees it at its end"
        this.workers.beat(this.worker, 100)
        assert await rests(ELSEWHERE_S, 0.0) == [0.5, BUSY_S]
        await provider.close()

    asyncio.run(scenario())


def test_no_work_is_looked_for_less_often(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Asleep()
        provider = await open_provider(tmp_path, clock=clock)
        chores = Chores(provider.world, lambda: True)
        chores.start()
        while len(clock.slept) < 3:
            await asyncio.sleep(0)
        await chores.stop()
        assert clock.slept[:3] == [BUSY_S, IDLE_S, IDLE_S]
        await provider.close()

    asyncio.run(scenario())


async def no_rest(_seconds: float | None = None) -> None:
    """Go on at once."""


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
            patched.setattr(feeding, "gather", failing(failure))
            for _ in range(3):
                with contextlib.suppress(type(failure)):
                    await index_mail(provider.world, no_rest)
        while await index_mail(provider.world, no_rest):
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


def test_a_write_under_way_is_completed_and_what_it_began_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        for person in (0, 0, 0, 1, 1, 1):
            await provider.deliver(person, b"Subject: x\r\n\r\nwords\r\n")
        database = provider.world.database
        write, value = database.write_in_thread, database.read
        chores: list[asyncio.Task[bool]] = []

        async def write_and_cancel(*arguments: Any, **keywords: Any) -> Any:
            result = await write(*arguments, **keywords)
            chores[-1].cancel()
            return result

        with monkeypatch.context() as patched:
            patched.setattr(database, "write_in_thread", write_and_cancel)
            for _ in range(8):
                chores.append(asyncio.create_task(index_mail(provider.world, no_rest, limit=1)))
                await asyncio.wait(chores)
                assert chores[-1].cancelled()
                begun = "SELECT count(*) FROM search_attempts JOIN ledgers USING (account) WHERE upto > indexed_email"
                assert await value(lambda tx: tx.value(begun)) == 0  # noqa: B023 - called at once
        while await index_mail(provider.world, no_rest, limit=1):
            pass
        assert await value(lambda tx: tx.value("SELECT count(*) FROM search_given_up")) == 0
        assert await value(lambda tx: tx.value("SELECT count(*) FROM search_index_docsize")) == 6
        await provider.close()

    asyncio.run(scenario())


def test_the_account_that_is_searched_is_fed_first() -> None:
    signals = LocalSignals()
    searched = Searched(signals)
    one, two, three = map(AccountId, (1, 2, 3))
    assert searched.in_order([one, two]) == [one, two]
    assert not searched
    signals.announce([feeding.searched(two), feeding.searched(three)])
    assert searched
    assert searched.in_order([one, two, three]) == [two, one, three]
    assert searched.in_order([one, three]) == [one, three]  # the other is indexed
    assert not searched
    searched.end()
    signals.announce([feeding.searched(one)])
    assert not searched


@pytest.mark.parametrize("is_searched", [False, True])
def test_a_rest_is_shorter_while_what_is_not_indexed_is_searched(tmp_path: Path, is_searched: bool) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        for _ in range(3):
            await provider.deliver(0, b"Subject: x\r\n\r\nwords\r\n")
        rests: list[float | None] = []

        async def rest(seconds: float | None = None) -> None:
            rests.append(seconds)
            if is_searched:
                provider.world.signals.announce([feeding.searched(provider.accounts[0])])

        assert await index_mail(provider.world, rest, limit=1)
        assert len(rests) == 3
        assert all(seconds is not None and seconds >= CYCLE_S for seconds in rests[: 1 if is_searched else 3])
        assert not is_searched or all(seconds is not None and seconds < CYCLE_S for seconds in rests[1:])
        await provider.close()

    asyncio.run(scenario())


def test_other_chores_have_their_turn_however_much_arrived(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Asleep()
        provider = await open_provider(tmp_path, clock=clock)
        for _ in range(10):
            await provider.deliver(0, b"Subject: x\r\n\r\nwords\r\n")

        async def rest(_seconds: float | None = None) -> None:
            clock.now += RUN_S / 4

        assert await index_mail(provider.world, rest, limit=1)
        assert await provider.world.database.read(lambda tx: index.backlog(tx, limit=10)) == 5
        begun = "SELECT count(*) FROM search_attempts JOIN ledgers USING (account) WHERE upto > indexed_email"
        assert await provider.world.database.read(lambda tx: tx.value(begun)) == 0
        await provider.close()

    asyncio.run(scenario())


def test_a_chore_that_fails_leaves_the_others_theirs(tmp_path: Path) -> None:
    async def damaged(_world: World, _rest: Rest) -> bool:
        raise DatabaseDamaged("a page can't be read")

    async def wrong(_world: World, _rest: Rest) -> bool:
        raise ValueError("an error of ours")

    async def last(_world: World, _rest: Rest) -> bool:
        done.append(True)
        return False

    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        chores = Chores(provider.world, lambda: True, (Chore(damaged), Chore(wrong), Chore(last)))
        for _ in range(2):
            assert not await chores.round()
        warned = [fields for name, fields in provider.telemetry.events if name == "chores postponed"]
        assert warned == [{"detail": "a page can't be read"}]
        assert [name for name, _ in provider.telemetry.failures] == ["chore failed"] * 2
        await provider.close()

    done: list[bool] = []
    asyncio.run(scenario())
    assert done == [True, True]


def test_uploads_expire(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        account, database = provider.accounts[0], provider.world.database
        chores = Chores(provider.world, lambda: True)
        now_ms = provider.world.clock.now_ms()
        old = prepare(b"old")
        await database.write(uploads.add, account, old, "a/b", now_ms=now_ms - uploads.KEPT_MS)
        new = await database.write(uploads.add, account, prepare(b"new"), "a/b", now_ms=now_ms)
        while await chores.round():
            pass
        assert new is not None
        assert database.read_now(uploads.find, account, new.digest) == new
        assert database.read_now(uploads.find, account, old.blob.digest) is None
        await provider.close()

    asyncio.run(scenario())


def test_secrets_of_one_time_codes_that_never_came_are_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        database, (first, second, *_) = provider.world.database, provider.accounts
        chores, now_ms = Chores(provider.world, lambda: True), provider.world.clock.now_ms()
        secret = bytes(totp.SECRET_OCTETS)
        await database.write(totp.begin, first, secret, now_ms=now_ms - totp.SETUP_MS)
        await database.write(totp.begin, second, secret, now_ms=now_ms)
        while await chores.round():
            pass
        kept = database.read_now(lambda tx: tx.rows("SELECT account FROM totp_setups"))
        assert kept == [(second,)]
        await provider.close()

    asyncio.run(scenario())
