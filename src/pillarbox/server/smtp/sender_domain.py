"""Can the sender be answered? Whether the domain of a reverse-path exists in the DNS.

Mail from a domain without MX, A and AAAA records cannot be answered and is mostly forged, but a resolver
may be wrong or late, so by default such mail is accepted and *marked*: in its Received field and in the log.
The look-up begins at MAIL and is waited for, a few seconds at most, only when the message has arrived.
"""

import asyncio
from enum import Enum

from pillarbox.world.clock import Clock
from pillarbox.world.resolver import Answer, Failure, Outcome, Resolver

PATIENCE_S = 5.0
"""How long an arrived message waits for the DNS before its sender's domain counts as unknown."""
REMEMBERED_S = 300.0
"""How long an answer holds here; behind it the resolver keeps its own cache, with the records' TTLs."""
DOUBTED_S = 30.0
"""How long it holds that the DNS did not answer."""
REMEMBERED = 10_000
"""Domains remembered; beyond, all are forgotten."""


class Existence(Enum):
    """What the DNS says of a domain."""

    EXISTS = "exists"
    ABSENT = "absent"
    """There is no such name, or nothing at it that could receive mail."""
    UNKNOWN = "unknown"
    """The DNS did not answer (in time)."""


class SenderDomains:
    """Looks domains up, each once in a while, for all sessions of a process."""

    def __init__(self, resolver: Resolver, clock: Clock) -> None:
        self._resolver = resolver
        self._clock = clock
        self._known: dict[str, tuple[Existence, float]] = {}
        self._tasks: dict[str, asyncio.Task[Existence]] = {}

    def begin(self, domain: str) -> Existence | None:
        """What is known of the domain (A-labels, lower case); `None` while it is being looked up."""
        if domain.startswith("["):
            return Existence.EXISTS
        known = self._known.get(domain)
        if known and self._clock.monotonic() < known[1]:
            return known[0]
        if domain not in self._tasks:
            self._tasks[domain] = asyncio.get_running_loop().create_task(self._look_up(domain))
        return None

    async def settled(self, domain: str) -> Existence:
        """What is known of the domain, waiting for the DNS for a while."""
        existence = self.begin(domain)
        if existence is not None:
            return existence
        done, _ = await asyncio.wait({self._tasks[domain]}, timeout=PATIENCE_S)
        return done.pop().result() if done else Existence.UNKNOWN

    async def _look_up(self, domain: str) -> Existence:
        try:
            existence = await existence_of(self._resolver, domain)
        finally:
            del self._tasks[domain]
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        lasting_s = DOUBTED_S if existence is Existence.UNKNOWN else REMEMBERED_S
        self._known[domain] = (existence, self._clock.monotonic() + lasting_s)
        return existence


async def existence_of(resolver: Resolver, domain: str) -> Existence:
    """Whether mail could be sent to this domain (RFC 5321 §5.1: to its MX, else to the host itself)."""
    exchangers = await resolver.mx(domain)
    if isinstance(exchangers, Answer):
        # RFC 7505 §4.2: a null MX says that the domain receives no mail, and so sends none
        null = all(exchanger.exchange == "" for exchanger in exchangers.records)
        return Existence.ABSENT if null else Existence.EXISTS
    if isinstance(exchangers, Failure):
        return Existence.UNKNOWN
    return _existence(await resolver.addresses(domain))


def _existence(addresses: Outcome[str]) -> Existence:
    if isinstance(addresses, Answer):
        return Existence.EXISTS
    return Existence.UNKNOWN if isinstance(addresses, Failure) else Existence.ABSENT
