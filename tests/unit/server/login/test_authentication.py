"""Who is it? Passwords, app passwords and SCRAM through the one door that all protocols use."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import (
    app_passwords,
    credential_marks,
    credentials,
    known_clients,
    secrets,
    sign_ins,
)
from pillarbox.directory.sign_in.app_passwords import Limits, Scope
from pillarbox.protocol.sasl.client import Binding, Credentials, choose
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.server.connection import TlsState
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.history import LOGINS
from pillarbox.server.login.outcome import Authenticated, Outcome, Unsuitable
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.shared import Shared
from pillarbox.world.telemetry import MemoryTelemetry
from tests.kit.people import NOW_MS, SALT, hashed, person
from tests.kit.world import world_of

HOME = Client("192.0.2.1", Scope.IMAP)
AWAY = Client("198.51.100.1", Scope.IMAP)
SECRET = b"S" * 32


@dataclass
class Bench:
    """An authenticator with everything behind it in memory."""

    authenticator: Authenticator
    database: Database
    clock: VirtualClock
    telemetry: MemoryTelemetry
    anna: Account
    bert: Account
    shared: Shared

    async def login(self, login: str, password: str, client: Client = HOME) -> Account | None:
        """`check_password`, with time passing as it needs; the account."""
        return account_of(await self.passing(self.authenticator.check_password(login, password, client)))

    async def token(self, token: str, client: Client = HOME) -> Account | None:
        """`check_token`, likewise."""
        return account_of(await self.passing(self.authenticator.check_token(token, client)))

    async def passing(self, checking: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What this gives, with time passing as it needs."""
        attempt = asyncio.ensure_future(checking)
        while not attempt.done():
            await self.clock.advance(self.clock.next_timer_in or 0)
            await asyncio.sleep(0.0005)
        await self.authenticator.settled()  # so that time passes for delays alone
        return await attempt


def account_of(who: object) -> Account | None:
    return who.account if isinstance(who, Authenticated) else None


def run(scenario: Callable[[Bench], Awaitable[Any]]) -> None:
    async def inside() -> None:
        database = memory_database([SCHEMA, STORE])
        clock, telemetry = VirtualClock(NOW_MS), MemoryTelemetry()
        anna = database.write_now(person, "anna@one.example", "open sesame")
        bert = database.write_now(person, "bert@one.example")
        database.write_now(secrets.ensure, secrets.CREDENTIALS, SECRET)
        world = world_of(database, clock, telemetry=telemetry)
        authenticator = Authenticator(world)
        await scenario(Bench(authenticator, database, clock, telemetry, anna, bert, world.shared))
        await authenticator.close()
        await database.close()

    asyncio.run(inside())


def add_app(bench: Bench, account: Account, *scopes: Scope, **limits: Any) -> str:
    password = app_passwords.format_app_password(bytes(range(13)))
    stored = app_passwords.hash_app_password(password, secret=SECRET, scram_salt=SALT, iterations=15_000)
    bench.database.write_now(
        app_passwords.add,
        account.id,
        stored,
        name="phone",
        scopes=frozenset(scopes),
        now_ms=NOW_MS,
        limits=Limits(**limits),
    )
    return password


def tls(**bindings: bytes) -> TlsState:
    data = {kind.replace("_", "-"): octets for kind, octets in bindings.items()}
    return TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, data.get)


BOUND = tls(tls_exporter=b"E" * 32, tls_server_end_point=b"P" * 32)


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


class Full:
    """A database on a full disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, *_verb: object, **_arguments: object) -> None:
        raise DatabaseUnavailable("database or disk is full")


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


async def by_scram(bench: Bench, login: str, password: str, at: Client = HOME) -> object:
    client = choose(
        ["SCRAM-SHA-256"], Credentials(login, password), nonce="c", binding=None, plain_allowed=False
    )
    attempt = bench.authenticator.begin("SCRAM-SHA-256", at, BOUND, plain_allowed=False)
    assert client is not None
    assert attempt is not None
    outcome = await attempt.respond(client.initial)
    while isinstance(outcome, Challenge):
        outcome = await attempt.respond(client.respond(outcome.octets))
    return outcome if not isinstance(outcome, Unsuitable) or client.server_proven else "not proven"


class Begun:
    """A SCRAM exchange that waits before the client's proof."""

    def __init__(self, bench: Bench, login: str, password: str) -> None:
        client = choose(
            ["SCRAM-SHA-256"], Credentials(login, password), nonce="c", binding=None, plain_allowed=False
        )
        attempt = bench.authenticator.begin("SCRAM-SHA-256", HOME, BOUND, plain_allowed=False)
        assert client is not None
        assert attempt is not None
        self._client, self._attempt = client, attempt
        self._challenge: object = None

    async def begin(self) -> None:
        self._challenge = await self._attempt.respond(self._client.initial)

    async def end(self) -> object:
        while isinstance(self._challenge, Challenge):
            self._challenge = await self._attempt.respond(self._client.respond(self._challenge.octets))
        return self._challenge


@pytest.mark.parametrize("change", ["none", "another password", "sessions are kept", "disabled"])
def test_a_proof_of_a_password_that_was_changed_meanwhile_is_worth_nothing(change: str) -> None:
    async def scenario(bench: Bench) -> None:
        begun = Begun(bench, "anna", "open sesame")
        await begun.begin()
        if change == "disabled":
            bench.database.write_now(accounts.set_enabled, bench.anna.id, enabled=False)
        elif change != "none":
            kept = change == "sessions are kept"
            bench.database.write_now(
                credentials.set_password, bench.anna.id, hashed("newer"), now_ms=NOW_MS, keep_sessions=kept
            )
        assert (account_of(await begun.end()) == bench.anna) is (change == "none")

    run(scenario)


