"""Web servers that say what they like, over real sockets and TLS."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from pillarbox.dns import Answer, Failure, Kind, Outcome
from pillarbox.web import FetchFailed, Page
from pillarbox.world.clock import SystemClock
from pillarbox.world.fetcher.addresses import public_or_in
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificate import certificate_file, made_pem
from tests.kit.https import HERE, Request, Says, Web, context_of, ok, response, web

LIMIT = 1000


def run(scenario: Callable[[Web], Awaitable[None]], says: Says | None = None, **keywords: Any) -> None:
    async def inside() -> None:
        async with web(says, **keywords) as here:
            await scenario(here)

    asyncio.run(inside())


async def fetched(
    here: Web, path: str = "/page", *, timeout_s: float = 10, max_redirects: int = 0
) -> Page | FetchFailed:
    return await here.fetcher().fetch(
        here.url(path), max_octets=LIMIT, timeout_s=timeout_s, max_redirects=max_redirects
    )


def saying(*parts: bytes, pause_s: float = 0) -> Says:
    async def says(_request: Request, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return says


def forever(first: bytes, again: bytes, pause_s: float = 0) -> Says:
    async def says(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.transport.is_closing():
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return says


def test_what_is_asked(tmp_path: Path) -> None:
    async def scenario(here: Web) -> None:
        here.pages["/a/b?c=d"] = ok(b"x")
        assert await fetched(here, "/a/b?c=d#e") == Page("", b"x")
        (request,) = here.requests
        assert request.method == "GET"
        assert request.fields == {
            "host": f"localhost:{here.port}",
            "user-agent": "pillarbox",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
        }

    run(scenario)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (CHUNKED, b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n", b"0\r\nTrailer: x\r\n\r\n"),
        (CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n",),
        tuple(bytes([octet]) for octet in CHUNKED + b"1\r\na\r\n4\r\nbcde\r\n0\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", ok(b"abcde", "Content-Type: text/plain")),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Type: a/b\r\n\r\n" + CHUNKED,
            b"5\r\nabcde\r\n0\r\n\r\n",
        ),
        # what follows a response is none of it
        (ok(b"abcde", "Content-Type: text/plain") + b"more\r\n\r\n",),
        (
            ok(b"abcde", "Content-Type: text/plain")
            + response("404 Not Found", b"x" * 900, "Content-Type: a/b"),
        ),
        (ok(b"abcde", "content-type:  TEXT/plain ;charset=x", "Content-Encoding: identity"),),
    ],
)
def test_ways_to_send_a_page(parts: tuple[bytes, ...]) -> None:
    async def scenario(here: Web) -> None:
        assert await fetched(here) == Page("text/plain", b"abcde")

    run(scenario, saying(*parts))


@pytest.mark.parametrize(
    ("says", "failure"),
    [
        (forever(b"HTTP/1.1 200 OK\r\n", b"X-Field: y\r\n"), "too-large"),
        (forever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000), "too-large"),
        (forever(b"HTTP/1.1 200 ", b"O" * 1000), "too-large"),
        (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "too-large"),
        (forever(CHUNKED, b"64\r\n" + b"x" * 100 + b"\r\n"), "too-large"),
        (forever(CHUNKED + b"1", b";x=y"), "too-large"),
        (forever(CHUNKED + b"0\r\n", b"X: y\r\n"), "too-large"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), "too-large"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 18 + b"\r\n\r\n"), "too-large"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "other"),
        (saying(CHUNKED + b"9\r\nabc"), "other"),
        (saying(CHUNKED + b"3\r\nabc\r\n"), "other"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "other"),
        (saying(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")), "other"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc"), "other"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\nabc"), "other"),
        (saying(b"HTTP/1.1 200 OK\r\n\r\nabc"), "other"),
        (saying(b"HTTP/1.0 200 OK\r\n\r\nabc"), "other"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc"), "other"),
        (saying(ok(b"abc", "Content-Encoding: gzip")), "other"),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "other"),
        (saying(b"\xff\0" * 100), "other"),
        (saying(b"220 mail.example ESMTP\r\n"), "other"),
        (saying(b""), "other"),
        (saying(b"HTTP/1.1 200"), "other"),
        (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), "status"),
        (saying(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "status"),
        (saying(response("500 Wrong", b"abc")), "status"),
        (saying(b"HTTP/1.1 404 Not Found\r\n\r\nabc"), "status"),
        (saying(response("404 Not Found", b"x" * 2000)), "status"),
        (saying(response("403 Forbidden", b"x", "Content-Encoding: gzip")), "status"),
        (forever(response("302 Found"), b"x" * 1000), "status"),
        (saying(response("206 Partial Content", b"abc")), "status"),
    ],
)
def test_what_is_no_page(says: Says, failure: str) -> None:
    async def scenario(here: Web) -> None:
        found = await fetched(here)
        assert isinstance(found, FetchFailed)
        assert found.kind == failure, found

    run(scenario, says)


@pytest.mark.parametrize(
    "says",
    [
        forever(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.02),
        forever(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x", 0.02),
        saying(b"HTTP/1.1 200 OK\r\n", pause_s=10),
        saying(b"", pause_s=10),
    ],
)
def test_who_is_slow_is_not_waited_for(says: Says) -> None:
    async def scenario(here: Web) -> None:
        found = await fetched(here, timeout_s=0.3)
        assert found == FetchFailed("the web server does not answer in time", "timeout")

    run(scenario, says)


def test_a_server_that_accepts_and_says_nothing_has_no_more_time() -> None:
    async def inside() -> None:
        ended = asyncio.Event()

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.read()
            except ConnectionError:
                pass
            writer.close()
            ended.set()

        listening = await asyncio.start_server(served, HERE, 0)
        here = Web(listening.sockets[0].getsockname()[1])
        assert (await fetched(here, timeout_s=0.2)) == FetchFailed(
            "the web server does not answer in time", "timeout"
        )
        await ended.wait()
        listening.close()

    asyncio.run(inside())


# --- redirects


def test_redirects_are_followed_as_far_as_is_allowed() -> None:
    async def scenario(here: Web) -> None:
        here.pages["/page"] = response("301 Moved", b"", "Location: /second")
        here.pages["/second"] = response("307 Moved", b"", f"Location: {here.url('/third')}")
        here.pages["/third"] = ok(b"abc")
        assert await fetched(here) == FetchFailed("the server says 301", "status", 301)
        assert await fetched(here, max_redirects=1) == FetchFailed("there are too many redirects", "status")
        assert await fetched(here, max_redirects=2) == Page("", b"abc")

    run(scenario)


def test_redirects_without_end() -> None:
    async def scenario(here: Web) -> None:
        here.pages["/page"] = response("302 Found", b"", "Location: /page")
        assert await fetched(here, max_redirects=5) == FetchFailed("there are too many redirects", "status")
        assert len(here.requests) == 6

    run(scenario)


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost/",
        "https://127.0.0.1/",
        "https://inner.example:PORT/",
        "https://localhost:1/",
        "https://nobody.example:PORT/",
        "file:///etc/passwd",
        "//[::1/",
        "https://user@localhost:PORT/",
        "\xe9",
    ],
)
def test_each_redirect_is_checked_as_the_first_url(location: str) -> None:
    async def scenario(here: Web) -> None:
        target = location.replace("PORT", str(here.port))
        here.pages["/page"] = response("302 Found", b"", f"Location: {target}")
        assert isinstance(await fetched(here, max_redirects=5), FetchFailed)
        assert len(here.requests) == 1

    run(scenario)


def test_a_redirect_without_location_and_a_post_that_is_redirected_are_failures() -> None:
    async def scenario(here: Web) -> None:
        here.pages["/page"] = response("302 Found")
        here.pages["/endless"] = b"HTTP/1.1 301 Moved\r\nLocation: /there\r\n\r\n"
        here.pages["/there"] = ok(b"abc")
        assert await fetched(here, "/endless", max_redirects=5) == Page("", b"abc")
        here.pages["/post"] = response("307 Moved", b"", "Location: /page")
        assert await fetched(here, max_redirects=5) == FetchFailed("the server says 302", "status", 302)
        posted = await here.fetcher().post(
            here.url("/post"), b"x", media_type="text/plain", max_octets=10, timeout_s=10
        )
        assert posted == FetchFailed("the server says 307", "status", 307)

    run(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 201 Created\r\n\r\nendless",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    ],
)
def test_what_follows_a_status_that_is_all_that_matters_is_not_waited_for(answer: bytes) -> None:
    async def scenario(here: Web) -> None:
        here.pages["/post"] = answer
        posted = await here.fetcher().post(
            here.url("/post"), b"x", media_type="a/b", max_octets=0, timeout_s=10
        )
        assert posted == Page("", b"")

    run(scenario)


def test_a_long_retry_after_is_cut() -> None:
    async def scenario(here: Web) -> None:
        here.pages["/post"] = response("503 Busy", b"", f"Retry-After: {'9' * 8000}")
        posted = await here.fetcher().post(
            here.url("/post"), b"x", media_type="a/b", max_octets=0, timeout_s=10
        )
        assert posted == FetchFailed("the server says 503", "status", 503, "9" * 64)

    run(scenario)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\0", "\u2028", "\u00e9"])
def test_a_field_that_is_not_one_line_is_not_sent(value: str) -> None:
    async def scenario(here: Web) -> None:
        posted = await here.fetcher().post(
            here.url(), b"x", media_type="a/b", fields={"Topic": value}, max_octets=0, timeout_s=10
        )
        assert isinstance(posted, FetchFailed)
        assert not here.requests

    run(scenario)


def test_any_port_and_networks_that_were_named_where_a_fetcher_is_told_so() -> None:
    async def scenario(here: Web) -> None:
        resolver = ZoneResolver(["localhost"], {("localhost", Kind.A): [HERE]})
        made = partial(
            HttpsFetcher, SystemNetwork(), resolver, SystemClock(), authorities=certificate_file(), ports=None
        )
        here.pages["/page"] = ok(b"abc")
        found = await made().fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed("localhost has no public address", "connect")
        admitting = made(admits=public_or_in([ip_network("127.0.0.0/8")]))
        assert await admitting.fetch(here.url(), max_octets=LIMIT, timeout_s=10) == Page("", b"abc")
        elsewhere = made(admits=public_or_in([ip_network("127.0.1.0/24"), ip_network("::1")]))
        found = await elsewhere.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed("localhost has no public address", "connect")

    run(scenario)


# --- TLS


@pytest.mark.rfc("8461 §3.3", "MUST")
@pytest.mark.parametrize(
    "pem",
    [
        made_pem([x509.DNSName("other.example")]),
        made_pem([]),  # a common name alone is no name
        made_pem([x509.DNSName("localhost")], expired=True),
        made_pem([x509.DNSName("localhost")]),
    ],
    ids=["another name", "common name alone", "expired", "unknown authority"],
)
def test_certificates_that_say_nothing_about_the_server(
    pem: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    context = context_of(pem, tmp_path)

    async def scenario(here: Web) -> None:
        authorities = certificate_file() if "unknown" in request.node.name else tmp_path / "other.pem"
        resolver = ZoneResolver(["localhost"], {("localhost", Kind.A): [HERE]})
        fetcher = HttpsFetcher(
            SystemNetwork(),
            resolver,
            SystemClock(),
            authorities=authorities,
            ports=[here.port],
            admits=lambda _: True,
        )
        found = await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert isinstance(found, FetchFailed)
        assert found.kind == "tls"
        assert not here.requests

    run(scenario, context=context)


def test_a_server_without_tls() -> None:
    async def inside() -> None:
        async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        listening = await asyncio.start_server(served, HERE, 0)
        found = await fetched(Web(listening.sockets[0].getsockname()[1]))
        assert isinstance(found, FetchFailed)
        assert found.kind == "tls"
        listening.close()

    asyncio.run(inside())


@pytest.mark.rfc("9325 §3.1.1", "MUST")
def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    context = context_of(made_pem([x509.DNSName("localhost")]), tmp_path)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def scenario(here: Web) -> None:
        found = await fetched(here)
        assert isinstance(found, FetchFailed)
        assert found.kind == "tls"

    run(scenario, context=context)


# --- addresses


def test_only_public_addresses_are_connected_to_unless_a_test_says_otherwise() -> None:
    async def scenario(here: Web) -> None:
        resolver = ZoneResolver(["localhost"], {("localhost", Kind.A): [HERE]})
        fetcher = HttpsFetcher(
            SystemNetwork(), resolver, SystemClock(), authorities=certificate_file(), ports=[here.port]
        )
        found = await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed("localhost has no public address", "connect")
        other_port = HttpsFetcher(SystemNetwork(), resolver, SystemClock())
        found = await other_port.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed(f"port {here.port} is not connected to")

    run(scenario)


def test_addresses_that_refuse_are_passed_over() -> None:
    async def scenario(here: Web) -> None:
        here.pages["/page"] = ok(b"abc")
        fetcher = here.fetcher({"localhost": ["127.0.0.2", "127.0.0.3", HERE]})
        assert await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10) == Page("", b"abc")
        fetcher = here.fetcher({"localhost": ["127.0.0.3"]})
        found = await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed(f"127.0.0.3 port {here.port}: Connection refused", "connect")

    run(scenario)


def test_the_address_that_was_judged_is_the_one_that_is_connected_to() -> None:
    """A name that leads elsewhere at the second question (DNS rebinding) is not asked a second time."""

    class Rebinding(Resolver):
        asked = 0

        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            if kind is Kind.AAAA:
                return Failure("time-out")
            self.asked += 1
            return Answer((HERE if self.asked == 1 else "127.0.0.2",), 0)

    async def scenario(here: Web) -> None:
        here.pages["/page"] = ok(b"abc")
        resolver = Rebinding()
        fetcher = HttpsFetcher(
            SystemNetwork(),
            resolver,
            SystemClock(),
            authorities=certificate_file(),
            ports=[here.port],
            admits=lambda address: address == HERE,
        )
        assert await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10) == Page("", b"abc")
        assert resolver.asked == 1
        found = await fetcher.fetch(here.url(), max_octets=LIMIT, timeout_s=10)
        assert isinstance(found, FetchFailed)

    run(scenario)


def test_a_name_server_that_fails_is_told_apart() -> None:
    async def inside() -> None:
        resolver = ZoneResolver([], {}, outside=Failure("time-out"))
        fetcher = HttpsFetcher(SystemNetwork(), resolver, SystemClock())
        found = await fetcher.fetch("https://one.example/", max_octets=LIMIT, timeout_s=10)
        assert found == FetchFailed("one.example: time-out", "dns")

    asyncio.run(inside())


def test_on_the_loop_of_the_server() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def inside() -> None:
        async with web() as here:
            here.pages["/page"] = ok(b"x" * LIMIT)
            found = await asyncio.gather(*(fetched(here) for _ in range(60)))
            assert found == [Page("", b"x" * LIMIT)] * 60
            assert isinstance(await fetched(here, "/none"), FetchFailed)

    uvloop.run(inside())
