"""What a failed login costs says nothing of whether there is such an account. No time is measured: what takes time is
counted (hashes, statements to the database, waiting), and is the same in each case. What is noted of a login is written
later, and nobody waits for it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.sign_in import credentials, foreign_hash, password_hash, totp
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.login import password_checks
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database
from tests.kit.logins import Bench, account_of, add_app, run, tried
from tests.kit.people import NOW_MS, person
from tests.kit.second_factor import SECRET
from tests.kit.world import world_of

FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
GUESSES = ("wrong", "", "aaaa-bbbb-cccc-dddd-eeee", "\x07", "x" * 2000)
"""The third has the form of an app password."""
OWN = "$argon2id$v=19$m=19456,t=2,p=1"
STRANGER = Client("203.0.113.9", Scope.IMAP)


@dataclass
class Costs:
    """What takes time, counted."""

    reads: int = 0
    statements: int = 0
    hashes: list[str] = field(default_factory=list)
    waited_s: float = 0.0


class CountingTx:
    """A transaction that counts its statements."""

    def __init__(self, tx: Any, costs: Costs) -> None:
        self._tx, self._costs = tx, costs

    def __getattr__(self, name: str) -> Any:
        self._costs.statements += 1
        return getattr(self._tx, name)


class CountingDatabase:
    """A database that counts what is asked of it."""

    def __init__(self, database: Database, costs: Costs) -> None:
        self._database, self._costs = database, costs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, verb: Callable[..., Any], *given: Any, **more: Any) -> Any:
        self._costs.reads += 1
        return await self._database.read(lambda tx: verb(CountingTx(tx, self._costs), *given, **more))


class CountingClock:
    """A clock that counts what is waited, and lets that time pass at once."""

    def __init__(self, clock: VirtualClock, costs: Costs) -> None:
        self._clock, self._costs = clock, costs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)

    async def sleep(self, seconds: float) -> None:
        self._costs.waited_s += seconds
        await self._clock.advance(seconds)


class Counted:
    """A login after another, each with what it has cost."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.costs = Costs()
        verify, matches = foreign_hash.verify, password_hash.argon2_matches

        def foreign(stored: str, password: str) -> bool:
            self.costs.hashes.append(stored)
            return verify(stored, password)

        def own(stored: str, password: str) -> bool:
            self.costs.hashes.append(stored.rsplit("$", 2)[0])
            return matches(stored, password)

        monkeypatch.setattr(foreign_hash, "verify", foreign)
        monkeypatch.setattr(password_checks, "argon2_matches", own)
        self._bench, self._monkeypatch = bench, monkeypatch

    async def of(
        self, way: str, login: str, password: str, *, before: int = 0, at: Client = STRANGER
    ) -> Costs:
        """What a login costs a process that has just begun, after so many failed ones from this client."""
        self.costs = Costs()
        database = cast("Database", CountingDatabase(self._bench.database, self.costs))
        clock = cast("VirtualClock", CountingClock(self._bench.clock, self.costs))
        world = world_of(database, clock, telemetry=self._bench.telemetry)
        bench = replace(self._bench, authenticator=Authenticator(world))
        for _ in range(before):
            await self._tried(bench, way, login, password, at)
        self.costs.reads = self.costs.statements = 0
        self.costs.waited_s = 0.0
        self.costs.hashes.clear()
        outcome = await self._tried(bench, way, login, password, at)
        costs = replace(self.costs, hashes=sorted(self.costs.hashes))
        assert account_of(outcome) is None
        await bench.authenticator.close()
        return costs

    async def _tried(self, bench: Bench, way: str, login: str, password: str, at: Client) -> object:
        if way == "browser":
            return await bench.passing(bench.authenticator.prove_password(login, password, at))
        outcome, _ = await tried(bench, way, login, password, at)
        return outcome


def people(bench: Bench) -> None:
    """Somebody who is disabled, and somebody with a second factor, beside Anna with a password, and Bert with none but
    an app password."""
    second = bench.database.write_now(person, "dora@one.example", "open sesame")
    bench.database.write_now(totp.begin, second.id, SECRET, now_ms=NOW_MS)
    assert bench.database.write_now(totp.confirm, second.id, SECRET, 1, now_ms=NOW_MS)
    disabled = bench.database.write_now(person, "carl@one.example", "open sesame")
    bench.database.write_now(accounts.set_enabled, disabled.id, enabled=False)
    bench.database.write_now(accounts.add_address, disabled.id, "old@one.example")
    add_app(bench, bench.bert, Scope.IMAP)


LOGINS = (
    "anna@one.example",
    "bert@one.example",
    "carl@one.example",
    "dora@one.example",
    "nobody@one.example",
    "a@unknown.example",
)


WAYS_AND_GUESSES = [
    *((way, guess) for way in ("password", "browser") for guess in GUESSES),
    *((way, guess) for way in ("PLAIN", "LOGIN", "SCRAM-SHA-256") for guess in (GUESSES[0], GUESSES[2])),
]
"""SASL refuses what can be no password before anything is looked up."""


@pytest.mark.replaces_functions
@pytest.mark.parametrize("hashes", ["our own", "foreign ones, too"])
@pytest.mark.parametrize(("way", "guess"), WAYS_AND_GUESSES)
def test_a_wrong_guess_costs_the_same_whoever_it_is_for(
    monkeypatch: pytest.MonkeyPatch, way: str, guess: str, hashes: str
) -> None:
    async def scenario(bench: Bench) -> None:
        people(bench)
        if hashes != "our own":
            bench.database.write_now(credentials.set_foreign, bench.bert.id, FOREIGN, now_ms=NOW_MS)
        counted = Counted(bench, monkeypatch)
        costs = [await counted.of(way, login, guess) for login in LOGINS]
        made = {one.hashes[0] if one.hashes else "" for one in costs}
        assert made == {""} if way == "SCRAM-SHA-256" else made <= {OWN, FOREIGN}
        assert all(replace(one, hashes=[]) == replace(costs[0], hashes=[]) for one in costs), costs
        if hashes == "our own":
            assert all(one == costs[0] for one in costs), costs

    run(scenario)


@pytest.mark.replaces_functions
@pytest.mark.parametrize("login", ["carl@one.example", "CARL", "old@one.example"])
def test_a_right_password_of_somebody_who_is_disabled_costs_what_a_wrong_one_does(
    monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    async def scenario(bench: Bench) -> None:
        people(bench)
        counted = Counted(bench, monkeypatch)
        wrong = await counted.of("PLAIN", "nobody", "wrong")
        assert await counted.of("PLAIN", login, "open sesame") == wrong
        assert wrong.hashes == [OWN]

    run(scenario)


@pytest.mark.replaces_functions
@pytest.mark.parametrize("failed", [0, 3, 6, 9])
@pytest.mark.parametrize("way", ["PLAIN", "SCRAM-SHA-256"])
def test_all_wait_for_as_long_after_as_many_failures(
    monkeypatch: pytest.MonkeyPatch, way: str, failed: int
) -> None:
    async def scenario(bench: Bench) -> None:
        people(bench)
        counted = Counted(bench, monkeypatch)
        waited = []
        for number, login in enumerate(
            ["anna", "bert@one.example", "carl", "old@one.example", "dora", "nobody"]
        ):
            client = Client(f"203.0.{number}.9", Scope.IMAP)
            waited.append((await counted.of(way, login, f"wrong{number}", before=failed, at=client)).waited_s)
        assert len({round(seconds, 3) for seconds in waited}) == 1, waited
        assert (waited[0] > 0) is (failed >= 3)

    run(scenario)
