"""Queries to name servers.

The servers are recursive ones: the machine's (`/etc/resolv.conf`) or given. Each is queried in turn, over UDP with
EDNS and over TCP if an answer was truncated. The AD bit is trusted only if the path to the server can't be tampered
with: on loopback, or if the operator says so (RFC 6840 §5.7, RFC 4035 §3.2.3).
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pillarbox.dns import Failure, Kind, NxDomain, Outcome, message
from pillarbox.world.resolver.resolver import Resolver

CONFIGURATION = Path("/etc/resolv.conf")
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
        try:
            asked = message.query(secrets.randbits(16), name, kind, payload_octets=PAYLOAD_OCTETS)
        except message.NotInDns:
            return NxDomain(0)  # no query is needed
        async with self._slots:
            return await self._ask_servers(asked, name, kind)

    async def _ask_servers(self, asked: bytes, name: str, kind: Kind) -> Outcome[Any]:
        servers = self._servers or _machine_servers()
        reason = "no name server"
        for _round in range(MAX_ROUNDS):
            for server in servers:
                outcome = await self._ask(server, asked, name, kind)
                if not isinstance(outcome, Failure):
                    return outcome
                reason = outcome.reason
        return Failure(reason)

    async def _ask(self, server: NameServer, asked: bytes, name: str, kind: Kind) -> Outcome[Any]:
        trusted = self._trusts(server)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = message.read(await _over_udp(server, asked), asked, name, kind, trusted=trusted)
                if response.truncated:
                    response = message.read(
                        await _over_tcp(server, asked), asked, name, kind, trusted=trusted
                    )
                    if response.truncated:
                        raise message.Malformed("truncated over TCP")
                return response.outcome
        except (message.Malformed, OSError, EOFError, TimeoutError) as error:
            return Failure(f"{server.address}: {type(error).__name__}")

    def _trusts(self, server: NameServer) -> bool:
        if self._trust_ad is not None:
            return self._trust_ad
        return ipaddress.ip_address(server.address).is_loopback


@cache
def _machine_servers(configuration: Path = CONFIGURATION) -> tuple[NameServer, ...]:
    """The name servers of the machine; none where it has none. Read once."""
    try:
        lines = configuration.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    return tuple(NameServer(line[1]) for line in words if len(line) > 1 and line[0] == "nameserver")


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the response to one query; what else comes is ignored."""

    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self.response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - the socket is connected
        """See `asyncio`."""
        if not self.response.done() and message.answers(data, self._asked):
            self.response.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """See `asyncio`."""
        if not self.response.done():
            self.response.set_exception(exc)


async def _over_udp(server: NameServer, asked: bytes) -> bytes:
    """From a port of its own, which the system chooses (RFC 5452 §9.2). Raises OSError."""
    transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(asked), remote_addr=(server.address, server.port)
    )
    try:
        transport.sendto(asked)
        return await datagrams.response
    finally:
        transport.close()


async def _over_tcp(server: NameServer, asked: bytes) -> bytes:
    """Raises OSError, EOFError, `message.Malformed`."""
    reader, writer = await asyncio.open_connection(server.address, server.port)
    try:
        writer.write(len(asked).to_bytes(2) + asked)
        length = int.from_bytes(await reader.readexactly(2))
        if length > message.MAX_OCTETS:
            raise message.Malformed("too long")
        response = await reader.readexactly(length)
    finally:
        writer.close()
    if not message.answers(response, asked):
        raise message.Malformed("no response to this query")
    return response
