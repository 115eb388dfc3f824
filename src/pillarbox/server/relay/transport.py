"""How safe the connection to each host has to be: asks for what `trust.tls_policy` decides by.

The MTA-STS policy is one of the domain and is looked up once for all its hosts; DANE is asked of each host before it is
connected to. Policies are kept in the database, for all workers and for the time after a restart.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from msgspec import Struct

from pillarbox.delivery.asking import answered
from pillarbox.dns import Outcome
from pillarbox.queue import sts_policies
from pillarbox.queue.schedule import Job
from pillarbox.server.relay.host_finder import Encryption, Host
from pillarbox.trust.dane import DaneVerdict, NextHop, NoDane, dane_verdict
from pillarbox.trust.mta_sts import KnownPolicy, StsPolicy, current_policy, usable_policy
from pillarbox.trust.questions import Asking
from pillarbox.trust.tls_policy import HostRefused, TlsPolicy, tls_policy
from pillarbox.world.world import World

T = TypeVar("T")

DANE_S: Final = 30.0
"""How long the look-ups for one host may take, all together."""
STS_S: Final = 75.0
"""How long it may take to find a domain's policy: the record, and a page within a minute."""


class DomainPolicy(Struct, frozen=True, gc=False):
    """What MTA-STS says of a domain."""

    in_force: StsPolicy | None
    not_fetched: KnownPolicy | None = None
    """It could not be fetched just now: why not, and what is known all the same."""


def requires_tls(job: Job) -> bool:
    """Whether the message may go to a host identified by its certificate only."""
    # RFC 8689 §5: a DSN is sent without REQUIRETLS rather than not at all
    return job.message.require_tls and job.message.reverse_path is not None


class TransportPolicies:
    """See the module."""

    def __init__(self, world: World, port: int) -> None:
        """`port`: that of hosts which have none."""
        self._world = world
        self._port = port
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One at a time asks for a domain's policy: the others find what it has kept."""

    async def of_domain(self, domain: str, hosts: Sequence[Host]) -> DomainPolicy:
        """The MTA-STS policy of a domain with these hosts. Raises `DatabaseUnavailable`."""
        if any(host.address for host in hosts):
            return DomainPolicy(None)  # RFC 8461 §3.4: an address has none
        # And mail that goes by a smart host is under that one's
        domain = next((host.name for host in hosts if host.configured), domain)
        lock = self._asking.setdefault(domain, asyncio.Lock())
        if lock.locked():
            in_force = usable_policy(*await self._known(domain))
            if in_force is not None and _allows_all(in_force, hosts):
                return DomainPolicy(in_force)  # it is being renewed, which may take its time
        async with lock:
            before, now_s = await self._known(domain)
            in_force = usable_policy(before, now_s)
            unlike_mx = in_force is not None and not _allows_all(in_force, hosts)
            asking = current_policy(domain, before, now_s, unlike_mx=unlike_mx)
            after = await self._answered(asking, within_s=STS_S)
            if after is not None and after != before:
                await self._world.database.write(sts_policies.keep, domain, after, now_s=now_s)
                self._tell(domain, after, now_s)
        in_force = usable_policy(after, now_s)
        tried = after is not None and (before is None or after.tried_at_s != before.tried_at_s)
        return DomainPolicy(in_force, after if tried and after and after.failure else None)

    async def of_host(
        self, job: Job, host: Host, sts: StsPolicy | None, *, tls_optional: bool = False
    ) -> TlsPolicy | HostRefused:
        """What a connection to the host has to be. `sts`: as `of_domain` says."""
        domain = host.name if host.configured else job.destination
        hop = NextHop(domain, host.certain, host.expanded)
        dane = NoDane() if tls_optional else await self._dane(host, hop)
        return tls_policy(hop, host.name, dane, sts, require_tls=requires_tls(job), tls_optional=tls_optional)

    async def _known(self, domain: str) -> tuple[KnownPolicy | None, int]:
        """What is known of its policy, and the time in UNIX seconds."""
        known = await self._world.database.read(sts_policies.known, domain)
        return known, self._world.clock.now_ms() // 1000

    async def _dane(self, host: Host, hop: NextHop) -> DaneVerdict:
        if host.address or host.encryption is Encryption.VERIFIED:
            # RFC 7672 §2.2: no names, no DANE; and what the operator demands is enough.
            return NoDane()
        addresses: Outcome[str]
        if host.configured:
            addresses = await self._world.resolver.host_addresses(host.name)
        else:
            addresses = await self._world.resolver.addresses(host.name)
        asking = dane_verdict(host.name, host.port or self._port, addresses, hop)
        return await self._answered(asking, within_s=DANE_S)

    async def _answered(self, asking: Asking[T], *, within_s: float) -> T:
        world = self._world
        return await answered(asking, world.resolver, world.fetcher, world.clock, within_s=within_s)

    def _tell(self, domain: str, known: KnownPolicy, now_s: int) -> None:
        """RFC 8461 §3.3: operators hear of policies that cannot be renewed, unless there is none in force."""
        if known.failure and usable_policy(known, now_s):
            self._world.telemetry.warning(
                "MTA-STS policy not renewed",
                domain=domain,
                result=known.failure.value,
                why=known.failure_reason,
            )


def _allows_all(policy: StsPolicy, hosts: Sequence[Host]) -> bool:
    return all(policy.allows(host.name) for host in hosts)
