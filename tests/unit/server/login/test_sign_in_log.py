"""Sign-ins are written in the background, many at once, and within bounds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pillarbox.app.database import SCHEMAS
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import devices, sign_ins
from pillarbox.directory.sign_in.sign_ins import Result, SignIn, Way
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.sign_in_log import (
    LATER_S,
    MAX_FAILED,
    OWN_PASSWORD,
    SOON_S,
    TOGETHER,
    UNKNOWN,
    SignInLog,
)
from pillarbox.store import mailboxes
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.telemetry import MemoryTelemetry
from pillarbox.world.world import World
from tests.kit.people import NOW_MS, person
from tests.kit.world import world_of

HOME, AWAY = "192.0.2.1", "198.51.100.1"


@dataclass
class Counting:
    """A database that counts what is written."""

    inner: Database
    writes: int = 0
    fails: bool = False
    accounts: list[AccountId] = field(default_factory=list)

    async def write(self, verb: Any, account: AccountId, *arguments: Any, **keywords: Any) -> Any:
        """See `Database`."""
        self.writes += 1
        self.accounts.append(account)
        if self.fails:
            raise DatabaseUnavailable("the disk is full")
        return await self.inner.write(verb, account, *arguments, **keywords)


@dataclass
class Bench:
    """A log, and what is behind it."""

    log: SignInLog
    counting: Counting
    clock: VirtualClock
    telemetry: MemoryTelemetry
    people: list[Account]
    world: World

    def note(
        self, result: Result = Result.SUCCEEDED, *, person: int = 0, address: str = HOME, **more: Any
    ) -> None:
        means = OWN_PASSWORD if result is Result.SUCCEEDED else UNKNOWN
        self.log.note(self.people[person].id, Way.IMAP, address, means, result, **more)

    async def written(self, seconds: float = 0.0) -> int:
        """How often something was written, after so much time."""
        await self.clock.advance(seconds)
        while self.log._tasks:
            await asyncio.gather(*self.log._tasks)
        return self.counting.writes

    def rows(self, person: int = 0) -> list[SignIn]:
        return self.counting.inner.read_now(sign_ins.listing, self.people[person].id)


def run(scenario: Callable[[Bench], Awaitable[Any]], people: int = 1) -> None:
    def make(tx: Transaction) -> list[Account]:
        made = [person(tx, f"u{number}@one.example") for number in range(people)]
        for each in made:
            mailboxes.create_defaults(tx, each.id, now_ms=NOW_MS)
        return made

    async def inside() -> None:
        database = memory_database(SCHEMAS)
        made = database.write_now(make)
        counting, clock, telemetry = Counting(database), VirtualClock(NOW_MS), MemoryTelemetry()
        world = world_of(counting, clock, telemetry=telemetry)  # type: ignore[arg-type]  # all that is used of one
        bench = Bench(SignInLog(world), counting, clock, telemetry, made, world)
        await scenario(bench)
        await bench.log.settled()
        await database.close()

    asyncio.run(inside())


def test_what_is_new_is_written_soon_and_what_is_not_later() -> None:
    async def scenario(bench: Bench) -> None:
        bench.note()
        assert await bench.written() == 0, "no login waits for it"
        assert await bench.written(SOON_S) == 1
        for _ in range(10):
            bench.note()
            await bench.written(SOON_S)
        assert bench.counting.writes == 1
        assert await bench.written(LATER_S) == 2
        (row,) = bench.rows()
        assert (row.count, row.first_at_ms) == (11, NOW_MS)

    run(scenario)


def test_a_flood_of_log_ins_is_one_write() -> None:
    async def scenario(bench: Bench) -> None:
        for _ in range(10_000):
            bench.note()
        assert await bench.written(SOON_S) == 1
        assert bench.rows()[0].count == 10_000

    run(scenario)


def test_a_flood_of_guesses_is_few_rows_and_pushes_out_nobody() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(5_000):
            bench.note(
                Result.FAILED, address=f"198.51.{number // 250}.{number % 250}", reason="wrong password"
            )
        bench.note()
        assert await bench.written(SOON_S) == 1
        found = bench.rows()
        assert sum(row.has_failed for row in found) == MAX_FAILED
        assert sum(not row.has_failed for row in found) == 1
        assert "too many different logins: not all recorded" in str(bench.telemetry.events)

    run(scenario)


def test_many_accounts_are_written_in_parts() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(len(bench.people)):
            bench.note(person=number)
        assert await bench.written(SOON_S) == len(bench.people)
        assert {*bench.counting.accounts} == {each.id for each in bench.people}

    run(scenario, people=2 * TOGETHER + 1)


def test_many_attempts_at_one_account_are_written_in_parts() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(2 * TOGETHER + 1):
            bench.note(address=f"198.51.100.{number}")
        assert await bench.written(SOON_S) == 3
        rows = bench.rows()
        assert [row.attempt.address for row in reversed(rows)] == [
            f"198.51.100.{number}" for number in range(2 * TOGETHER + 1)
        ]

    run(scenario)


def test_nobody_hears_that_it_could_not_be_written() -> None:
    async def scenario(bench: Bench) -> None:
        bench.counting.fails = True
        bench.note()
        await bench.written(SOON_S)
        assert "login not recorded" in str(bench.telemetry.events)
        bench.counting.fails = False
        bench.note()
        await bench.log.settled()
        assert [row.count for row in bench.rows()] == [1]

    run(scenario)


def test_what_is_held_is_written_at_the_end() -> None:
    async def scenario(bench: Bench) -> None:
        bench.note()
        await bench.log.settled()
        bench.note()
        await bench.log.settled()
        assert bench.rows()[0].count == 2

    run(scenario)


def test_what_a_program_says_after_its_login_is_kept() -> None:
    async def scenario(bench: Bench) -> None:
        bench.note(agent="")
        bench.log.told(bench.people[0].id, Way.IMAP, HOME, "Mail\r\n1")
        bench.log.told(bench.people[0].id, Way.IMAP, AWAY, "another")
        await bench.written(SOON_S)
        assert bench.rows()[0].agent == "Mail 1"

    run(scenario)


def test_two_workers_tell_once_of_a_device() -> None:
    async def scenario(bench: Bench) -> None:
        bench.note()
        await bench.log.settled()
        other = SignInLog(bench.world)
        for log in (bench.log, other):
            log.note(bench.people[0].id, Way.IMAP, AWAY, OWN_PASSWORD, Result.SUCCEEDED)
        await asyncio.gather(bench.log.settled(), other.settled())
        assert len(bench.counting.inner.read_now(devices.listing, bench.people[0].id)) == 2
        assert [row.count for row in bench.rows()] == [2, 1]
        inbox = bench.counting.inner.read_now(mailboxes.by_name, bench.people[0].id, "INBOX")
        assert inbox.messages == 1

    run(scenario)
