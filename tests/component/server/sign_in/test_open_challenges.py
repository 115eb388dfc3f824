"""Challenges for whoever has a passkey: nothing is kept of them, and each lets its own browser in, once, in time."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from pillarbox.app.database import SCHEMAS
from pillarbox.config.schema import Config
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.listen import Listen
from pillarbox.directory.sign_in import passkeys, used_challenges
from pillarbox.directory.sign_in.sign_in_steps import LASTS_MS
from pillarbox.server.chores.table import end_browser_sessions
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.throttle import CLIENT
from pillarbox.server.sign_in.passkey_steps import PasskeySteps
from pillarbox.server.sign_in.passkeys import Passkeys
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.server.sign_in.steps import Browser, Gone, SignedIn, Wrong
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import open_database
from pillarbox.world.world import World
from tests.component.server.sign_in.test_two_workers import Meeting
from tests.kit.authenticator import Authenticator as Phone
from tests.kit.people import NOW_MS, person
from tests.kit.world import world_of

ORIGIN = "https://mail.one.example"
CONFIG = Config(hostname="mail.one.example", domain="one.example", listen=Listen(https=("*:443",)))
BROWSER = Browser("192.0.2.1", "a browser")
LOGIN = "anna@one.example"


class Worker:
    """A process that signs people in."""

    def __init__(self, database: Database, clock: VirtualClock, config: Config = CONFIG) -> None:
        self.world: World = world_of(database, clock)
        self.passkeys = Passkeys(self.world, config)
        authenticator = Authenticator(self.world)
        sign_in = SignIn(self.world, authenticator, Sessions(self.world, config, authenticator.in_background))
        self.authenticator = authenticator
        self.steps = PasskeySteps(self.world, self.passkeys, sign_in)

    async def signed(self, phone: Phone) -> tuple[str, bytes]:
        """The cookie's token of a challenge, and what a passkey has answered."""
        asked = await self.steps.ask_anybody()
        return asked.token, json.dumps(phone.show(json.loads(asked.options), ORIGIN)).encode()

    async def show(self, token: str, response: bytes, address: str = BROWSER.address) -> object:
        return await self.steps.show_alone(token, response, Browser(address, "a browser"))


class Bench:
    """Two workers of one installation, and somebody with a passkey."""

    def __init__(self, first: Worker, second: Worker, phone: Phone, clock: VirtualClock, path: Path) -> None:
        self.first, self.second, self.phone, self.clock, self.path = first, second, phone, clock, path

    async def rows(self) -> tuple[int, int]:
        """Steps, and used challenges."""
        return await self.first.world.database.read(_rows)


def _rows(tx: Transaction) -> tuple[int, int]:
    return (
        tx.value("SELECT count(*) FROM sign_in_steps"),
        tx.value("SELECT count(*) FROM used_challenges"),
    )


async def with_passkey(worker: Worker, phone: Phone) -> None:
    account = await worker.world.database.write(person, LOGIN)
    challenge = worker.passkeys.challenge()
    options = json.loads(await worker.passkeys.creation_options(account, challenge))
    new = await worker.passkeys.verified_new(json.dumps(phone.make(options, ORIGIN)).encode(), challenge)
    await worker.world.database.write(passkeys.add, account.id, new, name="", now_ms=NOW_MS)


def run(tmp_path: Path, scenario: Callable[[Bench], Awaitable[None]]) -> None:
    async def inside() -> None:
        clock, phone = VirtualClock(NOW_MS), Phone()
        databases = [
            open_database(tmp_path / "db", SCHEMAS, create=True),
            open_database(tmp_path / "db", SCHEMAS),
        ]
        first, second = (Worker(database, clock) for database in databases)
        await with_passkey(first, phone)
        await scenario(Bench(first, second, phone, clock, tmp_path))
        for worker in (first, second):
            await worker.authenticator.close()
        for database in databases:
            await database.close()

    asyncio.run(inside())


