"""Answers requests, one after another.

Nothing of the DNS is remembered from one request to the next: test suites change what a name server has between two.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from pillarbox.admin.verifying import requests, verdicts
from pillarbox.admin.verifying.examining import Handover, examine
from pillarbox.admin.verifying.requests import Request, RequestRefused, address_of
from pillarbox.admin.verifying.verdicts import Value
from pillarbox.delivery.asking import answered
from pillarbox.mail.address import domain_key
from pillarbox.mail.header import Header
from pillarbox.trust import arc, dkim, spf
from pillarbox.trust.public_suffixes import organizational_domain
from pillarbox.trust.questions import Asking
from pillarbox.world.clock import Clock
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.resolver import Resolver

T = TypeVar("T")
Server = tuple[str, int]

CHECK_S: Final = 30.0
"""For the DNS to answer all questions of a request; RFC 7208 §4.6.4 wants 20 at least."""
MAX_SERVERS: Final = 16
"""Name servers whose resolvers are kept."""
RECEIVER: Final = "unknown"
"""What a host that does not tell its name is called in explanations (RFC 7208 §7.3)."""


class Verifier:
    """Answers requests. It belongs to one loop."""

    def __init__(
        self, open_resolver: Callable[[Server | None], Resolver], fetcher: Fetcher, clock: Clock
    ) -> None:
        """`open_resolver`: of a name server, or of the machine's."""
        self._open_resolver = open_resolver
        self._fetcher = fetcher
        self._clock = clock
        self._resolvers = OrderedDict[Server | None, Resolver]()

    async def answer(self, line: bytes | None) -> Value:
        """The answer to a line; an "error" to what is no request."""
        try:
            request = requests.parse(line)
            return await self._answer(request)
        except RequestRefused as refused:
            return {"error": str(refused)}

    async def run(self, check: Asking[T], server: Server | None = None) -> T:
        """Run a check to its end."""
        resolver = await self._resolver(server)
        return await answered(check, resolver, self._fetcher, self._clock, within_s=CHECK_S)

    @property
    def now_s(self) -> int:
        """Now, in UNIX seconds."""
        return self._clock.now_ms() // 1000

    async def close(self) -> None:
        """Close what was opened."""
        while self._resolvers:
            _, resolver = self._resolvers.popitem()
            await resolver.close()

    async def _answer(self, request: Request) -> Value:
        now = self.now_s if request.time is None else request.time
        receiver = request.receiver or RECEIVER
        server = request.dns
        match request.op:
            case "spf":
                found = await self.run(_spf(request, receiver, now), server)
                return verdicts.of_spf(found)
            case "dkim":
                header, body = _parts(request)
                return verdicts.of_signatures(
                    await self.run(dkim.verify(header, body, received_s=now), server)
                )
            case "arc":
                header, body = _parts(request)
                return verdicts.of_chain(await self.run(arc.verify(header, body), server))
            case "dmarc":
                octets, handover = requests.message_of(request), _handover(request)
                examined = await self.run(examine(octets, handover, receiver=receiver, now=now), server)
                return verdicts.of_examination(examined)
            case "psl":
                return {"result": _organizational_domain(request)}

    async def _resolver(self, server: Server | None) -> Resolver:
        if server is not None:
            server = str(address_of(server[0], "dns")), server[1]
        resolver = self._resolvers.pop(server, None) or self._open_resolver(server)
        self._resolvers[server] = resolver  # as the one that was used last
        if len(self._resolvers) > MAX_SERVERS:
            _, unused = self._resolvers.popitem(last=False)
            await unused.close()
        return resolver


def _spf(request: Request, receiver: str, now: int) -> Asking[spf.SpfResult]:
    """The MAIL FROM identity, which is that of HELO for a null reverse-path (RFC 7208 §2.4)."""
    ip, sender = address_of(request.ip), requests.sender_of(request.mail_from)
    return spf.check_mail_from(ip, sender, request.helo or "", receiver=receiver, now=now)


def _parts(request: Request) -> tuple[Header, list[bytes]]:
    octets = requests.message_of(request)
    header, body_start = Header.parse(octets)
    return header, [octets[body_start:]]


def _handover(request: Request) -> Handover:
    return Handover(
        ip=None if request.ip is None else address_of(request.ip),
        helo=request.helo or "",
        mail_from=requests.sender_of(request.mail_from),
        mail_from_known=request.mail_from is not None or request.ip is not None,
    )


def _organizational_domain(request: Request) -> str | None:
    """In the form in which it was asked for: A-labels, or U-labels."""
    if request.domain is None:
        raise RequestRefused('"domain" is missing')
    found = organizational_domain(request.domain)
    if found is None or request.domain.isascii():
        return found
    labels = request.domain.lower().removesuffix(".").split(".")
    as_asked = ".".join(labels[-found.count(".") - 1 :])
    return as_asked if domain_key(as_asked) == found else found
