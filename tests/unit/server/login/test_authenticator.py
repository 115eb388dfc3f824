"""Who is it? Passwords and app passwords through the one door that all protocols use."""

import asyncio
from typing import cast

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.sign_in import (
    app_passwords,
    credential_marks,
    credentials,
    known_clients,
    sign_ins,
)
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Outcome
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.world.database import Database
from tests.kit.logins import AWAY, HOME, Bench, Full, account_of, add_app, by_scram, run
from tests.kit.people import NOW_MS, hashed
from tests.kit.world import world_of


def test_a_password_opens_its_account_and_nothing_else() -> None:
    async def scenario(bench: Bench) -> None:
        assert await bench.login("anna", "open sesame") == bench.anna
        assert await bench.login("ANNA@one.example", "open sesame") == bench.anna
        for login, password in [
            ("anna", "open sesam"),
            ("bert", "open sesame"),  # has no password
            ("carl", "open sesame"),
            ("anna", ""),
            ("", "open sesame"),
            ("anna", "\x07"),
            ("anna", "x" * 2000),
            ("x" * 2000, "open sesame"),
        ]:
            assert await bench.login(login, password, AWAY) is None

    run(scenario)


@pytest.mark.rfc("4616 §2", "MUST")
def test_the_password_is_prepared() -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(credentials.set_password, bench.bert.id, hashed("a\u00aa b"), now_ms=NOW_MS)
        assert await bench.login("bert", "aa\u00a0b") == bench.bert

    run(scenario)


def test_people_log_in_while_nothing_can_be_written() -> None:
    """Also to a process that has seen no login before."""

    async def scenario(bench: Bench) -> None:
        full = cast("Database", Full(bench.database))
        fresh = Authenticator(world_of(full, bench.clock, telemetry=bench.telemetry))
        assert account_of(await fresh.check_password("anna", "open sesame", HOME)) == bench.anna
        await fresh.close()

    run(scenario)


def test_a_disabled_account_and_a_changed_password_are_noticed_at_once() -> None:
    async def scenario(bench: Bench) -> None:
        assert await bench.login("anna", "open sesame") == bench.anna
        bench.database.write_now(accounts.set_enabled, bench.anna.id, enabled=False)
        assert await bench.login("anna", "open sesame") is None
        bench.database.write_now(accounts.set_enabled, bench.anna.id, enabled=True)
        assert await bench.login("anna", "open sesame") == bench.anna
        bench.database.write_now(credentials.set_password, bench.anna.id, hashed("newer"), now_ms=NOW_MS)
        assert await bench.login("anna", "open sesame") is None
        assert await bench.login("anna", "newer") == bench.anna

    run(scenario)


@pytest.mark.parametrize("what", ["password", "app password", "token", "account"])
def test_what_is_withdrawn_while_it_is_checked_opens_nothing(what: str) -> None:
    async def scenario(bench: Bench) -> None:
        shown = add_app(bench, bench.anna, Scope.IMAP) if what in ("app password", "token") else "open sesame"
        for _ in range(30):
            await bench.login("anna", "wrong", AWAY)
        if what == "token":
            for number in range(80):
                await bench.token(f"{number:020d}", AWAY)
            checking = bench.authenticator.check_token(shown, AWAY)
        else:
            checking = bench.authenticator.check_password("anna", shown, AWAY)
        attempt = asyncio.ensure_future(checking)
        while bench.clock.next_timer_in is None:
            await asyncio.sleep(0)
        assert not attempt.done()
        write = bench.database.write_now
        if what == "password":
            write(credentials.set_password, bench.anna.id, hashed("newer"), now_ms=NOW_MS)
        elif what == "account":
            write(accounts.set_enabled, bench.anna.id, enabled=False)
        else:
            (listed,) = bench.database.read_now(app_passwords.listing, bench.anna.id)
            write(app_passwords.revoke, bench.anna.id, listed.id)
        assert await bench.passing(wait_for(attempt)) is None

    run(scenario)


async def wait_for(attempt: "asyncio.Future[Outcome]") -> Outcome:
    return await attempt


def test_an_app_password_opens_its_scope_and_its_use_is_noted() -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.IMAP)
        assert await bench.login("bert", password.upper()) == bench.bert
        assert await bench.login("bert", password, Client("192.0.2.1", Scope.SMTP)) is None
        assert await bench.login("anna", password) is None
        await bench.authenticator.settled()
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        assert listed.last_used_at_ms is not None
        assert (listed.last_used_address, listed.last_used_scope) == ("192.0.2.1", "imap")
        bench.database.write_now(app_passwords.revoke, bench.bert.id, listed.id)
        assert await bench.login("bert", password) is None

    run(scenario)


@pytest.mark.parametrize("password", ["open sesame", "app"])
def test_what_a_credential_is_good_for(password: str) -> None:
    async def scenario(bench: Bench) -> None:
        shown = add_app(bench, bench.anna, Scope.IMAP, Scope.SMTP) if password == "app" else password
        who = await bench.passing(bench.authenticator.check_password("anna", shown, HOME))
        assert isinstance(who, Authenticated)
        allowed = {scope for scope in Scope if who.may_use(scope)}
        assert allowed == ({Scope.IMAP, Scope.SMTP} if password == "app" else set(Scope))

    run(scenario)


