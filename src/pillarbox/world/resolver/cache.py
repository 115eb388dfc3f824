"""A DNS cache, which also merges concurrent queries for the same records.

Positive answers are kept for their TTL, negative ones for theirs (RFC 2308 §5), both up to a limit. A failure is
kept for some seconds, so that not every message queries a dead name server (RFC 2308 §7 allows five minutes).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from pillarbox.dns import Answer, Failure, Kind, Outcome, normal_name, with_ttl
from pillarbox.world.clock import Clock
from pillarbox.world.resolver.resolver import Resolver
from pillarbox.world.resolver.validation import Examined

MAX_RECORDS = 100_000
"""Records kept, some 300 octets each; an outcome counts as one more, and so do each 100 octets of text. The least
recently used outcome is dropped first."""
MAX_TTL_S = 86_400
"""Records with a longer TTL are queried again after a day."""
MAX_NEGATIVE_TTL_S = 10_800
"""RFC 2308 §5: "values of one to three hours have been found to work well"."""
FAILURE_TTL_S = 5

_Question = tuple[str, Kind]


class CachingResolver(Resolver):
    """A cache in front of another resolver."""

    def __init__(self, behind: Resolver, clock: Clock, *, limit: int = MAX_RECORDS) -> None:
        self._behind = behind
        self._clock = clock
        self._limit = limit
        self._known: OrderedDict[_Question, tuple[float, Outcome[Any]]] = OrderedDict()
        self._weight = 0
        self._pending: dict[_Question, asyncio.Task[Outcome[Any]]] = {}

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`. A cached outcome has what is left of its TTL."""
        question = normal_name(name), kind
        known = self._known.get(question)
        if known:
            left_s = known[0] - self._clock.monotonic()
            if left_s > 0:
                self._known.move_to_end(question)
                return with_ttl(known[1], int(left_s))
        pending = self._pending.get(question)
        if pending is None:
            pending = self._pending[question] = asyncio.create_task(self._ask(question))
            pending.add_done_callback(lambda _done: self._pending.pop(question, None))
        # A caller that is cancelled doesn't cancel the query for the others.
        return await asyncio.shield(pending)

    async def examine(self) -> Sequence[Examined]:
        """See `Resolver`."""
        return await self._behind.examine()

    async def close(self) -> None:
        """See `Resolver`."""
        for pending in list(self._pending.values()):
            pending.cancel()
        await self._behind.close()

    async def _ask(self, question: _Question) -> Outcome[Any]:
        outcome = await self._behind.lookup(*question)
        lives_s = _lives_s(outcome)
        if lives_s > 0:
            if known := self._known.pop(question, None):
                self._weight -= _weight(known[1])
            self._known[question] = self._clock.monotonic() + lives_s, outcome
            self._weight += _weight(outcome)
            while self._weight > self._limit:
                _, (_, oldest) = self._known.popitem(last=False)
                self._weight -= _weight(oldest)
        return with_ttl(outcome, lives_s)


def _weight(outcome: Outcome[Any]) -> int:
    if not isinstance(outcome, Answer):
        return 1
    text = sum(len(record) for record in outcome.records if isinstance(record, str | bytes))
    return 1 + len(outcome.records) + text // 100


def _lives_s(outcome: Outcome[Any]) -> int:
    match outcome:
        case Failure():
            return FAILURE_TTL_S
        case Answer():
            return min(outcome.ttl_s, MAX_TTL_S)
        case _:
            return min(outcome.ttl_s, MAX_NEGATIVE_TTL_S)
