"""Who is it? Exchanges of SASL: SCRAM, and what else is offered."""

import asyncio

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.sign_in import (
    app_passwords,
    credentials,
)
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.sasl.client import Binding, Credentials, choose
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.server.login.history import LOGINS
from pillarbox.server.login.outcome import Authenticated
from tests.kit.logins import AWAY, BOUND, HOME, SECRET, Bench, account_of, add_app, by_scram, run, tls
from tests.kit.people import NOW_MS, SALT, hashed


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
