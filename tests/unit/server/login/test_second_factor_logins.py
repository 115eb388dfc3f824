"""An account with a second factor at the door of all protocols: its own password is refused, in words, only once it was
right; and that is no guess."""

from typing import Any

import pytest

from pillarbox.directory.sign_in import credentials, totp
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.protocol.sasl.exchange import Failure
from pillarbox.server.login.client import Client
from pillarbox.server.login.history import LOGINS
from pillarbox.server.login.outcome import Unsuitable
from pillarbox.server.login.password_checks import PasswordChecks
from pillarbox.server.login.throttle import PAIR, REFUSED, AuthThrottle
from tests.kit.logins import AWAY, Bench, account_of, add_app, run, tried
from tests.kit.people import NOW_MS

SECRET = bytes(range(20))
RIGHT = "open sesame"
OWN = ("password", "PLAIN", "LOGIN", "SCRAM-SHA-256")
"""Ways to show one's own password; a token is an app password."""
WHY = "the account has a second factor"


def give(bench: Bench) -> None:
    """Anna gets a second factor."""
    bench.database.write_now(totp.begin, bench.anna.id, SECRET, now_ms=NOW_MS)
    assert bench.database.write_now(totp.confirm, bench.anna.id, SECRET, 1, now_ms=NOW_MS)


def refusals(bench: Bench) -> list[dict[str, object]]:
    return [fields for name, fields in bench.telemetry.events if name == "login failed"]


def delay(bench: Bench, name: str) -> float:
    """How long an attempt from there would wait now, in seconds."""
    throttle = AuthThrottle(bench.clock.monotonic, bench.shared.tallies)
    wait = throttle.admit(f"{name}@one.example", client_key(AWAY.address), known=False)
    assert wait is not None
    return wait


@pytest.mark.parametrize("way", OWN)
@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.MAIL], ids=str)
def test_the_own_password_is_refused_in_words(way: str, scope: Scope) -> None:
    async def scenario(bench: Bench) -> None:
        client = Client("198.51.100.7", scope)
        outcome, _ = await tried(bench, way, "anna", RIGHT, client)
        assert account_of(outcome) == bench.anna
        give(bench)
        outcome, _ = await tried(bench, way, "anna", RIGHT, client)
        assert isinstance(outcome, Unsuitable)
        assert outcome.needs_app_password
        assert refusals(bench) == [{"address": "198.51.100.7", "scope": scope, "why": WHY}]
        outcome, _ = await tried(bench, way, "anna", "wrong", client)
        assert outcome is None or isinstance(outcome, Failure)
        assert "why" not in refusals(bench)[1]

    run(scenario)


@pytest.mark.parametrize("way", [*OWN, "token"])
def test_an_app_password_is_let_in(way: str) -> None:
    async def scenario(bench: Bench) -> None:
        give(bench)
        password = add_app(bench, bench.anna, Scope.IMAP)
        outcome, _ = await tried(bench, way, "anna", password, Client("198.51.100.7", Scope.IMAP))
        assert account_of(outcome) == bench.anna
        outcome, _ = await tried(bench, way, "anna", password, Client("198.51.100.7", Scope.POP3))
        assert isinstance(outcome, Unsuitable)
        assert not outcome.needs_app_password

    run(scenario)


def test_the_own_password_is_no_token() -> None:
    async def scenario(bench: Bench) -> None:
        give(bench)
        outcome, _ = await tried(bench, "token", "anna", RIGHT, AWAY)
        assert outcome is None

    run(scenario)


def test_a_hash_of_another_server_is_upgraded_all_the_same() -> None:
    async def scenario(bench: Bench) -> None:
        foreign = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
        bench.database.write_now(credentials.set_foreign, bench.anna.id, foreign, now_ms=NOW_MS)
        give(bench)
        outcome, _ = await tried(bench, "password", "anna", "password", AWAY)
        assert isinstance(outcome, Unsuitable)
        await bench.authenticator.settled()
        candidate = bench.database.read_now(credentials.find, "anna")
        assert candidate is not None
        assert (candidate.foreign, candidate.second_factor) == (None, True)

    run(scenario)


@pytest.mark.replaces_functions
@pytest.mark.parametrize("way", OWN)
def test_a_wrong_password_costs_the_same_with_and_without(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same outcome and the same challenges, counted the same, after the same work."""
    checked, counted = list[str | None](), list[tuple[str, str, str]]()
    holds, failed = PasswordChecks.holds, AuthThrottle.failed

    async def counting(self: PasswordChecks, argon2: str | None, *given: Any, **more: Any) -> bool:
        checked.append(argon2)
        return await holds(self, argon2, *given, **more)

    def counting_failures(self: AuthThrottle, account: str, client: str, *, password: str = "") -> None:
        counted.append((account, client, password))
        failed(self, account, client, password=password)

    monkeypatch.setattr(PasswordChecks, "holds", counting)
    monkeypatch.setattr(AuthThrottle, "failed", counting_failures)

    async def scenario(bench: Bench) -> None:
        met = []
        for second in (False, True):
            if second:
                give(bench)
            checked.clear()
            counted.clear()
            outcome, challenges = await tried(bench, way, "anna", "wrong", AWAY)
            met.append((outcome, len(challenges), [*checked], [*counted]))
        assert met[0] == met[1]
        assert len(counted) == 1

    run(scenario)


@pytest.mark.parametrize("way", OWN)
def test_it_is_a_failed_login_that_is_no_guess(way: str) -> None:
    async def scenario(bench: Bench) -> None:
        give(bench)
        for _time in range(PAIR.free * 5):
            assert delay(bench, "anna") == delay(bench, "bert") == 0.0, "nobody waits"
            assert isinstance((await tried(bench, way, "anna", RIGHT, AWAY))[0], Unsuitable)
        assert delay(bench, "anna") == delay(bench, "bert") == 0.0
        failed = bench.shared.metrics.value(LOGINS, "imap", "failed")
        assert failed == len(refusals(bench)) == PAIR.free * 5

    run(scenario)


def test_very_many_are_slowed_down_a_little() -> None:
    async def scenario(bench: Bench) -> None:
        give(bench)
        throttle = AuthThrottle(bench.clock.monotonic, bench.shared.tallies)
        for _time in range(int(REFUSED.free) + 10):
            throttle.refused(bench.anna.login, client_key(AWAY.address))
        assert delay(bench, "anna") == REFUSED.longest_s
        assert delay(bench, "bert") == 0.0
        password = add_app(bench, bench.anna, Scope.IMAP)
        assert await bench.login("anna", password, AWAY) == bench.anna

    run(scenario)


def test_guesses_are_slowed_down_as_always() -> None:
    async def scenario(bench: Bench) -> None:
        give(bench)
        for _time in range(PAIR.free + 1):
            assert isinstance(
                await bench.passing(bench.authenticator.check_password("anna", RIGHT, AWAY)), Unsuitable
            )
            assert await bench.login("anna", "wrong", AWAY) is None
        assert delay(bench, "anna") > 0

    run(scenario)


def test_what_is_told() -> None:
    refused = Unsuitable(WHY, needs_app_password=True)
    long = "https://" + "a" * 60 + ".example" * 30
    asked = "Application-specific password required: ask who runs this server for one"
    assert refused.hint("") == refused.hint(long) == asked
    assert refused.hint("https://mail.one.example") == (
        "Application-specific password required: make one at https://mail.one.example/account"
    )
