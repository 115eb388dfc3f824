"""What the resolver's cache remembers, for how long, and that it asks once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.dns import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.clock import VirtualClock
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.cache import (
    FAILURE_TTL_S,
    MAX_NEGATIVE_TTL_S,
    MAX_PREFETCHES,
    MAX_STALE_S,
    MAX_TTL_S,
    PATIENCE_S,
    PREFETCH_USES,
    STALE_TTL_S,
    CachingResolver,
)


class Asked(Resolver):
    """Gives one outcome and counts the questions; waits while held."""

    def __init__(self, outcome: Outcome[Any]) -> None:
        self.outcome = outcome
        self.questions: list[str] = []
        self.free = asyncio.Event()
        self.free.set()

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.questions.append(f"{name} {kind}")
        await self.free.wait()
        return self.outcome


Scenario = Callable[[CachingResolver, Asked, VirtualClock], Awaitable[None]]


FOUND = Answer(("192.0.2.1",), 100)


def run(scenario: Scenario, outcome: Outcome[Any] = FOUND, limit: int = 10) -> None:
    async def inside() -> None:
        asked, clock = Asked(outcome), VirtualClock()
        await scenario(CachingResolver(asked, clock, limit=limit), asked, clock)

    asyncio.run(inside())


def test_an_answer_is_cached_for_its_ttl_and_has_the_remaining_ttl() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        assert await cache.lookup("One.example.", Kind.A) == Answer(("192.0.2.1",), 100)
        await clock.advance(40)
        assert await cache.lookup("one.EXAMPLE", Kind.A) == Answer(("192.0.2.1",), 60)
        assert asked.questions == ["one.example A"]
        await clock.advance(60)
        await cache.lookup("one.example", Kind.A)
        assert len(asked.questions) == 2

    run(scenario)


@pytest.mark.rfc("2308 §5", "MUST")
@pytest.mark.parametrize(
    ("outcome", "lives_s"),
    [
        (NxDomain(60), 60),
        (NoData(60), 60),
        (NxDomain(999_999), MAX_NEGATIVE_TTL_S),
        (Answer((), 9_999_999), MAX_TTL_S),
        (Failure("time-out"), FAILURE_TTL_S),
    ],
)
def test_negative_answers_and_failures_are_remembered_within_bounds(
    outcome: Outcome[Any], lives_s: int
) -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        first = await cache.lookup("x", Kind.MX)
        assert type(first) is type(outcome)
        await clock.advance(lives_s - 1)
        await cache.lookup("x", Kind.MX)
        assert len(asked.questions) == 1
        await clock.advance(1)
        await cache.lookup("x", Kind.MX)
        assert len(asked.questions) == 2

    run(scenario, outcome)


@pytest.mark.rfc("1035 §3.2.1", "MUST")
def test_a_ttl_of_nought_is_not_remembered() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", Kind.A)
        await cache.lookup("x", Kind.A)
        assert len(asked.questions) == 2

    run(scenario, Answer(("192.0.2.1",), 0))


def test_kinds_are_different_questions() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", Kind.A)
        await cache.lookup("x", Kind.TXT)
        assert asked.questions == ["x A", "x TXT"]

    run(scenario)


def test_many_who_ask_at_once_share_one_question() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        asked.free.clear()
        waiting = [asyncio.ensure_future(cache.lookup("x", Kind.A)) for _ in range(20)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        asked.free.set()
        outcomes = await asyncio.gather(*waiting[1:])
        assert all(isinstance(outcome, Answer) for outcome in outcomes)
        assert len(asked.questions) == 1

    run(scenario)


def test_the_longest_unused_is_forgotten_first() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        for name in ("a", "b", "c", "a", "d"):
            await cache.lookup(name, Kind.A)
        asked.questions.clear()
        for name in ("a", "c", "d", "b"):
            await cache.lookup(name, Kind.A)
        assert asked.questions == ["b A"]

    run(scenario, limit=6)


@pytest.mark.parametrize(
    "records",
    [(b"x" * 250, b"y"), (Mx(10, "x" * 250), Mx(20, "y")), (Tlsa(3, 1, 0, b"x" * 250), Tlsa(3, 1, 1, b"y"))],
)
def test_many_records_take_the_room_of_many_answers(records: tuple[Any, ...]) -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        for name in ("a", "b", "c"):
            await cache.lookup(name, Kind.TXT)
        asked.questions.clear()
        for name in ("c", "b", "a"):
            await cache.lookup(name, Kind.TXT)
        assert asked.questions == ["a TXT"]

    run(scenario, Answer(records, 100), limit=10)


def test_closing_ends_what_is_asked() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        asked.free.clear()
        waiting = asyncio.ensure_future(cache.lookup("x", Kind.A))
        await asyncio.sleep(0)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(scenario)


def test_one_family_that_fails_does_not_hide_the_other() -> None:
    class Halves(Resolver):
        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            outcomes: dict[str, dict[Kind, Outcome[Any]]] = {
                "four": {Kind.A: Answer(("192.0.2.1",), 9), Kind.AAAA: Failure("time-out")},
                "maybe": {Kind.A: NoData(9), Kind.AAAA: Failure("time-out")},
                "none": {Kind.A: NoData(9), Kind.AAAA: NoData(9)},
            }
            return outcomes[name][kind]

    resolver = Halves()
    assert asyncio.run(resolver.addresses("four")) == Answer(("192.0.2.1",), 9)
    assert isinstance(asyncio.run(resolver.addresses("maybe")), Failure)
    assert isinstance(asyncio.run(resolver.addresses("none")), NoData)


def test_what_is_cached_is_known_without_asking() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        assert cache.known("one.example", Kind.A) is None
        await cache.lookup("one.example", Kind.A)
        assert cache.known("One.example.", Kind.A) == FOUND
        await clock.advance(0.5)
        assert cache.known("one.example", Kind.A) == Answer(("192.0.2.1",), 99)
        await clock.advance(99.5)
        assert cache.known("one.example", Kind.A) is None
        assert len(asked.questions) == 1

    run(scenario)


# --- stale answers


@pytest.mark.rfc("8767 §4", "SHOULD")
def test_an_answer_serves_on_while_the_name_servers_fail() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", Kind.A)
        await clock.advance(100)
        asked.outcome = Failure("time-out")
        assert await cache.lookup("x", Kind.A) == Answer(("192.0.2.1",), STALE_TTL_S)
        # Nobody is asked again for a while, and the answer is known meanwhile
        await clock.advance(STALE_TTL_S - 1)
        assert cache.known("x", Kind.A) == Answer(("192.0.2.1",), STALE_TTL_S)
        assert len(asked.questions) == 2
        await clock.advance(1)
        assert cache.known("x", Kind.A) is None
        await cache.lookup("x", Kind.A)
        assert len(asked.questions) == 3
        asked.outcome = Answer(("192.0.2.2",), 100)
        await clock.advance(STALE_TTL_S)
        assert await cache.lookup("x", Kind.A) == asked.outcome
        await clock.advance(100 + MAX_STALE_S + 1)
        asked.outcome = Failure("time-out")
        assert await cache.lookup("x", Kind.A) == asked.outcome

    run(scenario)


@pytest.mark.rfc("8767 §5", "SHOULD")
def test_who_asks_does_not_wait_long_for_silent_name_servers() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", Kind.A)
        await clock.advance(100)
        asked.free.clear()
        waiting = asyncio.ensure_future(cache.lookup("x", Kind.A))
        await clock.advance(PATIENCE_S - 0.1)
        assert not waiting.done()
        await clock.advance(0.1)
        assert await waiting == Answer(("192.0.2.1",), STALE_TTL_S)
        assert await cache.lookup("x", Kind.A) == Answer(("192.0.2.1",), STALE_TTL_S)
        asked.outcome = Answer(("192.0.2.2",), 50)
        asked.free.set()
        await clock.advance(0)
        assert await cache.lookup("x", Kind.A) == asked.outcome
        assert len(asked.questions) == 2

    run(scenario)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.TLSA, Answer((Tlsa(3, 1, 1, bytes(32)),), 100)),
        (Kind.CNAME, Answer(("y",), 100)),
        (Kind.A, NxDomain(100)),
        (Kind.A, NoData(100)),
    ],
)
def test_what_makes_mail_fail_or_unsafe_is_not_used_beyond_its_time(
    kind: Kind, outcome: Outcome[Any]
) -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", kind)
        await clock.advance(100)
        asked.outcome = Failure("time-out")
        assert await cache.lookup("x", kind) == asked.outcome

    run(scenario, outcome)


def test_what_was_replaced_does_not_come_back() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        for newer in (Answer(("192.0.2.2",), 0), NxDomain(10), NoData(0)):
            asked.outcome = FOUND
            await cache.lookup("x", Kind.A)
            await clock.advance(100)
            asked.outcome = newer
            assert await cache.lookup("x", Kind.A) == newer
            await clock.advance(20)
            asked.outcome = Failure("time-out")
            assert await cache.lookup("x", Kind.A) == asked.outcome
            await clock.advance(FAILURE_TTL_S)

    run(scenario)


# --- in advance


def test_what_is_asked_for_often_is_asked_again_in_advance() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("often", Kind.A)
        await cache.lookup("seldom", Kind.A)
        for _ in range(PREFETCH_USES):
            cache.known("often", Kind.A)
        await clock.advance(89)
        cache.known("often", Kind.A)
        assert asked.questions == ["often A", "seldom A"]
        await clock.advance(2)
        asked.free.clear()
        for _ in range(3):
            assert cache.known("often", Kind.A) == Answer(("192.0.2.1",), 9)
            cache.known("seldom", Kind.A)
            await clock.advance(0)
        assert asked.questions == ["often A", "seldom A", "often A"]
        asked.outcome = Answer(("192.0.2.2",), 100)
        asked.free.set()
        await clock.advance(0)
        assert cache.known("often", Kind.A) == asked.outcome

    run(scenario)


def test_a_failure_in_advance_changes_nothing_and_is_not_repeated() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        await cache.lookup("x", Kind.A)
        await clock.advance(95)
        asked.outcome = Failure("time-out")
        for _ in range(2 * PREFETCH_USES):
            assert cache.known("x", Kind.A) == Answer(("192.0.2.1",), 5)
            await clock.advance(0)
        assert len(asked.questions) == 2

    run(scenario)


def test_no_more_than_some_are_asked_for_in_advance() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        names = [f"n{number}" for number in range(2 * MAX_PREFETCHES)]
        for name in names:
            await cache.lookup(name, Kind.A)
        asked.questions.clear()
        asked.free.clear()
        await clock.advance(95)
        for _ in range(2 * PREFETCH_USES):
            for name in names:
                assert cache.known(name, Kind.A) is not None
        await clock.advance(0)
        assert len(asked.questions) == MAX_PREFETCHES
        asked.free.set()
        await clock.advance(0)
        cache.known(names[-1], Kind.A)
        await clock.advance(0)
        assert len(asked.questions) == MAX_PREFETCHES + 1

    run(scenario, limit=1000)
