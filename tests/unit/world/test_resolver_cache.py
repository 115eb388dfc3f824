"""What the resolver's cache remembers, for how long, and that it asks once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome
from pillarbox.world.clock import VirtualClock
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.cache import FAILURE_TTL_S, MAX_NEGATIVE_TTL_S, MAX_TTL_S, CachingResolver


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


def test_many_records_take_the_room_of_many_answers() -> None:
    async def scenario(cache: CachingResolver, asked: Asked, clock: VirtualClock) -> None:
        for name in ("a", "b", "c"):
            await cache.lookup(name, Kind.TXT)
        asked.questions.clear()
        for name in ("c", "b", "a"):
            await cache.lookup(name, Kind.TXT)
        assert asked.questions == ["a TXT"]

    run(scenario, Answer((b"x" * 250, b"y"), 100), limit=10)


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
