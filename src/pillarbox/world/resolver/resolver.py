"""The interface of every resolver: one lookup to implement, and the usual lookups on top of it."""

import asyncio
import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pillarbox.dns import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.resolver.validation import Examined


class Resolver(ABC):
    """DNS lookups. Names are A-labels; case and a final dot do not matter."""

    @abstractmethod
    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """The records of one kind at one name, following CNAME. Never raises."""

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:  # noqa: ARG002  (most know nothing)
        """The outcome of `lookup`, where it is known without asking anybody: neither a coroutine nor a task is
        needed for it.
        """
        return None

    async def mx(self, name: str) -> Outcome[Mx]:
        """Mail exchangers, best first (RFC 5321 §5.1); equal ones in no particular order."""
        outcome = await self.lookup(name, Kind.MX)
        if isinstance(outcome, Answer):
            ordered = tuple(sorted(outcome.records, key=lambda mx: mx.preference))
            return Answer(ordered, outcome.ttl_s, outcome.authenticated, outcome.canonical_name)
        return outcome

    async def addresses(self, name: str) -> Outcome[str]:
        """IPv6 and IPv4 addresses, in this order. If one family fails, the other is returned."""
        both = await asyncio.gather(self.lookup(name, Kind.AAAA), self.lookup(name, Kind.A))
        return _either(*both)

    async def host_addresses(self, name: str) -> Outcome[str]:
        """`addresses` of a host that the operator names, which this machine may know better than the DNS."""
        return await self.addresses(name)

    async def alias(self, name: str) -> Outcome[str]:
        """What a name is an alias of, by its own CNAME record alone.

        Where `addresses` through an alias are not authenticated, the alias may be: RFC 7672 §2.2.2.
        """
        return await self.lookup(name, Kind.CNAME)

    async def txt(self, name: str) -> Outcome[bytes]:
        """Text records, the strings of each joined without a gap (RFC 7208 §3.3)."""
        return await self.lookup(name, Kind.TXT)

    async def ptr(self, address: str) -> Outcome[str]:
        """The names of an IP address (RFC 1035 §3.5, RFC 3596 §2.5)."""
        return await self.lookup(ipaddress.ip_address(address).reverse_pointer, Kind.PTR)

    async def tlsa(self, name: str, port: int) -> Outcome[Tlsa]:
        """The TLSA records (DANE) of a TCP port of a host (RFC 6698 §3)."""
        return await self.lookup(f"_{port}._tcp.{name}", Kind.TLSA)

    async def examine(self) -> Sequence[Examined]:
        """Find out which name servers validate by DNSSEC, and from now on believe none that deceives; empty where no
        name server is asked.
        """
        return ()

    async def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Close sockets and cancel queries."""


def _either(six: Outcome[str], four: Outcome[str]) -> Outcome[str]:
    answers = [outcome for outcome in (six, four) if isinstance(outcome, Answer)]
    if answers:
        return Answer(
            tuple(address for answer in answers for address in answer.records),
            min(answer.ttl_s for answer in answers),
            all(answer.authenticated for answer in answers),
            answers[0].canonical_name,
        )
    match six, four:
        case (Failure(), _):
            return six
        case (_, Failure()):
            return four
        case (NxDomain(), NxDomain()):
            return four
        case (NoData() as first, _) | (_, NoData() as first):
            return first
        case _:
            raise AssertionError("every pair of outcomes is covered")
