"""Argon2 in few threads, remembered for a while."""

import asyncio
import os
import sys
from collections.abc import Callable
from threading import Event, Lock, get_native_id
from typing import Any

import pytest

from pillarbox.directory.sign_in import foreign_hash
from pillarbox.server.login import password_checks
from pillarbox.server.login.password_checks import (
    CACHED_S,
    LANE_KIB,
    MAX_CACHED,
    MAX_THREADS,
    AuthenticationUnavailable,
    PasswordChecks,
)
from pillarbox.world.clock import VirtualClock
from pillarbox.world.entropy import SeededEntropy


class Hashing:
    """Stands in for Argon2: `hash of X` is opened by `X`; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def holds(self, argon2: str, prepared: str) -> bool:
        self.asked.append(prepared)
        return argon2 == f"hash of {prepared}"


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    made = Hashing()
    monkeypatch.setattr(password_checks, "argon2_matches", made.holds)
    monkeypatch.setattr(password_checks, "argon2_hash", lambda _prepared, _salt: "hash of nothing")
    return made


def run(scenario: Callable[[PasswordChecks, VirtualClock], Any], threads: int = 1, **limits: int) -> Any:
    async def inside() -> Any:
        clock = VirtualClock()
        checks = PasswordChecks(clock, SeededEntropy(1), threads=threads, **limits)
        try:
            return await scenario(checks, clock)
        finally:
            checks.close()

    return asyncio.run(inside())


def test_a_successful_check_is_cached_for_a_while(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        for _time in range(3):
            assert await checks.holds("hash of a", "a", urgent=False)
        assert hashing.asked == ["a"]
        await clock.advance(CACHED_S - 1)
        assert await checks.holds("hash of a", "a", urgent=False)
        assert hashing.asked == ["a"]
        await clock.advance(2)
        assert await checks.holds("hash of a", "a", urgent=False)
        assert hashing.asked == ["a", "a"]

    run(scenario)


def test_the_old_password_fails_after_a_change(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        assert await checks.holds("hash of a", "a", urgent=False)
        assert not await checks.holds("hash of b", "a", urgent=False)

    run(scenario)


def test_wrong_answers_and_unknown_logins_cost_a_hash_each_time(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        for _time in range(2):
            assert not await checks.holds("hash of a", "b", urgent=False)
            assert not await checks.holds(None, "c", urgent=False)
        assert not await checks.holds(None, "nothing", urgent=False)
        assert hashing.asked == ["b", "c", "b", "c", "nothing"]

    run(scenario)


def test_equal_concurrent_checks_share_a_hash(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        answers = await asyncio.gather(*(checks.holds("hash of a", "a", urgent=False) for _ in range(50)))
        assert all(answers)
        assert hashing.asked == ["a"]

    run(scenario)


def test_known_clients_go_first(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        unknown = [checks.holds(None, f"guess{number}", urgent=False) for number in range(3)]
        tasks = [asyncio.ensure_future(check) for check in unknown]
        await asyncio.sleep(0)
        tasks.append(asyncio.ensure_future(checks.holds("hash of mine", "mine", urgent=True)))
        await asyncio.gather(*tasks)
        assert hashing.asked.index("mine") <= 1

    run(scenario)


def test_checks_beyond_the_limit_are_refused_and_the_others_are_made(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        answers = await asyncio.gather(
            *(checks.holds(None, str(number), urgent=False) for number in range(10)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [bool] * 4 + [AuthenticationUnavailable] * 6
        assert not await checks.holds(None, "later", urgent=False)

    run(scenario, max_strangers_waiting=3)


def test_unknown_clients_that_fill_their_queue_do_not_block_known_ones(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        unknown = [checks.holds(None, str(number), urgent=False) for number in range(10)]
        owner = checks.holds("hash of mine", "mine", urgent=True)
        answers = await asyncio.gather(*unknown, owner, return_exceptions=True)
        assert isinstance(answers[-2], AuthenticationUnavailable)
        assert answers[-1] is True

    run(scenario, max_strangers_waiting=3)


def test_strangers_never_take_a_known_clients_thread(
    hashing: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, done = Event(), Event()

    def held(argon2: str, prepared: str) -> bool:
        if prepared != "mine":
            stuck.set()
            assert done.wait(10), "the known client was let in meanwhile"
        return hashing.holds(argon2, prepared)

    monkeypatch.setattr(password_checks, "argon2_matches", held)

    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        guesses = [asyncio.ensure_future(checks.holds(None, str(n), urgent=False)) for n in range(50)]
        await asyncio.to_thread(stuck.wait, 10)
        assert await checks.holds("hash of mine", "mine", urgent=True)
        assert hashing.asked == ["mine"]
        done.set()
        await asyncio.gather(*guesses)

    run(scenario, threads=1)


def test_an_owner_does_not_wait_for_a_strangers_equal_check(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        strangers = [
            asyncio.ensure_future(checks.holds("hash of mine", word, urgent=False))
            for word in ("a", "b", "mine")
        ]
        await asyncio.sleep(0)
        assert await checks.holds("hash of mine", "mine", urgent=True)
        assert await asyncio.gather(*strangers) == [False, False, True]

    run(scenario)


def test_networks_take_turns(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        guesses = [checks.holds(None, f"guess{n}", urgent=False, network=f"net{n % 3}") for n in range(60)]
        tasks = [asyncio.ensure_future(guess) for guess in guesses]
        await asyncio.sleep(0)
        assert await checks.holds("hash of mine", "mine", urgent=False, network="holiday")
        assert hashing.asked.index("mine") <= 4
        await asyncio.gather(*tasks)

    run(scenario)


def test_one_network_cannot_fill_the_queue(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        guesses = [checks.holds(None, str(n), urgent=False, network="attackers") for n in range(100)]
        owner = checks.holds("hash of mine", "mine", urgent=False, network="holiday")
        answers = await asyncio.gather(*guesses, owner, return_exceptions=True)
        assert sum(isinstance(answer, AuthenticationUnavailable) for answer in answers) == 100 - 1 - 64 // 8
        assert answers[-1] is True

    run(scenario, max_strangers_waiting=64)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is the process's")
def test_strangers_threads_give_way_to_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def nice(_argon2: str, _prepared: str) -> bool:
        seen.append(os.getpriority(os.PRIO_PROCESS, get_native_id()))
        return False

    monkeypatch.setattr(password_checks, "argon2_matches", nice)

    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        await checks.holds("x", "a", urgent=True)
        await checks.holds("x", "a", urgent=False)

    run(scenario)
    here = os.getpriority(os.PRIO_PROCESS, get_native_id())
    assert seen == [here, min(here + password_checks.STRANGERS_NICE, 19)]


def test_a_cancelled_check_does_not_affect_others(hashing: Hashing) -> None:
    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        first = asyncio.ensure_future(checks.holds("hash of a", "a", urgent=False))
        second = asyncio.ensure_future(checks.holds("hash of a", "a", urgent=False))
        await asyncio.sleep(0)
        first.cancel()
        assert await second
        assert await checks.holds("hash of b", "b", urgent=False)

    run(scenario)


def test_memory_is_bounded_and_holds_no_password(hashing: Hashing) -> None:
    assert MAX_CACHED > 2

    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        for secret in ("sesame1", "sesame2", "sesame3"):
            assert await checks.holds(f"hash of {secret}", secret, urgent=False)
        assert len(checks._cached) == 2
        assert b"sesame" not in b"".join(checks._cached)
        assert await checks.holds("hash of sesame1", "sesame1", urgent=False)
        assert hashing.asked.count("sesame1") == 2

    run(scenario, max_cached=2)


def argon2_hash(mib: int, number: int) -> str:
    """One that no password fits, which would take so much memory."""
    return f"$argon2id$v=19$m={mib * 1024},t=1,p=1$c2FsdHNhbHQ${number:022d}"


class Memory:
    """Stands in for the checks of foreign hashes: counts the memory that all which run together would take."""

    def __init__(self) -> None:
        self._lock, self._taken_kib, self._running = Lock(), 0, 0
        self.most_kib = self.most_at_once = self.checked = 0

    def verify(self, hashed: str, _prepared: str) -> bool:
        needed_kib = foreign_hash.memory_kib(hashed)
        with self._lock:
            self.checked += 1
            self._running += 1
            self._taken_kib += needed_kib
            self.most_kib = max(self.most_kib, self._taken_kib)
            self.most_at_once = max(self.most_at_once, self._running)
        never.wait(0.002)
        with self._lock:
            self._running -= 1
            self._taken_kib -= needed_kib
        return False


never = Event()
"""Waited for a little, so that checks overlap."""


@pytest.mark.replaces_functions
@pytest.mark.parametrize(
    ("mib", "most_mib", "at_once"), [(128, 256, 2), (64, 256, 4), (19, 8 * 19, 8), (100, 200, 2)]
)
def test_the_memory_of_all_checks_is_bounded_under_a_flood(
    monkeypatch: pytest.MonkeyPatch, mib: int, most_mib: int, at_once: int
) -> None:
    memory = Memory()
    monkeypatch.setattr(foreign_hash, "verify", memory.verify)

    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        flood = (
            checks.holds_foreign(argon2_hash(mib, n), "x", urgent=n % 2 == 0, network=f"net{n % 5}")
            for n in range(100)
        )
        assert set(await asyncio.gather(*flood)) == {False}

    run(scenario, threads=MAX_THREADS)
    assert memory.checked == 100
    assert memory.most_kib <= most_mib * 1024
    assert memory.most_at_once <= at_once
    assert memory.most_kib <= 2 * LANE_KIB


@pytest.mark.replaces_functions
def test_a_check_of_much_memory_is_not_passed_by_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    def verify(hashed: str, _prepared: str) -> bool:
        order.append(foreign_hash.memory_kib(hashed) // 1024)
        return False

    monkeypatch.setattr(foreign_hash, "verify", verify)

    async def scenario(checks: PasswordChecks, clock: VirtualClock) -> None:
        flood = [checks.holds_foreign(argon2_hash(19, n), "x", urgent=True) for n in range(8)]
        large = checks.holds_foreign(argon2_hash(128, 0), "x", urgent=True)
        after = [checks.holds_foreign(argon2_hash(19, 100 + n), "x", urgent=True) for n in range(8)]
        await asyncio.gather(*flood, large, *after)

    run(scenario, threads=MAX_THREADS)
    assert order == [19] * 8 + [128] + [19] * 8


@pytest.mark.parametrize(
    ("hashed", "kib"),
    [
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "A" * 22, 65_536),
        ("$argon2i$m=8,t=1,p=1$c2FsdHNhbHQ$" + "A" * 22, 8),
        ("$y$jCT$abcdefgh$" + "A" * 43, 128 * 1024),
        ("$y$j75$abcdefgh$" + "A" * 43, 1024),
        ("$1$abcdefgh$G//4keteveJp0qb8z2DxG/", 256),
        ("pbkdf2_sha256$99$salt$QkSm8rOqMPUWfcd3wrvyJWcoHfDBXEmDX0eMOTJLQGI=", 256),
        ("no hash", 0),
    ],
)
def test_what_memory_a_foreign_hash_takes(hashed: str, kib: int) -> None:
    assert foreign_hash.memory_kib(hashed) == kib
