"""Which hosts to try for a destination, in which order (RFC 5321 §5.1, RFC 7505, RFC 3974).

The answer is a list of hosts, whose addresses are looked up only when they are tried; or an outcome for all recipients
at once: the destination takes no mail, or the DNS does not answer now. A configured route for a destination, or for
all of them (a smart host), comes before the DNS.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from pillarbox.dns import Answer, Failure, Mx, NoData, NxDomain, normal_name
from pillarbox.protocol.sasl.client import Credentials
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.world.entropy import Entropy
from pillarbox.world.resolver import Resolver

MAX_MX_HOSTS = 20
"""Mail exchangers of one destination that are tried; RFC 5321 §5.1 allows a limit of at least two addresses."""
MAX_ADDRESSES = 10
"""Addresses of one host that are tried."""
SMART_HOST = "*"
"""The key of the smart host among the routes."""


class Encryption(Enum):
    """The TLS that a connection needs."""

    OPPORTUNISTIC = "encrypted where the server offers it"
    """Any certificate is accepted, and where TLS fails, plain text is used (RFC 7435)."""
    REQUIRED = "encrypted, with any certificate"
    VERIFIED = "encrypted, with a certificate for the host's name"


@dataclass(frozen=True, slots=True)
class Host:
    """A server to try."""

    name: str
    port: int | None = None
    """`None`: `HostFinder.port`."""
    address: str | None = None
    """If the name needs no look-up."""
    encryption: Encryption = Encryption.OPPORTUNISTIC
    implicit_tls: bool = False
    """TLS from the first octet (RFC 8314 §3.3): a submission server's port 465."""
    credentials: Credentials | None = None
    """What to log in with; `None`: no login."""
    certain: bool = False
    """The name is configured, or authenticated by DNSSEC: a certificate for it identifies the server."""
    expanded: str = ""
    """Where the domain's CNAME chain ended, if it is an alias."""
    configured: bool = False
    """The operator named it: the hosts file is asked, too, and where it cannot be found, mail waits."""


Routes = Mapping[str, Host]
"""Hosts for single destinations (A-labels in lower case), and under `SMART_HOST` one for all others."""


@dataclass(frozen=True, slots=True)
class HostFinder:
    """Finds hosts by route or by the DNS, and never leads back to this server."""

    resolver: Resolver
    entropy: Entropy
    own_names: frozenset[str]
    """Host names of this server, in lower case."""
    port: int
    """The port of hosts found by the DNS."""
    routes: Routes = field(default_factory=dict)

    async def hosts(self, destination: str) -> Sequence[Host] | Outcome:
        """Hosts in the order in which to try them, or the outcome for every recipient if there are none."""
        routed = self.routes.get(destination) or self.routes.get(SMART_HOST)
        if routed:
            address = routed.address or _address(routed.name)
            return [replace(routed, certain=True, configured=True, address=address)]
        if destination.startswith("["):
            return _literal(destination)
        found = await self.resolver.mx(destination)
        match found:
            case Answer():
                return self._exchangers(destination, found)
            case NoData():
                # RFC 5321 §5.1: without MX records the domain itself is the exchanger
                return [Host(destination, certain=found.authenticated)]
            case NxDomain():
                return _failed("5.1.2", f"the domain {destination} does not exist")
            case Failure():
                return _deferred("4.4.3", f"the name servers for {destination} do not answer: {found.reason}")

    async def addresses(self, host: Host) -> Sequence[str] | Outcome:
        """The addresses of a host: IPv6 and IPv4 alternate, so that a broken family costs one attempt."""
        if host.address:
            return [host.address]
        if host.configured:
            found = await self.resolver.host_addresses(host.name)
        else:
            found = await self.resolver.addresses(host.name)
        match found:
            case Answer():
                return _alternating(found.records)[:MAX_ADDRESSES]
            case NoData() | NxDomain():
                text = f"the host {host.name} has no address"
                # The operator's mistake, which he can mend, is none of the recipient's.
                return _deferred("4.4.4", text) if host.configured else _failed("5.4.4", text)
            case Failure():
                return _deferred("4.4.3", f"the address of {host.name} cannot be found: {found.reason}")

    def _exchangers(self, destination: str, found: Answer[Mx]) -> Sequence[Host] | Outcome:
        records = found.records
        # RFC 7505 §3: one record with an empty exchange says that the domain takes no mail
        if len(records) == 1 and records[0].exchange in ("", "."):
            return _failed("5.1.10", f"the domain {destination} takes no mail (null MX)")
        own = [mx.preference for mx in records if normal_name(mx.exchange) in self.own_names]
        # RFC 5321 §5.1: only exchangers preferred to this server may be tried, or mail would loop
        limit = min(own, default=None)
        usable = [
            mx for mx in records if mx.exchange not in ("", ".") and (limit is None or mx.preference < limit)
        ]
        if not usable:
            return _failed("5.4.6", f"mail for {destination} loops back to myself")
        # RFC 5321 §5.1: equal preferences are shuffled, to spread the load
        shuffled = sorted(self.entropy.shuffled(usable), key=lambda mx: mx.preference)
        names = dict.fromkeys(normal_name(mx.exchange) for mx in shuffled)
        certain, expanded = found.authenticated, normal_name(found.canonical_name)
        return [Host(name, certain=certain, expanded=expanded) for name in list(names)[:MAX_MX_HOSTS]]


def _address(name: str) -> str | None:
    """The address that a configured host name is, if it is one: the DNS knows nothing of it."""
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return None


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
    return Outcome(OutcomeKind.FAILED, status, text, said_by_server=False)


def _deferred(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.DEFERRED, status, text, said_by_server=False)
