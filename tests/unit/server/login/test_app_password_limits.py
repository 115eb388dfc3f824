"""What limits an app password: networks, services, and that it may only read; at the door of all protocols."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from pillarbox.directory.sign_in import app_passwords, sign_ins
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.exchange import Failure, Reason
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Unsuitable
from pillarbox.server.login.password_checks import PasswordChecks
from pillarbox.server.login.throttle import AuthThrottle
from pillarbox.world.database import Database
from tests.kit.logins import Bench, account_of, add_app, run, tried
from tests.kit.world import world_of

OFFICE = ("192.0.2.0/24", "2001:db8:1::/48")
WAYS = ("password", "PLAIN", "LOGIN", "SCRAM-SHA-256", "token")


class Counting:
    """A database that notes what is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.verbs: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, verb: Callable[..., Any], *given: Any, **more: Any) -> Any:
        self.verbs.append(verb.__name__)
        return await self._database.read(verb, *given, **more)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("address", "let_in"),
    [
        ("192.0.2.77", True),
        ("::ffff:192.0.2.77", True),
        ("2001:db8:1:2::3", True),
        ("192.0.3.1", False),
        ("::ffff:192.0.3.1", False),
        ("2001:db8:2::3", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("", False),
    ],
)
def test_from_where_an_app_password_may_be_used(way: str, address: str, let_in: bool) -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.IMAP, networks=OFFICE)
        outcome, _ = await tried(bench, way, "bert", password, Client(address, Scope.IMAP))
        assert account_of(outcome) == (bench.bert if let_in else None)

    run(scenario)


def test_this_machine_is_a_network_like_others() -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.IMAP, networks=("127.0.0.0/8", "::1"))
        for address in ("127.0.0.1", "::ffff:127.0.0.1", "::1"):
            assert await bench.login("bert", password, Client(address, Scope.IMAP)) == bench.bert
        assert await bench.login("bert", password) is None
        await bench.authenticator.settled()
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        assert listed.last_used_address == "::1"

    run(scenario)


async def named_failures(bench: Bench, account: AccountId) -> list[tuple[str, str, str]]:
    """What its owner sees of app passwords that were refused."""
    await bench.authenticator.settled()
    found = [one.attempt for one in await bench.database.read(sign_ins.listing, account)]
    return [(one.method, one.name, one.reason) for one in found if one.name and one.reason]


@pytest.mark.replaces_functions
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("why", [Why.OUTSIDE, Why.EXPIRED])
def test_outside_of_its_networks_or_later_it_is_a_wrong_password(
    way: str, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        right = add_app(bench, bench.anna, Scope.IMAP, networks=OFFICE if why is Why.OUTSIDE else ())
        if why is Why.EXPIRED:
            await bench.database.write(lambda tx: tx.execute("UPDATE app_passwords SET expires_at_ms = 1"))
        wrong, client = "aaaa-bbbb-cccc-dddd-eeee", Client("198.51.100.7", Scope.IMAP)
        met = []
        for password in (wrong, right):
            checked.clear()
            counted.clear()
            outcome, challenges = await tried(bench, way, "anna", password, client)
            shown = [one if way != "SCRAM-SHA-256" else one[:2] for one in challenges]
            met.append(
                (
                    type(outcome),
                    outcome.reason if isinstance(outcome, Failure) else outcome,
                    shown,
                    list(checked),
                    [(account, where, given == password) for account, where, given in counted],
                )
            )
        assert met[0] == met[1]
        _, outcome, challenges, _, _ = met[1]
        assert outcome is (None if way in ("password", "token") else Reason.CREDENTIALS)
        assert b"v=" not in challenges  # by which a server of SCRAM shows that the password was right
        (event,) = [fields for name, fields in bench.telemetry.events if "why" in fields]
        assert event["why"] == why
        assert right not in repr(bench.telemetry.events)
        # Its owner sees which one it was
        assert await named_failures(bench, bench.anna.id) == [("app password", "phone", why)]

    run(scenario)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.POP3, Scope.SMTP, Scope.JMAP, Scope.DAV, Scope.SIEVE])
def test_a_service_that_it_is_not_for_is_named(way: str, scope: Scope) -> None:
    async def scenario(bench: Bench) -> None:
        others = [one for one in Scope if one not in (scope, Scope.MAIL)]
        password = add_app(bench, bench.bert, *others, networks=OFFICE)
        outcome, _ = await tried(bench, way, "bert", password, Client("192.0.2.7", scope))
        assert isinstance(outcome, Unsuitable)
        assert outcome.words == f"this app password is not for {scope.upper()}"
        assert bench.telemetry.events[-1][1]["why"] == Why.OTHER_SERVICE
        expected = [("app password", "phone", Why.OTHER_SERVICE)]
        assert await named_failures(bench, bench.bert.id) == expected
        # Elsewhere nothing is told, nor by a login that is disabled
        outcome, _ = await tried(bench, way, "bert", password, Client("198.51.100.7", scope))
        assert not isinstance(outcome, Unsuitable | Authenticated)

    run(scenario)


@pytest.mark.parametrize("way", WAYS)
def test_what_may_only_read_may_not_send(way: str) -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.MAIL, read_only=True)
        outcome, _ = await tried(bench, way, "bert", password, Client("192.0.2.7", Scope.SMTP))
        assert isinstance(outcome, Unsuitable)
        assert outcome.words == "this app password is read-only, and may not send mail"
        for scope in (Scope.IMAP, Scope.POP3, Scope.JMAP):
            outcome, _ = await tried(bench, way, "bert", password, Client("192.0.2.7", scope))
            assert isinstance(outcome, Authenticated)
            assert outcome.is_read_only

    run(scenario)


def test_a_password_of_ones_own_has_no_limits() -> None:
    async def scenario(bench: Bench) -> None:
        add_app(bench, bench.anna, Scope.IMAP, read_only=True, networks=OFFICE)
        for scope in set(Scope) - {Scope.MAIL}:  # which is no service
            outcome, _ = await tried(bench, "PLAIN", "anna", "open sesame", Client("203.0.113.1", scope))
            assert isinstance(outcome, Authenticated)
            assert not outcome.is_read_only

    run(scenario)


@pytest.mark.parametrize(
    ("way", "verbs"),
    [
        ("password", ["of_login", "last_seen_at_ms", "find", "matching", "app_password_stands"]),
        ("token", ["find", "matching", "get", "last_seen_at_ms", "app_password_stands"]),
        ("SCRAM-SHA-256", ["find", "scram_keys", "last_seen_at_ms", "find_proven"]),
    ],
)
def test_limits_cost_no_query(way: str, verbs: list[str]) -> None:
    """The first login of a process; `find` is that of the secret."""

    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.IMAP, read_only=True, networks=OFFICE)
        counting = Counting(bench.database)
        world = world_of(cast("Database", counting), bench.clock, telemetry=bench.telemetry)
        fresh = replace(bench, authenticator=Authenticator(world))
        outcome, _ = await tried(fresh, way, "bert", password, Client("192.0.2.7", Scope.IMAP))
        assert account_of(outcome) == bench.bert
        assert counting.verbs == verbs
        await fresh.authenticator.close()

    run(scenario)
