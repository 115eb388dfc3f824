"""A DNS cache, which also merges concurrent queries for the same records.

Positive answers are kept for their TTL, negative ones for theirs (RFC 2308 §5), both up to a limit. A failure is
kept for some seconds, so that not every message queries a dead name server (RFC 2308 §7 allows five minutes).

While the name servers fail, an answer is used beyond its TTL (RFC 8767); and what is asked for often is asked again
shortly before its TTL ends, so that nobody waits for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from pillarbox.dns import Answer, Failure, Kind, Mx, Outcome, Record, Tlsa, normal_name, with_ttl
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

MAX_STALE_S: Final = 86_400
"""How long after its TTL an answer may be used (RFC 8767 §5: one to three days)."""
STALE_TTL_S: Final = 30
"""The TTL of such an answer, and the time after a failure in which nobody is asked again (RFC 8767 §4, §5)."""
PATIENCE_S: Final = 1.8
"""How long the name servers may take before a stale answer is given (RFC 8767 §5)."""
STALE_KINDS: Final = frozenset({Kind.A, Kind.AAAA, Kind.MX, Kind.TXT, Kind.PTR})
"""Not those of DANE, where no answer means that mail waits (RFC 7672 §2.1.2): a key that was withdrawn must not come
back because somebody blocks the DNS."""

PREFETCH_USES: Final = 3
"""Who is asked for so often within one TTL is worth a query in advance."""
PREFETCH_SHARE: Final = 0.1
"""Of the TTL: when it is asked again."""
MAX_PREFETCHES: Final = 20
"""Such queries under way at once."""

_Question = tuple[str, Kind]


class _Entry:
    """What is known of a question."""

    __slots__ = ("expires", "lives_s", "outcome", "retry", "uses")

    def __init__(self, outcome: Outcome[Any], lives_s: int, now: float) -> None:
        self.outcome = outcome
        """Its TTL is what was left of it when it was last given out."""
        self.lives_s = lives_s
        self.expires = now + lives_s
        self.retry = 0.0
        """Not asked again before, since the name servers failed."""
        self.uses = 0


class CachingResolver(Resolver):
    """A cache in front of another resolver."""

    def __init__(self, behind: Resolver, clock: Clock, *, limit: int = MAX_RECORDS) -> None:
        self._behind = behind
        self._clock = clock
        self._limit = limit
        self._entries: OrderedDict[_Question, _Entry] = OrderedDict()
        self._weight = 0
        self._pending: dict[_Question, asyncio.Task[Outcome[Any]]] = {}
        self._prefetches = 0

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`. A cached outcome has what is left of its TTL."""
        question = normal_name(name), kind
        if (known := self._fresh(question)) is not None:
            return known
        pending = self._pending.get(question) or self._begun(question)
        # a caller that is cancelled does not cancel what others wait for
        stale = self._stale(question)
        if stale is None:
            return await asyncio.shield(pending)
        try:
            async with self._clock.timeout(PATIENCE_S):
                outcome = await asyncio.shield(pending)
        except TimeoutError:
            if entry := self._entries.get(question):
                entry.retry = self._clock.monotonic() + STALE_TTL_S  # who asks next does not wait
            return stale
        return stale if isinstance(outcome, Failure) else outcome

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        """See `Resolver`: what is in the cache."""
        return self._fresh((normal_name(name), kind))

    async def examine(self) -> Sequence[Examined]:
        """See `Resolver`."""
        return await self._behind.examine()

    async def close(self) -> None:
        """See `Resolver`."""
        for pending in self._pending.values():
            pending.cancel()
        await self._behind.close()

    def _fresh(self, question: _Question) -> Outcome[Any] | None:
        entry = self._entries.get(question)
        if entry is None:
            return None
        now = self._clock.monotonic()
        left_s = entry.expires - now
        if left_s <= 0:
            return self._stale(question) if now < entry.retry else None
        self._entries.move_to_end(question)
        entry.uses += 1
        if left_s < entry.lives_s * PREFETCH_SHARE and entry.uses > PREFETCH_USES:
            self._prefetch(question, entry)
        outcome = entry.outcome
        if isinstance(outcome, Failure) or outcome.ttl_s == int(left_s):
            return outcome
        entry.outcome = with_ttl(outcome, int(left_s))
        return entry.outcome

    def _stale(self, question: _Question) -> Outcome[Any] | None:
        """An answer whose TTL has ended, where it may be used all the same."""
        entry = self._entries.get(question)
        if entry is None or question[1] not in STALE_KINDS or not isinstance(entry.outcome, Answer):
            return None
        if self._clock.monotonic() - entry.expires > MAX_STALE_S:
            return None
        self._entries.move_to_end(question)
        return with_ttl(entry.outcome, STALE_TTL_S)

    def _prefetch(self, question: _Question, entry: _Entry) -> None:
        # `retry`: a query that failed is not repeated with each use
        if question in self._pending or self._clock.monotonic() < entry.retry:
            return
        if self._prefetches >= MAX_PREFETCHES or isinstance(entry.outcome, Failure):
            return
        self._prefetches += 1
        self._begun(question).add_done_callback(self._prefetched)

    def _prefetched(self, _done: asyncio.Task[Outcome[Any]]) -> None:
        self._prefetches -= 1

    def _begun(self, question: _Question) -> asyncio.Task[Outcome[Any]]:
        pending = self._pending[question] = asyncio.create_task(self._ask(question))
        pending.add_done_callback(lambda _done: self._pending.pop(question, None))
        return pending

    async def _ask(self, question: _Question) -> Outcome[Any]:
        outcome = await self._behind.lookup(*question)
        now = self._clock.monotonic()
        entry = self._entries.get(question)
        if isinstance(outcome, Failure) and entry is not None and self._outlasts(entry, question, now):
            entry.retry = now + STALE_TTL_S
            return outcome
        lives_s = _lives_s(outcome)
        outcome = with_ttl(outcome, lives_s)
        self._keep(question, _Entry(outcome, lives_s, now))
        return outcome

    def _outlasts(self, entry: _Entry, question: _Question, now: float) -> bool:
        """Whether what is known is better than a failure."""
        if now < entry.expires:
            return not isinstance(entry.outcome, Failure)
        return self._stale(question) is not None

    def _keep(self, question: _Question, entry: _Entry) -> None:
        if replaced := self._entries.pop(question, None):
            self._weight -= _weight(replaced.outcome)
        if entry.lives_s == 0:
            return  # RFC 1035 §3.2.1: used once
        self._entries[question] = entry
        self._weight += _weight(entry.outcome)
        while self._weight > self._limit:
            _, oldest = self._entries.popitem(last=False)
            self._weight -= _weight(oldest.outcome)


def _weight(outcome: Outcome[Any]) -> int:
    if not isinstance(outcome, Answer):
        return 1
    return 1 + len(outcome.records) + sum(map(_octets, outcome.records)) // 100


def _octets(record: Record) -> int:
    match record:
        case Mx():
            return len(record.exchange)
        case Tlsa():
            return len(record.association)
        case _:
            return len(record)


def _lives_s(outcome: Outcome[Any]) -> int:
    match outcome:
        case Failure():
            return FAILURE_TTL_S
        case Answer():
            return min(outcome.ttl_s, MAX_TTL_S)
        case _:
            return min(outcome.ttl_s, MAX_NEGATIVE_TTL_S)
