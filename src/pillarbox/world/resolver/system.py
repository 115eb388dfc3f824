"""Queries to name servers.

The servers are recursive ones: the machine's (`/etc/resolv.conf`) or given. Each is queried in turn, over UDP with
EDNS and over TCP if an answer was truncated: where that fails, the lookup fails, and what was left of the answer is
not used.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from pillarbox.dns import Failure, Kind, NxDomain, Outcome, message
from pillarbox.world.pace import Pace
from pillarbox.world.resolver.exchange import PAYLOAD_OCTETS, Datagrams, over_tcp
from pillarbox.world.resolver.resolver import Resolver
from pillarbox.world.resolver.servers import NameServer, NameServers
from pillarbox.world.resolver.validation import NAMES, Examined, ProbeNames, Validation, judged

TIMEOUT_S = 2.0
"""For one server to answer; in the second round twice as long: by then it may have found what took it longer."""
ROUNDS = 2
"""How often all servers are queried in turn."""
LOOKUP_S: Final = 12.0
"""For a lookup as a whole, with its waiting for a turn."""
MAX_OUTSTANDING = 200
"""Queries under way at once; further ones wait."""


class SystemResolver(Resolver):
    """Queries recursive name servers; caches nothing."""

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        trust_ad: bool | None = None,
        timeout_s: float = TIMEOUT_S,
        lookup_s: float = LOOKUP_S,
        probe_names: ProbeNames = NAMES,
    ) -> None:
        """Without `servers`, the machine's. `trust_ad`: `None` trusts servers on loopback only."""
        self.servers = NameServers(servers, trust_ad=trust_ad, now=time.monotonic)
        self._timeout_s = timeout_s
        self._lookup_s = lookup_s
        self._probe_names = probe_names
        self._slots = asyncio.Semaphore(MAX_OUTSTANDING)
        self._datagrams = Datagrams()
        self._pace = Pace(time.monotonic)
        """Of reading responses: who is asked decides when they come."""

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`."""
        asked = _query(name, kind)
        if asked is None:
            return NxDomain(0)  # no query is needed
        ends = time.monotonic() + self._lookup_s
        if not self._slots.locked():
            async with self._slots:
                return await self._ask_servers(asked, name, kind, ends)
        try:
            async with asyncio.timeout(self._lookup_s):
                await self._slots.acquire()
        except TimeoutError:
            return Failure("too many lookups at once")
        try:
            return await self._ask_servers(asked, name, kind, ends)
        finally:
            self._slots.release()

    async def examine(self) -> Sequence[Examined]:
        """See `Resolver`. Of a server that gives no answers, nothing new is known."""
        found = await asyncio.gather(*map(self._examined, self.servers.all()))
        known = {one.server for one in found if one.validation is not Validation.UNKNOWN}
        wrong = {
            one.server for one in found if one.validation in (Validation.DECEPTIVE, Validation.NOT_VALIDATING)
        }
        self.servers.deceptive = (self.servers.deceptive - known) | wrong
        return found

    async def _examined(self, server: NameServer) -> Examined:
        names = self._probe_names
        outcomes = await asyncio.gather(
            *(self._as_said_by(server, name) for name in (names.signed, names.unsigned, names.bogus))
        )
        validation = judged(*outcomes)
        if validation is Validation.VALIDATES and not self.servers.on_trusted_path(server):
            validation = Validation.UNTRUSTED
        return Examined(server, validation)

    async def _as_said_by(self, server: NameServer, name: str) -> Outcome[Any]:
        """The addresses that one server gives; as authenticated as it says, trusted or not."""
        asked = _query(name, Kind.A)
        if asked is None:
            return NxDomain(0)
        return await self._ask(server, asked, name, Kind.A, timeout_s=2 * self._timeout_s, trusted=True)

    async def _ask_servers(self, asked: bytes, name: str, kind: Kind, ends: float) -> Outcome[Any]:
        servers, alive = self.servers.in_order()
        outcome: Outcome[Any] = Failure("no name server")
        # Where none has answered lately, more patience is a waste of everybody's time
        for round_ in range(ROUNDS if alive else 1):
            for server in servers:
                timeout_s = min(self._timeout_s * 2**round_, ends - time.monotonic())
                if timeout_s <= 0:
                    return outcome
                trusted = self.servers.trusts(server)
                outcome = await self._ask(server, asked, name, kind, timeout_s=timeout_s, trusted=trusted)
                if not isinstance(outcome, Failure):
                    return outcome
        return outcome

    async def _ask(
        self, server: NameServer, asked: bytes, name: str, kind: Kind, *, timeout_s: float, trusted: bool
    ) -> Outcome[Any]:
        ends = asyncio.get_running_loop().time() + timeout_s
        read = partial(message.read, asked=asked, name=name, kind=kind, trusted=trusted)
        try:
            async with asyncio.timeout_at(ends):
                octets = await self._datagrams.exchange(server, asked)
            response = await self._pace.run(partial(read, octets))  # of what it costs us, it is not to blame
            if response.truncated:
                async with asyncio.timeout_at(ends):
                    octets = await over_tcp(server, asked)
                response = await self._pace.run(partial(read, octets))
                if response.truncated:
                    raise message.Malformed("truncated over TCP")
        except message.Malformed as error:  # the domain's doing, not the server's
            return Failure(f"{server.address}: {type(error).__name__}")
        except (OSError, EOFError, TimeoutError) as error:
            self.servers.was_silent(server)
            return Failure(f"{server.address}: {type(error).__name__}")
        self.servers.answered(server)
        return response.outcome


def _query(name: str, kind: Kind) -> bytes | None:
    """None for what is no name of the DNS."""
    try:
        return message.query(secrets.randbits(16), name, kind, payload_octets=PAYLOAD_OCTETS)
    except message.NotInDns:
        return None
