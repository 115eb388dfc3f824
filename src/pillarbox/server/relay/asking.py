"""Answers the questions of checks (`trust.questions`) for the relay."""

from typing import Any, Protocol, TypeVar

from pillarbox.dns import Failure
from pillarbox.trust.questions import Asking, FetchFailed, Lookup, Page
from pillarbox.world.clock import Clock
from pillarbox.world.resolver import Resolver

T = TypeVar("T")


class Fetcher(Protocol):
    """Fetches pages by HTTPS."""

    async def fetch(
        self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
    ) -> Page | FetchFailed:
        """GET; never raises."""


async def answered(
    asking: Asking[T], resolver: Resolver, fetcher: Fetcher | None, clock: Clock, *, within_s: float
) -> T:
    """Run a check to its end. What is not answered `within_s` seconds has failed, as far as the check can tell."""
    ends, answer = clock.monotonic() + within_s, None
    try:
        while True:
            question = asking.send(answer)
            left_s = max(0.0, ends - clock.monotonic())
            answer = await _answer(question, resolver, fetcher, clock, left_s)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _answer(
    question: Any, resolver: Resolver, fetcher: Fetcher | None, clock: Clock, left_s: float
) -> Any:
    if isinstance(question, Lookup):
        try:
            async with clock.timeout(left_s):
                return await resolver.lookup(question.name, question.kind)
        except TimeoutError:
            return Failure("timeout")
    if fetcher is None:
        return FetchFailed("there is no web here", "connect")
    return await fetcher.fetch(
        question.url,
        max_octets=question.max_octets,
        timeout_s=min(question.timeout_s, left_s),
        max_redirects=question.max_redirects,
    )
