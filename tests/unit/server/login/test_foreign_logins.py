"""Logins with hashes of another server: let in by all that shows the password, upgraded then, and no oracle."""

import asyncio
import hashlib
from collections.abc import Awaitable
from typing import cast

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.sign_in import credentials, foreign_hash, password_hash
from pillarbox.server.login import password_checks
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.outcome import Authenticated
from pillarbox.world.database import Database
from tests.kit.logins import AWAY, Bench, Full, account_of, by_scram, run
from tests.kit.people import NOW_MS, hashed
from tests.kit.world import world_of

FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
"""Of `password`."""
COSTLY = "pbkdf2_sha256$99$salt$QkSm8rOqMPUWfcd3wrvyJWcoHfDBXEmDX0eMOTJLQGI="


def with_hash(bench: Bench, given: str = FOREIGN) -> None:
    bench.database.write_now(credentials.set_foreign, bench.bert.id, given, now_ms=NOW_MS)


def stored(bench: Bench) -> tuple[str | None, str | None]:
    candidate = bench.database.read_now(credentials.find, "bert")
    assert candidate is not None
    return candidate.argon2, candidate.foreign


def test_a_right_login_is_let_in_and_upgraded_and_scram_works_then() -> None:
    async def scenario(bench: Bench) -> None:
        with_hash(bench)
        assert account_of(await by_scram(bench, "bert", "password")) is None
        assert await bench.login("bert", "wrong") is None
        await bench.authenticator.settled()
        assert stored(bench) == (None, FOREIGN)
        assert await bench.login("bert", "password") == bench.bert
        await bench.authenticator.settled()
        argon2, foreign = stored(bench)
        assert argon2 is not None
        assert foreign is None
        assert await bench.login("bert", "password") == bench.bert
        assert await bench.login("bert", "wrong") is None
        assert (
            account_of(await bench.passing(as_coroutine(by_scram(bench, "bert", "password")))) == bench.bert
        )

    run(scenario)


def on_a_full_disk(bench: Bench) -> Authenticator:
    full = cast("Database", Full(bench.database))
    return Authenticator(world_of(full, bench.clock, telemetry=bench.telemetry))


async def as_coroutine(outcome: Awaitable[object]) -> Authenticated | None:
    who = await outcome
    return who if isinstance(who, Authenticated) else None


def test_many_logins_at_once_are_upgraded_once() -> None:
    async def scenario(bench: Bench) -> None:
        with_hash(bench)
        logins = (bench.authenticator.check_password("bert", "password", AWAY) for _ in range(20))
        assert {account_of(who) for who in await asyncio.gather(*logins)} == {bench.bert}
        await bench.authenticator.settled()
        assert stored(bench)[1] is None

    run(scenario)


def test_a_hash_that_was_changed_meanwhile_is_left_alone() -> None:
    async def scenario(bench: Bench) -> None:
        with_hash(bench)
        who = await bench.passing(bench.authenticator.check_password("bert", "password", AWAY))
        assert who is not None
        bench.database.write_now(credentials.set_password, bench.bert.id, hashed("newer"), now_ms=NOW_MS)
        await bench.authenticator.settled()
        assert stored(bench) == (hashed("newer").argon2, None)

    run(scenario)


def test_people_log_in_while_the_upgrade_cannot_be_written() -> None:
    async def scenario(bench: Bench) -> None:
        with_hash(bench)
        full = on_a_full_disk(bench)
        assert account_of(await full.check_password("bert", "password", AWAY)) == bench.bert
        await full.close()
        assert ("password not upgraded", {"account": bench.bert.id}) in bench.telemetry.events
        assert stored(bench) == (None, FOREIGN)
        assert await bench.login("bert", "password") == bench.bert
        await bench.authenticator.settled()
        assert stored(bench)[1] is None

    run(scenario)


def test_a_password_that_ours_may_not_be_is_let_in_and_stays_as_it_is() -> None:
    async def scenario(bench: Bench) -> None:
        # Unassigned in Unicode 3.2: good in a query, not in what is stored (RFC 3454 §7)
        with_hash(bench, "{SHA.hex}" + hashlib.sha1("a\u0221".encode(), usedforsecurity=False).hexdigest())
        before = stored(bench)
        assert await bench.login("bert", "a\u0221") == bench.bert
        await bench.authenticator.settled()
        assert stored(bench) == before

    run(scenario)


class Work:
    """Counts what is worked for a check, instead of measuring time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        verify, argon2_matches = foreign_hash.verify, password_hash.argon2_matches

        def foreign(stored: str, password: str) -> bool:
            self.done.append(stored)
            return verify(stored, password)

        def own(stored: str, password: str) -> bool:
            self.done.append("argon2")
            return argon2_matches(stored, password)

        monkeypatch.setattr(foreign_hash, "verify", foreign)
        monkeypatch.setattr(password_checks, "argon2_matches", own)

    def of(self) -> list[str]:
        done, self.done = self.done, []
        return done


@pytest.mark.replaces_functions
def test_unknown_logins_cost_what_known_ones_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)

    async def scenario(bench: Bench) -> None:
        await wrong(bench, "nobody", ["argon2"])
        bench.database.write_now(accounts.remove, bench.anna.id)
        for given in (FOREIGN, COSTLY):
            with_hash(bench, given)
            await wrong(bench, "bert", [given])
            await wrong(bench, "nobody", [given])
            assert await bench.login("nobody", "password") is None, (
                "also with the password of whoever it stands for"
            )
            assert await bench.login("nobody", "password") is None
            assert work.of() == [given] * 2, "and it is not remembered as right"
        bench.database.write_now(accounts.set_enabled, bench.bert.id, enabled=False)
        await wrong(bench, "bert", [COSTLY])
        assert await bench.login("bert", "") is None
        assert work.of() == [COSTLY]
        bench.database.write_now(accounts.set_enabled, bench.bert.id, enabled=True)
        assert await bench.login("bert", "") is None
        assert work.of() == [COSTLY]
        bench.database.write_now(credentials.set_password, bench.bert.id, hashed("newer"), now_ms=NOW_MS)
        await wrong(bench, "bert", ["argon2"])
        await wrong(bench, "nobody", ["argon2"])

    async def wrong(bench: Bench, login: str, cost: list[str]) -> None:
        assert await bench.login(login, "wrong") is None
        assert work.of() == cost

    run(scenario)


@pytest.mark.replaces_functions
def test_a_right_password_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)

    async def scenario(bench: Bench) -> None:
        with_hash(bench)
        full = on_a_full_disk(bench)
        for _ in range(3):
            assert account_of(await full.check_password("bert", "password", AWAY)) == bench.bert
        await full.close()
        assert work.of() == [FOREIGN]

    run(scenario)
