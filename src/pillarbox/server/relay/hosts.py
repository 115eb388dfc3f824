"""Which hosts to try for a destination, in which order (RFC 5321 §5.1, RFC 7505, RFC 3974).

What comes back is hosts, each with its addresses found only when its turn has come; or a verdict for all
recipients at once: nobody there takes mail, or the DNS cannot say now.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.world.entropy import Entropy
from pillarbox.world.resolver import Answer, Failure, Mx, NoData, NxDomain, Resolver

MX_HOSTS = 20
"""Exchangers of one destination that are tried; RFC 5321 §5.1 allows a limit of at least two addresses."""
ADDRESSES = 10
"""Addresses of one host that are tried."""
SMTP_PORT = 25


@dataclass(frozen=True, slots=True)
class Host:
    """A server to try. ``address``: where the name needs no look-up."""

    name: str
    port: int = SMTP_PORT
    address: str | None = None


class Routes(Protocol):
    """Where mail for some destinations goes by the operator's rule instead of the DNS."""

    def host_for(self, destination: str) -> Host | None:
        """The host that takes mail for this destination; ``None``: the DNS decides."""


class NoRoutes:
    """The DNS decides everything."""

    def host_for(self, destination: str) -> Host | None:  # noqa: ARG002 - the rule is that there is none
        """See `Routes`."""
        return None


@dataclass(frozen=True, slots=True)
class Itinerary:
    """How to find the hosts: by rule, by the DNS, never back to ourselves."""

    resolver: Resolver
    entropy: Entropy
    own_names: frozenset[str]
    """Host names under which we are reached, in lower case."""
    routes: Routes

    async def hosts(self, destination: str) -> Sequence[Host] | Outcome:
        """Hosts in the order in which to try them, or what that means for every recipient."""
        routed = self.routes.host_for(destination)
        if routed:
            return [routed]
        if destination.startswith("["):
            return _literal(destination)
        found = await self.resolver.mx(destination)
        match found:
            case Answer():
                return self._exchangers(destination, found.records)
            case NoData():
                # RFC 5321 §5.1: without MX records the domain itself is the exchanger
                return [Host(destination)]
            case NxDomain():
                return _failed("5.1.2", f"the domain {destination} does not exist")
            case Failure():
                return _deferred("4.4.3", f"the name servers for {destination} do not answer: {found.reason}")

    async def addresses(self, host: Host) -> Sequence[str] | Outcome:
        """Where a host is reached: IPv6 and IPv4 in turns, so that a broken family costs one attempt."""
        if host.address:
            return [host.address]
        found = await self.resolver.addresses(host.name)
        match found:
            case Answer():
                return _alternating(found.records)[:ADDRESSES]
            case NoData() | NxDomain():
                return _failed("5.4.4", f"the host {host.name} has no address")
            case Failure():
                return _deferred("4.4.3", f"the address of {host.name} cannot be found: {found.reason}")

    def _exchangers(self, destination: str, records: Sequence[Mx]) -> Sequence[Host] | Outcome:
        # RFC 7505 §3: one record with an empty exchange says that the domain takes no mail
        if len(records) == 1 and records[0].exchange in ("", "."):
            return _failed("5.1.10", f"the domain {destination} takes no mail (null MX)")
        own = [mx.preference for mx in records if mx.exchange.rstrip(".").lower() in self.own_names]
        # RFC 5321 §5.1: from where we stand only better exchangers may be tried, or mail runs in a circle
        limit = min(own, default=None)
        usable = [
            mx for mx in records if mx.exchange not in ("", ".") and (limit is None or mx.preference < limit)
        ]
        if not usable:
            return _failed("5.4.6", f"mail for {destination} would come back to this server")
        # RFC 5321 §5.1: equal preferences are shuffled, to spread the load
        shuffled = sorted(self.entropy.shuffled(usable), key=lambda mx: mx.preference)
        return [Host(mx.exchange.rstrip(".").lower()) for mx in shuffled[:MX_HOSTS]]


def _literal(destination: str) -> Sequence[Host] | Outcome:
    text = destination.strip("[]")
    text = text[5:] if text.upper().startswith("IPV6:") else text
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return _failed("5.1.2", f"{destination} is no address that mail can be sent to")
    return [Host(destination, address=address)]


def _alternating(addresses: Sequence[str]) -> list[str]:
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    pairs = [address for pair in zip(six, four, strict=False) for address in pair]
    return pairs + [address for address in addresses if address not in pairs]


def _failed(status: str, text: str) -> Outcome:
    return Outcome(Verdict.FAILED, status, text, said_by_server=False)


def _deferred(status: str, text: str) -> Outcome:
    return Outcome(Verdict.DEFERRED, status, text, said_by_server=False)
