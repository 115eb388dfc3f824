"""Questions of checks, answered with the DNS and the web."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.delivery.asking import Unanswered, answered, answered_at_once
from pillarbox.dns import Answer, Failure, Kind, NxDomain, Outcome
from pillarbox.trust.questions import Asking, FetchFailed, Page, fetch, look_up
from pillarbox.world.clock import VirtualClock
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.cache import CachingResolver
from pillarbox.world.resolver.zone import ZoneResolver

URL = "https://mta-sts.one.example/.well-known/mta-sts.txt"
PAGE = Page("text/plain", b"version: STSv1\n")
ZONE = ZoneResolver(["one.example"], {("one.example", Kind.TXT): [b"v=spf1 -all"]})


class Slow(Resolver):
    """Knows nothing by itself, and answers after a while."""

    def __init__(self, clock: VirtualClock, delay_s: float) -> None:
        self._clock = clock
        self.delay_s = delay_s
        self.asked: list[str] = []

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked.append(name)
        await self._clock.sleep(self.delay_s)
        return await ZONE.lookup(name, kind)


def check(*names: str) -> Asking[list[Outcome[Any]]]:
    found = []
    for name in names:
        found.append((yield from look_up(name, Kind.TXT)))
    return found


def fetching() -> Asking[Page | FetchFailed]:
    yield from look_up("one.example", Kind.TXT)
    return (yield from fetch(URL, max_octets=100, timeout_s=60))


def run(scenario: Callable[[VirtualClock], Awaitable[None]]) -> None:
    async def inside() -> None:
        await scenario(VirtualClock())

    asyncio.run(inside())


def test_what_is_known_is_answered_without_a_loop() -> None:
    found = answered_at_once(check("one.example", "two.example", "no.one.example"), ZONE)
    assert not isinstance(found, Unanswered)
    assert [type(outcome) for outcome in found] == [Answer, NxDomain, NxDomain]


def test_a_check_without_questions_has_its_result_at_once() -> None:
    assert answered_at_once(check(), ZONE) == []


def test_what_is_not_known_is_waited_for_and_then_known() -> None:
    async def scenario(clock: VirtualClock) -> None:
        slow = Slow(clock, 1)
        resolver = CachingResolver(slow, clock)
        begun = answered_at_once(check("one.example", "one.example", "two.example"), resolver)
        assert isinstance(begun, Unanswered)
        waiting = asyncio.ensure_future(answered(begun, resolver, MemoryFetcher(), clock, within_s=9))
        await clock.advance(2)
        assert [type(outcome) for outcome in await waiting] == [Answer, Answer, NxDomain]
        assert slow.asked == ["one.example", "two.example"]
        again = answered_at_once(check("one.example", "two.example"), resolver)
        assert not isinstance(again, Unanswered)

    run(scenario)


def test_a_check_that_takes_too_long_is_told_so_and_ends_by_itself() -> None:
    async def scenario(clock: VirtualClock) -> None:
        slow = Slow(clock, 2)
        waiting = asyncio.ensure_future(
            answered(check("one.example", "a.example", "b.example"), slow, MemoryFetcher(), clock, within_s=3)
        )
        await clock.advance(3)
        found = await waiting
        assert [type(outcome) for outcome in found] == [Answer, Failure, Failure]
        assert found[1:] == [Failure("timeout")] * 2
        assert slow.asked == ["one.example", "a.example"], "nothing is asked once the time is over"

    run(scenario)


def test_pages_are_fetched() -> None:
    async def scenario(clock: VirtualClock) -> None:
        begun = answered_at_once(fetching(), ZONE)
        assert isinstance(begun, Unanswered)
        assert await answered(begun, ZONE, MemoryFetcher({URL: PAGE}), clock, within_s=9) == PAGE
        missing = await answered(fetching(), ZONE, MemoryFetcher(), clock, within_s=9)
        assert isinstance(missing, FetchFailed)

    run(scenario)


def test_a_page_has_no_more_time_than_the_check() -> None:
    timeouts_s: list[float] = []

    class Noting(MemoryFetcher):
        async def fetch(
            self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
        ) -> Page | FetchFailed:
            timeouts_s.append(timeout_s)
            return PAGE

    async def scenario(clock: VirtualClock) -> None:
        fetcher = Noting()
        for delay_s, within_s in ((2.0, 9.0), (0.0, 100.0), (5.0, 5.0)):
            slow = Slow(clock, delay_s)
            waiting = asyncio.ensure_future(answered(fetching(), slow, fetcher, clock, within_s=within_s))
            await clock.advance(10)
            found = await waiting
        assert timeouts_s == [7.0, 60.0]
        assert found == FetchFailed("no time is left", "timeout")

    run(scenario)


def test_a_check_whose_answer_nobody_wants_any_more_is_closed() -> None:
    closed = []

    def endless() -> Asking[None]:
        try:
            while True:
                yield from look_up("one.example", Kind.TXT)
        finally:
            closed.append(True)

    async def scenario(clock: VirtualClock) -> None:
        waiting = asyncio.ensure_future(
            answered(endless(), Slow(clock, 1), MemoryFetcher(), clock, within_s=99)
        )
        await clock.advance(2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert closed

    run(scenario)
