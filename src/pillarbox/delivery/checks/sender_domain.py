"""Does the sender's domain exist in the DNS (RFC 5321 §5.1)?

Mail from a domain without MX, A and AAAA records cannot be answered and is mostly forged, but a resolver
may be wrong or late. So such mail is accepted by default and *marked*, in its Received field and in the log:
`SenderDomain`, at DATA. `SenderDomainRequired`, at SENDER, refuses it instead.

The lookup begins at MAIL; when the message has arrived it is waited for, a few seconds at most.
"""

import asyncio
from enum import Enum

from pillarbox.config.schema import Config
from pillarbox.delivery.checks.check import NOTHING_FOUND, Check, Decision, Evidence, Finding
from pillarbox.dns import Answer, Failure, Outcome
from pillarbox.mail.address import domain_key
from pillarbox.protocol.smtp.path import NULL
from pillarbox.world.clock import Clock
from pillarbox.world.resolver import Resolver
from pillarbox.world.world import World

TIMEOUT_S = 5.0
"""How long a message waits for the DNS before its sender's domain counts as unknown."""
MAX_AGE_S = 300.0
"""How long an answer is cached here; below, the resolver has a cache by the records' TTLs."""
MAX_FAILURE_AGE_S = 30.0
"""How long it is cached that the DNS did not answer."""
MAX_DOMAINS = 10_000
"""When so many domains are cached, the cache is cleared before the next is added."""
MAX_EARLY = 50
"""Lookups under way; with more, the next begin when somebody waits for them, and not at MAIL: a stranger may say MAIL
as often as he likes, and the resolver has so many turns only."""


class Existence(Enum):
    """What the DNS says of a domain."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    EXISTS = "exists"
    ABSENT = "absent"
    """There is no such name, or it has no records that mail could be sent to."""
    UNKNOWN = "unknown"
    """The DNS did not answer (in time)."""


_MARKS = {
    Existence.EXISTS: Finding(result="exists"),
    Existence.ABSENT: Finding(remark="sender domain does not exist", result="absent"),
    Existence.UNKNOWN: Finding(remark="sender domain could not be looked up", result="unknown"),
}
_REFUSALS = {
    Existence.EXISTS: Finding(result="exists"),
    Existence.ABSENT: Finding(
        Decision.REJECT, "1.8", "Sender address rejected: Domain not found", result="absent"
    ),
    Existence.UNKNOWN: Finding(
        Decision.DEFER, "1.8", "Sender address rejected: Domain lookup failed", result="unknown"
    ),
}


class SenderDomain(Check):
    """Marks mail whose sender's domain does not exist."""

    name = "sender_domain"
    findings = _MARKS

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self._domains = SenderDomains(world.resolver, world.clock)

    def begin(self, evidence: Evidence) -> None:
        """Start the lookup."""
        domain = _sender_domain(evidence)
        if domain is not None and self._domains.has_room:
            self._domains.begin(domain)

    async def conclude(self, evidence: Evidence) -> Finding:
        """Wait for the answer."""
        domain = _sender_domain(evidence)
        if domain is None:
            return NOTHING_FOUND
        return self.findings[self._domains.begin(domain) or await self._domains.settled(domain)]


class SenderDomainRequired(SenderDomain):
    """Refuses such mail; for sites that list it at SENDER."""

    findings = _REFUSALS


def _sender_domain(evidence: Evidence) -> str | None:
    """As A-labels in lower case, or an address literal; `None` for the null reverse-path."""
    assert evidence.envelope is not None, "listed at SENDER or later"
    path = evidence.envelope.reverse_path
    return None if path is NULL else domain_key(path.domain)


class SenderDomains:
    """Looks up domains, with a cache; simultaneous lookups of a domain are one."""

    def __init__(self, resolver: Resolver, clock: Clock) -> None:
        self._resolver = resolver
        self._clock = clock
        self._known: dict[str, tuple[Existence, float]] = {}
        self._tasks: dict[str, asyncio.Task[Existence]] = {}

    @property
    def has_room(self) -> bool:
        """Whether few enough lookups are under way for one that nobody waits for."""
        return len(self._tasks) < MAX_EARLY

    def begin(self, domain: str) -> Existence | None:
        """What is known of the domain (A-labels, lower case); `None` while the lookup is under way."""
        if domain.startswith("["):
            return Existence.EXISTS
        known = self._known.get(domain)
        if known and self._clock.monotonic() < known[1]:
            return known[0]
        if domain not in self._tasks:
            self._tasks[domain] = asyncio.get_running_loop().create_task(self._look_up(domain))
        return None

    async def settled(self, domain: str) -> Existence:
        """What is known of the domain, after waiting for the DNS at most `TIMEOUT_S`."""
        existence = self.begin(domain)
        if existence is not None:
            return existence
        done, _ = await asyncio.wait({self._tasks[domain]}, timeout=TIMEOUT_S)
        return done.pop().result() if done else Existence.UNKNOWN

    async def _look_up(self, domain: str) -> Existence:
        try:
            existence = await existence_of(self._resolver, domain)
        finally:
            del self._tasks[domain]
        if len(self._known) >= MAX_DOMAINS:
            self._known.clear()
        max_age_s = MAX_FAILURE_AGE_S if existence is Existence.UNKNOWN else MAX_AGE_S
        self._known[domain] = (existence, self._clock.monotonic() + max_age_s)
        return existence


async def existence_of(resolver: Resolver, domain: str) -> Existence:
    """Whether mail could be sent to this domain (RFC 5321 §5.1: to its MX, else to the host itself)."""
    exchangers = await resolver.mx(domain)
    if isinstance(exchangers, Answer):
        # RFC 7505 §4.2: a null MX says that the domain receives no mail; so it should send none
        null = all(exchanger.exchange == "" for exchanger in exchangers.records)
        return Existence.ABSENT if null else Existence.EXISTS
    if isinstance(exchangers, Failure):
        return Existence.UNKNOWN
    return _existence(await resolver.addresses(domain))


def _existence(addresses: Outcome[str]) -> Existence:
    if isinstance(addresses, Answer):
        return Existence.EXISTS
    return Existence.UNKNOWN if isinstance(addresses, Failure) else Existence.ABSENT
