"""A sign-in in two steps: the password, and what comes second."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.responses import JSONResponse, Response

from pillarbox.app.database import SCHEMAS
from pillarbox.config.schema import Config
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import known_clients, sign_in_steps, sign_ins
from pillarbox.directory.sign_in.browser_sessions import Method, digest_of
from pillarbox.directory.sign_in.sign_in_steps import MAX_TRIES, NewStep, Purpose
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Route
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.throttle import PAIR
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.server.sign_in.steps import Browser, Gone, SignedIn, StepNeeded, Wrong
from pillarbox.server.sign_in.totp import TotpCodes
from pillarbox.world.clock import Clock, VirtualClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import open_database
from tests.kit.http.server import HttpClient, open_http
from tests.kit.http.signing_in import PREFIX, SIGN_IN, post
from tests.kit.people import NOW_MS, person
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.second_factor import RECOVERY_CODES, code, give
from tests.kit.server import Server
from tests.kit.world import world_of

BROWSER = Browser("192.0.2.1", "a browser")
LOGIN = "anna@one.example"


async def mine(request: HttpRequest) -> Response:
    session = request.browser_session
    return JSONResponse({"method": session.method if session else ""})


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(
        *SIGN_IN, Route(path="/mine", methods=("GET",), handler=mine), plain_allowed=False
    ) as opened:
        world = opened.provider.world
        account = opened.provider.accounts[0]
        opened.run(world.database.write(give, account, now_ms=world.clock.now_ms()))
        yield opened


def test_both_are_asked_for(server: Server) -> None:
    with HttpClient(server, tls=True) as client:
        first = post(client, {"login": PEOPLE[0], "password": PASSWORD})
        assert (first.status, first.body) == (202, b'{"totp":true}')
        assert list(first.cookies) == [f"{PREFIX}pillarbox-step"], "there is no session yet"
        step = f"{PREFIX}pillarbox-step={first.cookies[f'{PREFIX}pillarbox-step'].partition(';')[0]}"
        as_session = step.replace("-step", "")
        assert client.ask("GET /mine", {"Cookie": as_session}).status == 401, "a step is no session"
        wrong = post(client, {"code": "000000"}, cookie=step)
        assert (wrong.status, wrong.body) == (403, b'{"left":4}')
        right = code(server.provider.world.clock.now_ms())
        second = post(client, {"code": right}, cookie=step)
        assert second.status == 200
        assert "Max-Age=0" in second.cookies[f"{PREFIX}pillarbox-step"]
        session = f"{PREFIX}pillarbox={second.cookies[f'{PREFIX}pillarbox'].partition(';')[0]}"
        assert json.loads(client.ask("GET /mine", {"Cookie": session}).body) == {"method": "password+totp"}
        assert post(client, {"code": RECOVERY_CODES[0]}, cookie=step).status == 410, "a step is used once"


# --- without HTTP, with a clock of our own


class ImpatientClock:
    """Time that passes only while somebody waits for it."""

    def __init__(self, now_ms: int) -> None:
        self._virtual = VirtualClock(now_ms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._virtual, name)

    async def sleep(self, seconds: float) -> None:
        await self._virtual.advance(seconds)


class Person:
    """Somebody with a second factor, and the browsers that they use, each with a worker of its own."""

    def __init__(self, databases: Sequence[Database], clock: Clock) -> None:
        self.clock, self.database = clock, databases[0]
        self.account: Account = databases[0].write_now(person, LOGIN, PASSWORD)
        databases[0].write_now(give, self.account.id, now_ms=clock.now_ms())
        worlds = [world_of(database, clock) for database in databases]
        self.authenticators = [Authenticator(world) for world in worlds]
        config = Config(hostname="mail.one.example", domain="one.example")
        self.signing_in = [
            SignIn(world, authenticator, Sessions(world, config, authenticator.in_background))
            for world, authenticator in zip(worlds, self.authenticators, strict=True)
        ]
        self.sign_in, self.world = self.signing_in[0], worlds[0]

    def code(self) -> str:
        return code(self.clock.now_ms())

    async def begun(self) -> str:
        """The password was right: the token of the step."""
        needed = await self.sign_in.with_password(LOGIN, PASSWORD, BROWSER)
        assert isinstance(needed, StepNeeded), needed
        assert needed.factors.totp
        return needed.token

    async def write(self, verb: Callable[[Transaction], Any]) -> Any:
        return await self.database.write(verb)

    def count(self, table: str) -> int:
        number: int = self.database.read_now(lambda tx: tx.value(f"SELECT COUNT(*) FROM {table}"))
        return number


def run(tmp_path: Path, test: Callable[[Person], Any]) -> None:
    async def inside() -> None:
        databases = [
            open_database(tmp_path / "db", SCHEMAS, create=True),
            open_database(tmp_path / "db", SCHEMAS),
        ]
        someone = Person(databases, cast("Clock", ImpatientClock(NOW_MS)))
        await test(someone)
        for authenticator in someone.authenticators:
            await authenticator.close()
        for database in databases:
            await database.close()

    asyncio.run(inside())


def test_few_attempts_are_allowed(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        step = await someone.begun()
        for left in reversed(range(MAX_TRIES)):
            answer = await someone.sign_in.with_code(step, "000000", BROWSER)
            assert isinstance(answer, Wrong)
            assert answer.tries_left == left
        assert isinstance(await someone.sign_in.with_code(step, someone.code(), BROWSER), Gone)
        assert someone.count("browser_sessions") == 0

    run(tmp_path, test)


def test_a_step_ends_after_ten_minutes(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        step = await someone.begun()
        await someone.write(
            lambda tx: tx.execute("UPDATE sign_in_steps SET expires_at_ms = ?", (someone.clock.now_ms(),))
        )
        assert isinstance(await someone.sign_in.with_code(step, someone.code(), BROWSER), Gone)
        found = someone.database.read_now(
            sign_in_steps.find, digest_of(await someone.begun()), now_ms=someone.clock.now_ms()
        )
        assert found is not None
        assert found.expires_at_ms <= someone.clock.now_ms() + 600_000

    run(tmp_path, test)


@pytest.mark.parametrize("end", ["password", "account"])
def test_what_was_shown_before_has_to_be_good_still(tmp_path: Path, end: str) -> None:
    async def test(someone: Person) -> None:
        step = await someone.begun()

        def change(tx: Transaction) -> None:
            if end == "password":
                tx.execute("UPDATE passwords SET argon2 = '$argon2id$another'")
            else:
                tx.execute("UPDATE accounts SET enabled = 0")

        await someone.write(change)
        assert isinstance(await someone.sign_in.with_code(step, someone.code(), BROWSER), Gone)
        assert someone.count("browser_sessions") == 0

    run(tmp_path, test)


def test_a_recovery_code_opens_it_once(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        answer = await someone.sign_in.with_code(await someone.begun(), RECOVERY_CODES[3].upper(), BROWSER)
        assert isinstance(answer, SignedIn)
        assert answer.session.method == Method.RECOVERY
        assert someone.count("recovery_codes") == 9

    run(tmp_path, test)


@pytest.mark.parametrize("shown", ["0" * 10_000, "", "\x00", "\N{ARABIC-INDIC DIGIT ONE}" * 6])
def test_no_text_is_a_code(tmp_path: Path, shown: str) -> None:
    async def test(someone: Person) -> None:
        assert isinstance(await someone.sign_in.with_code(await someone.begun(), shown, BROWSER), Wrong)

    run(tmp_path, test)


def test_of_two_workers_one_opens_a_session(tmp_path: Path) -> None:
    """Each gets a code that is right, for the same step."""

    async def test(someone: Person) -> None:
        step = await someone.begun()
        answers = await asyncio.gather(
            someone.signing_in[0].with_code(step, RECOVERY_CODES[0], BROWSER),
            someone.signing_in[1].with_code(step, RECOVERY_CODES[1], BROWSER),
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Gone", "SignedIn"]
        assert someone.count("browser_sessions") == 1

    run(tmp_path, test)


def test_a_right_password_does_not_forgive_wrong_codes(tmp_path: Path) -> None:
    """Who has the password, and guesses the code, is slowed down as whoever guesses passwords."""

    async def test(someone: Person) -> None:
        for _ in range(4):
            step = await someone.begun()
            for _ in range(MAX_TRIES):
                assert isinstance(await someone.sign_in.with_code(step, "000000", BROWSER), Wrong)
        before_s = someone.clock.monotonic()
        await someone.begun()
        assert someone.clock.monotonic() - before_s >= 5

    run(tmp_path, test)


def test_an_attempt_waits_once(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        step = await someone.begun()
        for _ in range(MAX_TRIES):
            await someone.sign_in.with_code(step, "000000", BROWSER)
        step, before_s = await someone.begun(), someone.clock.monotonic()
        assert isinstance(await someone.sign_in.with_code(step, "000000", BROWSER), Wrong)
        gap_s = PAIR.first_s * 2 ** (MAX_TRIES - PAIR.free)
        assert gap_s / 2 < someone.clock.monotonic() - before_s <= gap_s

    run(tmp_path, test)


def test_proving_by_a_code_renews_the_session(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        signed_in = await someone.sign_in.with_code(await someone.begun(), RECOVERY_CODES[0], BROWSER)
        assert isinstance(signed_in, SignedIn)
        needed = await someone.sign_in.prove(signed_in.session)
        again = await someone.sign_in.with_code(needed.token, RECOVERY_CODES[1], BROWSER)
        assert isinstance(again, SignedIn)
        assert again.session.id == signed_in.session.id
        assert again.token != signed_in.token
        assert someone.count("browser_sessions") == 1
        by_password = await someone.sign_in.prove_with_password(again.session, PASSWORD, BROWSER)
        assert isinstance(by_password, StepNeeded), (
            "the password alone is not enough where there is a second factor"
        )

    run(tmp_path, test)


def test_without_a_password_only_a_passkey_opens_a_session(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        sign_in, account = someone.sign_in, someone.account
        await someone.write(
            lambda tx: sign_in_steps.begin(
                tx, digest_of("step"), NewStep(account.id, Purpose.SIGN_IN), now_ms=someone.clock.now_ms()
            )
        )
        assert isinstance(await sign_in.complete("step", account, Method.SECOND_PASSKEY, BROWSER), Gone)
        assert isinstance(await sign_in.alone(account, BROWSER, lambda _: True), SignedIn)
        assert isinstance(await sign_in.alone(account, BROWSER, lambda _: False), Gone)
        await someone.write(lambda tx: accounts.set_enabled(tx, account.id, enabled=False))
        assert isinstance(await sign_in.alone(account, BROWSER, lambda _: True), Gone)

    run(tmp_path, test)


def test_who_has_the_password_alone_is_seen(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        async def failed() -> list[tuple[str, str, str, int]]:
            found = await someone.database.read(sign_ins.listing, someone.account.id)
            return [
                (one.attempt.address, one.attempt.method, one.attempt.reason, one.count)
                for one in found
                if one.attempt.reason == Why.UNFINISHED
            ]

        first = await someone.begun()
        assert await failed() == [("192.0.2.1", "password", Why.UNFINISHED, 1)], "seen at once"
        second = await someone.begun()
        assert await failed() == [("192.0.2.1", "password", Why.UNFINISHED, 2)]
        # Completed, it was no failure
        assert isinstance(await someone.sign_in.with_code(first, RECOVERY_CODES[0], BROWSER), SignedIn)
        assert await failed() == [("192.0.2.1", "password", Why.UNFINISHED, 1)]
        wrong = await someone.sign_in.with_code(second, "000000", BROWSER)
        assert isinstance(wrong, Wrong)
        assert len(await failed()) == 1
        # A password that was changed since takes nothing back
        await someone.write(lambda tx: sign_in_steps.drop_all(tx, someone.account.id))
        assert isinstance(await someone.sign_in.with_code(second, RECOVERY_CODES[1], BROWSER), Gone)
        assert len(await failed()) == 1

    run(tmp_path, test)


def test_who_completes_every_sign_in_leaves_no_failure(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        done = await someone.sign_in.with_code(await someone.begun(), someone.code(), BROWSER)
        assert isinstance(done, SignedIn)
        await someone.authenticators[0].settled()
        found = await someone.database.read(sign_ins.listing, someone.account.id)
        assert [one.attempt.method for one in found if not one.has_failed] == ["password+totp"]
        assert not [one for one in found if one.has_failed]

    run(tmp_path, test)


def test_a_step_that_has_ended_asks_for_no_passkey(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        assert not await someone.sign_in.ask("", b"challenge")
        assert not await someone.sign_in.ask("never was", b"challenge")
        assert await someone.sign_in.ask(await someone.begun(), b"challenge")

    run(tmp_path, test)


def test_another_accounts_passkey_completes_nothing(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        other = await someone.write(lambda tx: person(tx, "bob@one.example"))
        step = await someone.begun()
        assert isinstance(await someone.sign_in.complete(step, other, Method.SECOND_PASSKEY, BROWSER), Gone)

    run(tmp_path, test)


def test_steps_are_few(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", SCHEMAS, create=True)

    def verb(tx: Transaction) -> int:
        anna = person(tx, LOGIN).id
        for number in range(sign_in_steps.MAX_PER_ACCOUNT + 5):
            new = NewStep(anna, Purpose.SIGN_IN, client=f"198.51.{number % 40}.1")
            sign_in_steps.begin(tx, digest_of(str(number)), new, now_ms=NOW_MS + number)
        count: int = tx.value("SELECT COUNT(*) FROM sign_in_steps")
        return count

    assert database.write_now(verb) == sign_in_steps.MAX_PER_ACCOUNT


def strangers(tx: Transaction, account: Account, clients: Sequence[str]) -> None:
    """Others who know the password, from these addresses, after the owner."""
    for number, client in enumerate(clients):
        digest = digest_of(f"{client} {number}")
        new = NewStep(account.id, Purpose.SIGN_IN, credential="x", client=client)
        sign_in_steps.begin(tx, digest, new, now_ms=NOW_MS + 1)


def test_who_knows_the_password_ends_no_step_of_the_owner(tmp_path: Path) -> None:
    clients = ["203.0.113.7"] * 100 + [f"203.0.{number}.1" for number in range(100)]

    async def test(someone: Person) -> None:
        step = await someone.begun()
        await someone.write(lambda tx: strangers(tx, someone.account, clients))
        assert isinstance(await someone.sign_in.with_code(step, RECOVERY_CODES[0], BROWSER), SignedIn)

    run(tmp_path, test)


def test_whoever_comes_from_many_networks_ends_no_step_of_a_known_client(tmp_path: Path) -> None:
    clients = [f"203.0.{number % 200}.1" for number in range(2 * sign_in_steps.MAX_PER_ACCOUNT)]
    # In the network of the owner as well
    clients += [f"192.0.2.{number}" for number in range(2, 2 + sign_in_steps.MAX_PER_NETWORK)]

    async def test(someone: Person) -> None:
        await someone.write(
            lambda tx: known_clients.remember(tx, someone.account.id, BROWSER.address, now_ms=NOW_MS)
        )
        step = await someone.begun()
        await someone.write(lambda tx: strangers(tx, someone.account, clients))
        assert isinstance(await someone.sign_in.with_code(step, RECOVERY_CODES[0], BROWSER), SignedIn)

    run(tmp_path, test)


def test_who_guesses_codes_elsewhere_does_not_delay_the_owner(tmp_path: Path) -> None:
    async def test(someone: Person) -> None:
        await someone.write(
            lambda tx: known_clients.remember(tx, someone.account.id, BROWSER.address, now_ms=NOW_MS)
        )
        for _ in range(100):
            assert not await TotpCodes(someone.world).check(someone.account.id, "000000")
        step, before_s = await someone.begun(), someone.clock.monotonic()
        assert isinstance(await someone.sign_in.with_code(step, someone.code(), BROWSER), SignedIn)
        assert someone.clock.monotonic() == before_s

    run(tmp_path, test)