class Unwritten:
    """A database that nothing may be written to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        assert not name.startswith("write"), "something is to be written"
        return getattr(self._database, name)


def test_asking_and_failing_write_nothing(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)  # the secret of the installation is made
        stranger = Worker(cast("Database", Unwritten(bench.first.world.database)), bench.clock)
        for _ in range(CLIENT.free - 1):
            other, wrong = await stranger.signed(bench.phone)
            assert isinstance(await stranger.show(other, wrong.replace(b"signature", b"other")), Wrong)
        assert await bench.rows() == (0, 0)
        assert isinstance(await bench.first.show(token, signed), SignedIn), "nothing has pushed it out"

    run(tmp_path, scenario)


def test_any_worker_lets_in_once(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        assert isinstance(await bench.second.show(token, signed), SignedIn)
        for worker in (bench.first, bench.second):
            assert isinstance(await worker.show(token, signed), Gone)
        assert await bench.rows() == (0, 1)

    run(tmp_path, scenario)


def test_of_two_workers_one_lets_in(tmp_path: Path) -> None:
    """Both have found the answer good before either has used the challenge up."""

    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        both, found = asyncio.Event(), list[int]()
        for worker in (bench.first, bench.second):
            await worker.passkeys.find_open(token)  # each has the secret by now
            meeting = cast("Database", Meeting(worker.world.database, both, found))
            worker.steps._sign_in._world = dataclasses.replace(worker.world, database=meeting)
        done = await asyncio.gather(bench.first.show(token, signed), bench.second.show(token, signed))
        assert len(found) == 2, "both were about to use it up"
        assert sorted(type(one).__name__ for one in done) == ["Gone", "SignedIn"]

    run(tmp_path, scenario)


def test_with_another_cookie(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        other = (await bench.first.steps.ask_anybody()).token
        assert isinstance(await bench.first.show(other, signed), Wrong)
        altered = token[:-1] + ("A" if token[-1] != "A" else "B")
        assert isinstance(await bench.first.show(altered, signed), Wrong)
        for none in (
            "",
            "x",
            token.partition("-")[2],
            f"x{token}",
            token.partition("-")[0],
            f"\u0661{token}",
        ):
            assert isinstance(await bench.first.show(none, signed), Gone), none
        assert isinstance(await bench.first.show(token, signed), SignedIn)

    run(tmp_path, scenario)


def test_after_ten_minutes(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        late, unused = await bench.first.signed(bench.phone)
        await bench.clock.advance((LASTS_MS - 1) / 1000)
        assert isinstance(await bench.first.show(token, signed), SignedIn)
        await bench.clock.advance(0.001)
        assert isinstance(await bench.first.show(late, unused), Gone)
        # With another time it is another challenge
        now_ms = bench.clock.now_ms()
        renewed = f"{now_ms}-{late.partition('-')[2]}"
        assert isinstance(await bench.first.show(renewed, unused), Wrong)
        ahead = f"{now_ms + 1}-{late.partition('-')[2]}"
        assert isinstance(await bench.first.show(ahead, unused), Gone)

    run(tmp_path, scenario)


def test_what_was_used_is_kept_as_long_as_it_counts(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        assert isinstance(await bench.first.show(token, signed), SignedIn)
        await bench.clock.advance((LASTS_MS - 1) / 1000)
        await end_browser_sessions(bench.first.world, None)  # type: ignore[arg-type]
        assert await bench.rows() == (0, 1)
        await bench.clock.advance(0.001)
        await end_browser_sessions(bench.first.world, None)  # type: ignore[arg-type]
        assert await bench.rows() == (0, 0)
        # Whoever has verified it before is too late now, though the row is gone
        used = await bench.first.world.database.write(
            used_challenges.use, b"0" * 32, expires_at_ms=bench.clock.now_ms(), now_ms=bench.clock.now_ms()
        )
        assert not used

    run(tmp_path, scenario)


def test_for_another_site(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        here = await bench.first.passkeys.find_open(token)
        moved = dataclasses.replace(CONFIG, http=Http(passkey_domain="one.example"))
        elsewhere = Worker(bench.first.world.database, bench.clock, moved)
        there = await elsewhere.passkeys.find_open(token)
        assert here is not None
        assert there is not None
        assert here.challenge != there.challenge
        assert isinstance(await elsewhere.show(token, signed), Wrong)

    run(tmp_path, scenario)


def test_of_another_installation(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        token, signed = await bench.first.signed(bench.phone)
        await bench.first.world.database.write(_other_secret)
        other = Worker(bench.first.world.database, bench.clock)
        assert isinstance(await other.show(token, signed), Wrong)
        assert isinstance(await bench.first.show(token, signed), SignedIn)

    run(tmp_path, scenario)


def _other_secret(tx: Transaction) -> None:
    changed = tx.execute("UPDATE installation_secrets SET octets = zeroblob(32) WHERE name = 'challenges'")
    assert changed == 1