@pytest.mark.parametrize("change", ["none", "revoked", "another with its number"])
def test_a_proof_of_an_app_password_that_was_revoked_meanwhile_is_worth_nothing(change: str) -> None:
    async def scenario(bench: Bench) -> None:
        begun = Begun(bench, "bert", add_app(bench, bench.bert, Scope.IMAP))
        await begun.begin()
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        if change != "none":
            bench.database.write_now(app_passwords.revoke, bench.bert.id, listed.id)
        if change == "another with its number":
            stored = app_passwords.hash_app_password(
                "aaaa-bbbb-cccc-dddd-eeee", secret=SECRET, scram_salt=SALT, iterations=15_000
            )
            number = bench.database.write_now(
                app_passwords.add,
                bench.bert.id,
                stored,
                name="new",
                scopes=frozenset([Scope.IMAP]),
                now_ms=NOW_MS,
            )
            assert number == listed.id
        assert (account_of(await begun.end()) == bench.bert) is (change == "none")

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


def test_an_app_password_that_was_revoked_during_an_exchange_opens_nothing() -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.MAIL)
        client = choose(
            ["SCRAM-SHA-256"], Credentials("bert", password), nonce="c", binding=None, plain_allowed=False
        )
        attempt = bench.authenticator.begin("SCRAM-SHA-256", HOME, BOUND, plain_allowed=False)
        assert client is not None
        assert attempt is not None
        outcome = await attempt.respond(client.initial)
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        bench.database.write_now(app_passwords.revoke, bench.bert.id, listed.id)
        while isinstance(outcome, Challenge):
            outcome = await attempt.respond(client.respond(outcome.octets))
        assert isinstance(outcome, Failure)

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


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", ["open sesame", "guess"])
def test_every_mechanism(mechanism: str, password: str) -> None:
    async def scenario(bench: Bench) -> None:
        plus = mechanism.endswith("PLUS")
        client = choose(
            [mechanism],
            Credentials("anna", password),
            nonce="client",
            binding=Binding("tls-exporter", b"E" * 32) if plus else None,
            plain_allowed=True,
        )
        attempt = bench.authenticator.begin(mechanism, HOME, BOUND, plain_allowed=False)
        assert client is not None
        assert attempt is not None
        outcome = await attempt.respond(client.initial)
        while isinstance(outcome, Challenge):
            outcome = await attempt.respond(client.respond(outcome.octets))
        if password == "guess":
            assert isinstance(outcome, Failure)
            assert outcome.reason is Reason.CREDENTIALS
            assert bench.shared.metrics.value(LOGINS, "imap", "failed") == 1
        else:
            assert account_of(outcome) == bench.anna
            assert client.server_proven

    run(scenario)


def test_scram_guesses_are_slowed_too() -> None:
    async def scenario(bench: Bench) -> None:
        for number in range(5):
            client = choose(
                ["SCRAM-SHA-256"],
                Credentials("anna", f"g{number}"),
                nonce="c",
                binding=None,
                plain_allowed=True,
            )
            attempt = bench.authenticator.begin("SCRAM-SHA-256", AWAY, BOUND, plain_allowed=False)
            assert client is not None
            assert attempt is not None
            first = asyncio.ensure_future(attempt.respond(client.initial))
            await asyncio.sleep(0)
            await bench.clock.advance(60)
            step = await first
            assert isinstance(step, Challenge)
            assert isinstance(await attempt.respond(client.respond(step.octets)), Failure)
        began = bench.clock.monotonic()
        await bench.login("anna", "open sesame", AWAY)
        assert bench.clock.monotonic() > began

    run(scenario)


def test_an_app_password_works_with_scram() -> None:
    async def scenario(bench: Bench) -> None:
        password = add_app(bench, bench.bert, Scope.MAIL)
        outcome = await by_scram(bench, "bert", password)
        assert account_of(outcome) == bench.bert
        assert isinstance(outcome, Authenticated)
        assert outcome.may_use(Scope.POP3)
        await bench.authenticator.settled()
        (listed,) = bench.database.read_now(app_passwords.listing, bench.bert.id)
        assert listed.last_used_at_ms is not None

    run(scenario)


@pytest.mark.rfc("4422 §3.4.1", "MUST")
@pytest.mark.parametrize(
    ("authorization", "granted"), [("anna@one.example", True), ("bert", False), ("x", False)]
)
def test_one_may_act_as_oneself_only(authorization: str, granted: bool) -> None:
    async def scenario(bench: Bench) -> None:
        attempt = bench.authenticator.begin("PLAIN", HOME, BOUND, plain_allowed=False)
        assert attempt is not None
        outcome = await attempt.respond(f"{authorization}\0anna\0open sesame".encode())
        assert (account_of(outcome) == bench.anna) is granted

    run(scenario)


def test_what_is_not_offered_cannot_begin() -> None:
    async def scenario(bench: Bench) -> None:
        authenticator = bench.authenticator
        unbound = tls()
        assert authenticator.mechanisms(None, plain_allowed=False) == ()
        assert authenticator.begin("PLAIN", HOME, None, plain_allowed=False) is None
        assert authenticator.begin("plain", HOME, None, plain_allowed=True) is not None
        assert "SCRAM-SHA-256-PLUS" not in authenticator.mechanisms(unbound, plain_allowed=False)
        assert authenticator.mechanisms(BOUND, plain_allowed=False)[0] == "SCRAM-SHA-256-PLUS"
        assert authenticator.begin("GSSAPI", HOME, BOUND, plain_allowed=False) is None

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