@pytest.mark.parametrize("by", ["password", "app password", "token", "SCRAM"])
def test_a_login_knows_its_password(by: str) -> None:
    async def scenario(bench: Bench) -> None:
        def marks() -> set[str]:
            now_ms = bench.clock.now_ms()
            return set(
                bench.database.read_now(
                    credential_marks.valid, bench.anna.id, scope=Scope.IMAP, now_ms=now_ms
                )
            )

        (own,) = marks()
        shown = add_app(bench, bench.anna, Scope.IMAP)
        (app,) = marks() - {own}
        authenticator = bench.authenticator
        match by:
            case "password":
                who: object = await bench.passing(authenticator.check_password("anna", "open sesame", HOME))
            case "app password":
                who = await bench.passing(authenticator.check_password("anna", shown, HOME))
            case "token":
                who = await bench.passing(authenticator.check_token(shown, HOME))
            case _:
                who = await by_scram(bench, "anna", shown)
        assert isinstance(who, Authenticated)
        assert who.credential == (own if by == "password" else app)

    run(scenario)


def test_an_app_password_is_enough_as_a_token_and_nothing_else_is() -> None:
    async def scenario(bench: Bench) -> None:
        token = add_app(bench, bench.bert, Scope.IMAP)
        assert await bench.token(token) == bench.bert
        assert await bench.token(token, Client("192.0.2.1", Scope.SMTP)) is None
        for wrong in ("open sesame", "", token[:-1], "a" * 20, "x" * 5000):
            assert await bench.token(wrong, AWAY) is None
        bench.database.write_now(accounts.set_enabled, bench.bert.id, enabled=False)
        assert await bench.token(token) is None
        bench.database.write_now(accounts.set_enabled, bench.bert.id, enabled=True)
        await bench.authenticator.settled()
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        assert listed.last_used_at_ms is not None
        bench.database.write_now(app_passwords.revoke, bench.bert.id, listed.id)
        assert await bench.token(token) is None

    run(scenario)


def test_guessed_tokens_are_slowed_and_delay_nobody_elsewhere() -> None:
    async def scenario(bench: Bench) -> None:
        token = add_app(bench, bench.bert, Scope.IMAP)
        for number in range(80):
            await bench.token(f"{number:020d}", AWAY)
        began = bench.clock.monotonic()
        assert await bench.token(token, HOME) == bench.bert
        assert bench.clock.monotonic() == began
        await bench.token("1" * 20, AWAY)
        assert bench.clock.monotonic() > began

    run(scenario)


def test_guesses_are_slowed_and_the_owner_at_home_is_not() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.login("anna", "open sesame", HOME)
        began = bench.clock.monotonic()
        for number in range(8):
            assert await bench.login("anna", f"guess{number}", AWAY) is None
        assert bench.clock.monotonic() - began > 10
        began = bench.clock.monotonic()
        assert await bench.login("anna", "open sesame", HOME) == bench.anna
        assert bench.clock.monotonic() == began
        # A right password from where the guesses came is slowed as well, and then works.
        assert await bench.login("anna", "open sesame", AWAY) == bench.anna
        assert bench.clock.monotonic() > began

    run(scenario)


def test_unknown_logins_are_slowed_alike() -> None:
    async def scenario(bench: Bench) -> None:
        taken = []
        for login, client in (("anna", AWAY), ("nobody", HOME)):
            began = bench.clock.monotonic()
            for number in range(6):
                await bench.login(login, f"guess{number}", client)
            taken.append(bench.clock.monotonic() - began)
        assert taken[0] == pytest.approx(taken[1], rel=0.01)

    run(scenario)


def test_many_concurrent_guesses_are_refused() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(10):
            await bench.login("anna", f"guess{number}", AWAY)
        crowd = [
            asyncio.ensure_future(bench.authenticator.check_password("anna", "guess", AWAY)) for _ in range(5)
        ]
        await asyncio.sleep(0)
        assert sum(attempt.done() for attempt in crowd) >= 2
        await bench.clock.advance(300)
        outcomes = await asyncio.gather(*crowd, return_exceptions=True)
        assert any(isinstance(outcome, AuthenticationUnavailable) for outcome in outcomes)

    run(scenario)


def test_the_owner_sees_guesses_and_that_some_were_not_even_looked_at() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(12):
            await bench.login("anna", f"guess{number}", AWAY)
        crowd = [bench.authenticator.check_password("anna", "guess", AWAY) for _ in range(5)]
        waiting = asyncio.gather(*crowd, return_exceptions=True)
        await asyncio.sleep(0)
        await bench.clock.advance(300)
        await waiting
        await bench.login("anna", "open sesame", HOME)
        bench.database.write_now(accounts.set_enabled, bench.anna.id, enabled=False)
        await bench.login("anna", "open sesame", HOME)
        for login in ("nobody", "nobody@one.example"):
            await bench.login(login, "guess", AWAY)
        found = bench.database.read_now(sign_ins.listing, bench.anna.id)
        told = {(each.attempt.result.value, each.attempt.reason, each.attempt.address) for each in found}
        assert told == {
            ("failed", "wrong password", AWAY.address),
            ("throttled", "too many attempts at once", AWAY.address),
            ("succeeded", "", HOME.address),
            ("failed", "the account is disabled", HOME.address),
        }
        assert sum(each.count for each in found) == 19
        assert bench.database.read_now(lambda tx: tx.value("SELECT count(*) FROM sign_ins")) == len(found)

    run(scenario)


def test_a_client_is_known_after_it_logged_in_also_after_a_restart() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.login("anna", "open sesame", HOME)
        await bench.authenticator.settled()
        seen = bench.database.read_now(
            known_clients.last_seen_at_ms, bench.anna.id, "192.0.2.1", now_ms=bench.clock.now_ms()
        )
        assert seen is not None

    run(scenario)


def test_no_credential_and_no_login_is_logged() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.login("anna", "guess-word")
        await bench.login("my-password-in-the-wrong-box", "x")
        logged = repr(bench.telemetry.events)
        assert "login failed" in logged
        assert "guess-word" not in logged
        assert "wrong-box" not in logged

    run(scenario)
