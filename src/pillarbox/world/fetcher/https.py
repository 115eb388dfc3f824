"""HTTPS over the machine's network.

The name is looked up by our own resolver, and the connection is made to the very address that was looked at: a second
answer of the DNS cannot lead elsewhere.
"""

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pillarbox.dns import Answer, Failure
from pillarbox.web import FailureKind, FetchFailed, Page
from pillarbox.web.target import HTTPS_PORT, Target, UrlRefused, redirected, target_of
from pillarbox.world.clock import Clock
from pillarbox.world.fetcher.addresses import is_public
from pillarbox.world.fetcher.fetcher import NO_FIELDS, Fetcher
from pillarbox.world.network import Network, NetworkFailure, Stream, TlsFailure
from pillarbox.world.resolver import Resolver
from pillarbox.world.tls import harden

if TYPE_CHECKING:
    from pillarbox.world.fetcher.response import ResponseReader

MAX_AT_ONCE: Final = 200
"""Requests under way; further ones wait. More than a relay's connections and the images of senders together, so that
web servers that do not answer keep nobody else from his: a policy that is not fetched in time is one that does not
protect (RFC 8461 §5.1)."""
MAX_ADDRESSES: Final = 4
"""Of one host that are tried."""
CONNECT_S: Final = 5.0
"""For one address to accept a connection."""


class HttpsFetcher(Fetcher):
    """See `Fetcher`."""

    def __init__(
        self,
        network: Network,
        resolver: Resolver,
        clock: Clock,
        *,
        authorities: Path | None = None,
        ports: Collection[int] | None = (HTTPS_PORT,),
        admits: Callable[[str], bool] = is_public,
    ) -> None:
        """`ports`, `admits`: which ports (`None`: all) and addresses are connected to.

        For tests: `authorities`, a PEM file to trust instead of the system's.
        """
        self._network = network
        self._resolver = resolver
        self._clock = clock
        self._authorities = authorities
        self._ports = None if ports is None else frozenset(ports)
        self._admits = admits
        self._context: ssl.SSLContext | None = None
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def fetch(
        self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
    ) -> Page | FetchFailed:
        """See `Fetcher`."""
        try:
            async with self._clock.timeout(timeout_s), self._slots:
                return await self._followed(url, max_octets, max_redirects)
        except TimeoutError:
            return _TIMED_OUT
        except _Failed as failed:
            return failed.failure

    async def post(
        self,
        url: str,
        octets: bytes,
        *,
        media_type: str,
        content_encoding: str = "",
        fields: Mapping[str, str] = NO_FIELDS,
        max_octets: int,
        timeout_s: float,
    ) -> Page | FetchFailed:
        """See `Fetcher`."""
        written = [f"Content-Type: {media_type}", f"Content-Length: {len(octets)}"]
        if content_encoding:
            written.append(f"Content-Encoding: {content_encoding}")
        written += [f"{name}: {value}" for name, value in fields.items()]
        try:
            async with self._clock.timeout(timeout_s), self._slots:
                target = self._admitted(url)
                response = await self._response(
                    target, _request("POST", target, written) + octets, max_octets
                )
        except TimeoutError:
            return _TIMED_OUT
        except _Failed as failed:
            return failed.failure
        return response.page if response.status // 100 == 2 else _other_status(response)

    async def _followed(self, url: str, max_octets: int, max_redirects: int) -> Page | FetchFailed:
        for _ in range(1 + max_redirects):
            target = self._admitted(url)
            response = await self._response(target, _request("GET", target), max_octets)
            if response.status == 200:
                return response.page
            if not response.location or not max_redirects:
                return _other_status(response)
            url = redirected(url, response.location)
        return FetchFailed("there are too many redirects", "status")

    def _admitted(self, url: str) -> Target:
        try:
            target = target_of(url)
        except UrlRefused as refused:
            raise _Failed(str(refused)) from None
        if self._ports is not None and target.port not in self._ports:
            raise _Failed(f"port {target.port} is not connected to")
        return target

    async def _response(self, target: Target, request: bytes, max_octets: int) -> "ResponseReader":
        from pillarbox.world.fetcher.response import ResponseReader  # loads the parser

        stream = await self._connected(target)
        try:
            await stream.start_tls(await self._tls_context(), target.host)
            await stream.write(request)
            reader = ResponseReader(max_octets)
            while not reader.is_complete and reader.failure is None:
                reader.receive(await stream.read())
        except TlsFailure as failure:
            raise _Failed(_plain(failure), "tls") from None
        except NetworkFailure as failure:
            raise _Failed(_plain(failure), "connect") from None
        finally:
            stream.abort()  # nothing is to be said any more, and who does not say goodbye is not waited for
        if reader.failure is not None:
            raise _Failed(reader.failure.reason, reader.failure.kind)
        return reader

    async def _connected(self, target: Target) -> Stream:
        found = await self._resolver.addresses(target.host)
        if isinstance(found, Failure):
            raise _Failed(f"{target.host}: {found.reason}", "dns")
        if not isinstance(found, Answer):
            raise _Failed(f"{target.host} has no address", "dns")
        admitted = [address for address in found.records if self._admits(address)]
        why = f"{target.host} has no public address"
        for address in _families_in_turn(admitted)[:MAX_ADDRESSES]:
            try:
                async with self._clock.timeout(CONNECT_S):
                    return await self._network.connect(address, target.port)
            except NetworkFailure as failure:
                why = _plain(failure)
            except TimeoutError:
                why = f"{address} port {target.port}: no answer"
        raise _Failed(why, "connect")

    async def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            # Reading the authorities of the system takes some hundredths of a second
            self._context = await asyncio.to_thread(_verifying, self._authorities)
        return self._context


class _Failed(Exception):
    """There is no response."""

    def __init__(self, reason: str, kind: FailureKind = "other") -> None:
        super().__init__(reason)
        self.failure = FetchFailed(reason, kind)


_TIMED_OUT: Final = FetchFailed("the web server does not answer in time", "timeout")


def _other_status(response: "ResponseReader") -> FetchFailed:
    return FetchFailed(f"the server says {response.status}", "status", response.status, response.retry_after)


def _verifying(authorities: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    harden(context)
    # RFC 8461 §3.3: the names of a certificate are those of its subjectAltName
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    return context


def _request(method: str, target: Target, fields: Sequence[str] = ()) -> bytes:
    lines = [
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: pillarbox",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        *fields,
    ]
    if not all(" " <= character <= "~" for line in lines for character in line):
        raise _Failed("a field of the request is not one line of ASCII")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")


def _families_in_turn(addresses: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 alternate, so that a broken family costs one attempt."""
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    pairs = [address for pair in zip(six, four, strict=False) for address in pair]
    return pairs + six[len(four) :] + four[len(six) :]


def _plain(failure: Exception) -> str:
    return str(failure).encode("ascii", "replace").decode("ascii")
