"""Answers the questions of checks (`trust.questions`) with the DNS and the web.

What the resolver knows is answered at once: a check that asks for nothing else costs no task and no turn of the loop.

    found = answered_at_once(check, resolver)
    if isinstance(found, Unanswered):
        found = await answered(found, resolver, fetcher, clock, within_s=20)
"""

from functools import partial
from typing import Any, Final, Generic, TypeVar

from pillarbox.dns import Failure, Outcome
from pillarbox.trust.questions import Asking, Fetch, FetchFailed, Lookup, Page, Question
from pillarbox.world.clock import Clock
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.pace import Pace
from pillarbox.world.resolver import Resolver

T = TypeVar("T")

TIMED_OUT: Final = "timeout"
"""The reason of a `Failure` that stands for an answer which did not come in time."""


class Unanswered(Generic[T]):
    """A check that waits for the answer to a question."""

    __slots__ = ("asking", "question")

    def __init__(self, asking: Asking[T], question: Question) -> None:
        self.asking = asking
        self.question = question


def answered_at_once(asking: Asking[T], resolver: Resolver) -> T | Unanswered[T]:
    """Begin a check, and answer what the resolver knows: the result, or the check at its first other question.

    Who does not go on with an unanswered check closes its `asking`.
    """
    return _advanced(asking, None, resolver)


async def answered(
    asking: Asking[T] | Unanswered[T],
    resolver: Resolver,
    fetcher: Fetcher,
    clock: Clock,
    *,
    within_s: float,
    pace: Pace | None = None,
) -> T:
    """Run a check to its end. What is not answered `within_s` seconds has failed, as far as the check can tell, so that
    it concludes by itself (temperror, as a rule) instead of being cancelled.

    `pace`: of many checks that may go on at the same moment.
    """
    ends = clock.monotonic() + within_s
    at = asking if isinstance(asking, Unanswered) else _advanced(asking, None, resolver)
    while isinstance(at, Unanswered):
        check, question, left_s = at.asking, at.question, ends - clock.monotonic()
        answer: Outcome[Any] | Page | FetchFailed
        try:
            if isinstance(question, Lookup):
                answer = await _outcome(question, resolver, clock, left_s)
            else:
                answer = await _page(question, fetcher, left_s)
            step = partial(_advanced, check, answer, resolver)
            at = await pace.run(step) if pace else step()
        except BaseException:  # cancelled: the check does not hear of it, but may clean up
            check.close()
            raise
    return at


def _advanced(asking: Asking[T], answer: Any, resolver: Resolver) -> T | Unanswered[T]:
    """Resume a check with an answer (None begins it), until it has a result or asks what is not known."""
    try:
        while True:
            question = asking.send(answer)
            if not isinstance(question, Lookup):
                return Unanswered(asking, question)
            answer = resolver.known(question.name, question.kind)
            if answer is None:
                return Unanswered(asking, question)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _outcome(question: Lookup, resolver: Resolver, clock: Clock, left_s: float) -> Outcome[Any]:
    if left_s <= 0:
        return Failure(TIMED_OUT)
    try:
        async with clock.timeout(left_s):
            return await resolver.lookup(question.name, question.kind)
    except TimeoutError:
        return Failure(TIMED_OUT)


async def _page(question: Fetch, fetcher: Fetcher, left_s: float) -> Page | FetchFailed:
    if left_s <= 0:
        return FetchFailed("no time is left", "timeout")
    return await fetcher.fetch(
        question.url,
        max_octets=question.max_octets,
        timeout_s=min(question.timeout_s, left_s),
        max_redirects=question.max_redirects,
    )
