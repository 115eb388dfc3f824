"""Queries to name servers, through dnspython, which is loaded at the first query.

The servers are recursive ones: the machine's (`/etc/resolv.conf`) or given. Each is queried in turn, over UDP with
EDNS and over TCP if an answer was truncated. The AD bit is trusted only if the path to the server can't be tampered
with: on loopback, or if the operator says so (RFC 6840 §5.7, RFC 4035 §3.2.3).
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pillarbox.world.resolver.records import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.resolver.resolver import Resolver, normal_name

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name

DNS_PORT = 53
TIMEOUT_S = 4.0
"""For one server to answer one query."""
MAX_ROUNDS = 2
"""How often all servers are queried in turn."""
MAX_OUTSTANDING = 200
"""Queries under way at once; further ones wait."""
PAYLOAD_OCTETS = 1232
"""The largest UDP answer accepted: it fits into one packet everywhere, so it is never fragmented."""


@dataclass(frozen=True, slots=True)
class NameServer:
    """A recursive name server."""

    address: str
    port: int = DNS_PORT


class SystemResolver(Resolver):
    """Queries recursive name servers; caches nothing."""

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        trust_ad: bool | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Without `servers`, the machine's. `trust_ad`: `None` trusts servers on loopback only."""
        self._servers = tuple(servers)
        self._trust_ad = trust_ad
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(MAX_OUTSTANDING)

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`."""
        import dns.exception
        import dns.name

        try:
            wanted = dns.name.from_text(normal_name(name) + ".")
        except (dns.exception.DNSException, UnicodeError, ValueError):
            # A name that can't be in the DNS does not exist; no query is needed.
            return NxDomain(0)
        async with self._slots:
            return await self._ask_servers(wanted, kind)

    async def _ask_servers(self, wanted: "Name", kind: Kind) -> Outcome[Any]:
        servers = self._servers or _machine_servers()
        reason = "no name server"
        for _round in range(MAX_ROUNDS):
            for server in servers:
                outcome = await self._ask(server, wanted, kind)
                if not isinstance(outcome, Failure):
                    return outcome
                reason = outcome.reason
        return Failure(reason)

    async def _ask(self, server: NameServer, wanted: "Name", kind: Kind) -> Outcome[Any]:
        import dns.asyncquery
        import dns.exception
        import dns.flags
        import dns.message

        query = dns.message.make_query(wanted, kind.value, use_edns=0, payload=PAYLOAD_OCTETS)
        query.flags |= dns.flags.AD  # RFC 6840 §5.7: requests the AD bit in the response
        try:
            response, _tcp = await dns.asyncquery.udp_with_fallback(
                query, server.address, timeout=self._timeout_s, port=server.port, ignore_unexpected=True
            )
            authenticated = bool(response.flags & dns.flags.AD) and self._trusts(server)
            return _outcome(response, kind, authenticated=authenticated)
        except (dns.exception.DNSException, OSError, EOFError, TimeoutError) as error:
            return Failure(f"{server.address}: {type(error).__name__}")

    def _trusts(self, server: NameServer) -> bool:
        if self._trust_ad is not None:
            return self._trust_ad
        return ipaddress.ip_address(server.address).is_loopback


def _machine_servers() -> tuple[NameServer, ...]:
    import dns.resolver

    try:
        configured = dns.resolver.get_default_resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple(NameServer(str(address)) for address in configured)


def _outcome(response: "Message", kind: Kind, *, authenticated: bool) -> Outcome[Any]:
    import dns.message
    import dns.rcode

    code = response.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not isinstance(
        response, dns.message.QueryMessage
    ):
        return Failure(f"server says {dns.rcode.to_text(code)}")
    # Follows CNAME within the answer; the TTL of a negative answer is the SOA's (RFC 2308 §5).
    chain = response.resolve_chaining()
    if chain.answer is not None:
        alias = _text(chain.canonical_name) if chain.cnames else ""
        records = tuple(_record(rdata, kind) for rdata in chain.answer)
        return Answer(records, chain.minimum_ttl, authenticated, alias)
    ttl_s = chain.minimum_ttl if response.authority or chain.cnames else 0
    return (NxDomain if code == dns.rcode.NXDOMAIN else NoData)(ttl_s, authenticated)


def _record(rdata: Any, kind: Kind) -> str | bytes | Mx | Tlsa:
    match kind:
        case Kind.A | Kind.AAAA:
            return str(rdata.address)
        case Kind.MX:
            return Mx(rdata.preference, _text(rdata.exchange))
        case Kind.TXT:
            return b"".join(rdata.strings)
        case Kind.PTR:
            return _text(rdata.target)
        case Kind.TLSA:
            return Tlsa(rdata.usage, rdata.selector, rdata.mtype, bytes(rdata.cert))


def _text(name: "Name") -> str:
    return normal_name(name.to_text())
