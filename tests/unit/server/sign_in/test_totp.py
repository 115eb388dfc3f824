"""One-time codes at sign-in: good once; a wrong clock is told in the log."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import recovery_codes, second_factors, totp
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.login.throttle import AuthThrottle
from pillarbox.server.sign_in.recovery import RecoveryCodes
from pillarbox.server.sign_in.totp import TotpCodes
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.shared import Tallies
from pillarbox.world.telemetry import MemoryTelemetry
from tests.kit.people import NOW_MS, person
from tests.kit.second_factor import RECOVERY_CODES, code, give
from tests.kit.world import world_of

STEP_MS = totp.STEP_MS


@dataclass
class Bench:
    """What checks codes, with everything behind it in memory."""

    codes: TotpCodes
    recovery: RecoveryCodes
    database: Database
    clock: VirtualClock
    telemetry: MemoryTelemetry
    tallies: Tallies
    anna: Account
    bert: Account

    @property
    def log(self) -> list[tuple[str, dict[str, object]]]:
        """What was logged since this was asked last."""
        events = [*self.telemetry.events]
        self.telemetry.events.clear()
        return events


def run(scenario: Callable[[Bench], Awaitable[None]]) -> None:
    async def inside() -> None:
        database = memory_database(SCHEMAS)
        clock, telemetry = VirtualClock(NOW_MS), MemoryTelemetry()
        anna, bert = (database.write_now(person, f"{name}@one.example") for name in ("anna", "bert"))
        world = world_of(database, clock, telemetry=telemetry, entropy=SeededEntropy(3))
        bench = Bench(
            TotpCodes(world),
            RecoveryCodes(world),
            database,
            clock,
            telemetry,
            world.shared.tallies,
            anna,
            bert,
        )
        await scenario(bench)
        await database.close()

    asyncio.run(inside())


@pytest.mark.rfc("6238 §5.2", "MUST NOT")
def test_a_code_is_good_once_and_none_before_it() -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS)
        check, anna = bench.codes.check, bench.anna.id
        assert not await check(bench.bert.id, code(NOW_MS)), "who has no one-time codes"
        assert await check(anna, code(NOW_MS))
        assert bench.log == []
        assert not await check(anna, code(NOW_MS))
        assert not await check(anna, code(NOW_MS, steps=-1)), "a code older than the last one used"
        assert bench.log == [("one-time code refused", {"why": "the code was used before"})] * 2
        later = code(NOW_MS, steps=1)
        assert await check(anna, f" {later[:3]} {later[3:]} ")
        assert not await check(anna, code(NOW_MS))

    run(scenario)


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "x" * 100_000]
)
def test_what_is_no_code(typed: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS)
        assert not await bench.codes.check(bench.anna.id, typed)
        assert await bench.codes.confirm(bench.anna.id, typed) is None

    run(scenario)


@pytest.mark.parametrize("steps", range(-12, 13))
def test_a_wrong_clock_is_refused_and_told(steps: int) -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS - 40 * STEP_MS)
        right = await bench.codes.check(bench.anna.id, code(NOW_MS, steps=steps))
        assert right is (abs(steps) <= 1)
        clock = {"why": "the clock is wrong, here or on the phone", "seconds": steps * 30}
        expected = [] if right else [clock if abs(steps) <= 10 else {"why": "the code is wrong"}]
        assert bench.log == [("one-time code refused", fields) for fields in expected]

    run(scenario)


def test_no_secret_is_in_the_log() -> None:
    async def scenario(bench: Bench) -> None:
        setup = await bench.codes.begin(bench.anna.id, issuer="mail.one.example", label="anna@one.example")
        assert setup.secret not in repr(setup)
        await bench.codes.confirm(bench.anna.id, "000000")
        assert setup.secret not in repr(bench.log)

    run(scenario)


def test_setting_up() -> None:
    async def scenario(bench: Bench) -> None:
        anna, codes = bench.anna.id, bench.codes
        names = {"issuer": "mail.one.example", "label": "anna@one.example"}
        assert await codes.waiting(anna, **names) is None
        assert await codes.confirm(anna, "123456") is None
        setup = await codes.begin(anna, **names)
        assert await codes.waiting(anna, **names) == setup
        assert setup.uri.startswith("otpauth://totp/mail.one.example:anna%40one.example?secret=")
        assert f"secret={setup.secret}&" in setup.uri
        assert not bench.database.read_now(second_factors.has_second_factor, anna)
        shown = bench.database.read_now(totp.begun, anna, now_ms=NOW_MS)
        assert shown is not None
        first = totp.code_of(shown, totp.step_at(NOW_MS))
        assert not await codes.check(anna, first), "it does not count yet"
        assert await codes.confirm(anna, totp.code_of(shown, totp.step_at(NOW_MS) + 5)) is None
        assert bench.log == [
            ("one-time code refused", {"why": "the clock is wrong, here or on the phone", "seconds": 150})
        ]
        recovery = await codes.confirm(anna, first)
        assert recovery is not None
        assert len({*recovery}) == recovery_codes.CODES
        assert bench.database.read_now(second_factors.has_second_factor, anna)
        assert not await codes.check(anna, first), "the code that has confirmed is used up"
        assert await bench.recovery.use(anna, recovery[0])
        # Another phone: the recovery codes stay
        await codes.begin(anna, **names)
        other = bench.database.read_now(totp.begun, anna, now_ms=NOW_MS)
        assert other not in (None, shown)
        assert other is not None
        assert await codes.confirm(anna, totp.code_of(other, totp.step_at(NOW_MS))) == []
        assert await bench.recovery.left(anna) == recovery_codes.CODES - 1

    run(scenario)


def test_recovery_codes() -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS)
        anna, bert, recovery = bench.anna.id, bench.bert.id, bench.recovery
        assert await recovery.left(anna) == 10
        assert not await recovery.use(bert, RECOVERY_CODES[0])
        assert await recovery.use(anna, RECOVERY_CODES[0].upper().replace("-", " "))
        assert not await recovery.use(anna, RECOVERY_CODES[0])
        assert not await recovery.use(anna, "abcde-fghij-kmnpz")
        assert not await recovery.use(anna, "x" * 100_000)
        assert await recovery.left(anna) == 9
        renewed = await recovery.renew(anna)
        assert len({*renewed}) == 10
        assert not await recovery.use(anna, RECOVERY_CODES[1])
        assert await recovery.use(anna, renewed[9])
        stored = bench.database.read_now(lambda tx: tx.rows("SELECT digest FROM recovery_codes"))
        assert all(len(digest) == 32 and renewed[0].encode() not in digest for (digest,) in stored)

    run(scenario)


def test_without_a_secret_of_the_installation_there_are_no_recovery_codes() -> None:
    async def scenario(bench: Bench) -> None:
        assert not await bench.recovery.use(bench.anna.id, RECOVERY_CODES[0])

    run(scenario)


def test_who_guesses_is_not_heard_and_the_owner_has_other_ways() -> None:
    """A thousand guesses at once, of whatever clients: they know the password already."""

    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS)
        wrong = next(text for text in ("000000", "000001", "000002", "000003") if not is_right(text))
        guesses = [asyncio.ensure_future(bench.codes.check(bench.anna.id, wrong)) for _ in range(1000)]
        await passing(bench, guesses)
        refused = [guess for guess in guesses if isinstance(guess.exception(), AuthenticationUnavailable)]
        assert len(refused) > 980
        assert ("one-time code refused", {"why": "too many codes were tried"}) in bench.log
        assert await bench.recovery.use(bench.anna.id, RECOVERY_CODES[0]), "which nobody can guess"

    def is_right(text: str) -> bool:
        return text in {code(NOW_MS, steps=steps) for steps in (-1, 0, 1)}

    run(scenario)


def test_a_code_that_was_right_when_it_was_typed_is_so_after_the_wait() -> None:
    async def scenario(bench: Bench) -> None:
        bench.database.write_now(give, bench.anna.id, now_ms=NOW_MS)
        throttle = AuthThrottle(bench.clock.monotonic, bench.tallies)
        while (waited := throttle.admit_code(str(bench.anna.id))) is not None and waited < 10:
            pass
        typed = asyncio.ensure_future(bench.codes.check(bench.anna.id, code(NOW_MS)))
        await passing(bench, [typed])
        assert bench.clock.now_ms() - NOW_MS > STEP_MS
        assert typed.result()

    run(scenario)


async def passing(bench: Bench, tasks: list[asyncio.Task[bool]]) -> None:
    """Let time pass as they need it."""
    await asyncio.sleep(0)
    while not all(task.done() for task in tasks):
        await bench.clock.advance(bench.clock.next_timer_in or 0)
        await asyncio.sleep(0.0005)
