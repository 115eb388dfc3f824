"""What every `Fetcher` promises: given pages in memory, and a real server on loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from pillarbox.web import FetchFailed, Page
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.fetcher.memory import MemoryFetcher
from tests.kit.https import ok, response, web

PAGE = Page("text/plain", b"version: STSv1\r\nmode: enforce\r\n")


@dataclass
class Bench:
    """A fetcher, and where `PAGE` is."""

    fetcher: Fetcher
    url: Callable[[str], str]
    posted: Callable[[], list[tuple[bytes, str, str]]]
    """Octets, type and encoding of what the server got."""
    fields: Callable[[], list[dict[str, str]]]
    """The other fields of what was posted, by name in lower case."""


Scenario = Callable[[Bench], Awaitable[None]]


async def in_memory(scenario: Scenario) -> None:
    fetcher = MemoryFetcher()
    fetcher.put("https://localhost/page", PAGE)
    fetcher.put("https://localhost/report", Page("", b""))
    fetcher.put("https://localhost/busy", FetchFailed("the server says 429", "status", 429, "120"))
    posted = lambda: [(one.octets, one.media_type, one.content_encoding) for one in fetcher.posted]  # noqa: E731
    fields = lambda: [  # noqa: E731
        {name.lower(): value for name, value in one.fields.items()} for one in fetcher.posted
    ]
    await scenario(Bench(fetcher, lambda path: f"https://localhost{path}", posted, fields))


async def over_https(scenario: Scenario) -> None:
    async with web() as here:
        here.pages["/page"] = ok(PAGE.octets, "Content-Type: Text/Plain; charset=utf-8")
        here.pages["/report"] = response("201 Created")
        posted = lambda: [  # noqa: E731
            (one.octets, one.fields["content-type"], one.fields.get("content-encoding", ""))
            for one in here.requests
            if one.method == "POST"
        ]
        here.pages["/busy"] = response("429 Too Many Requests", b"slowly", "Retry-After: 120")
        fields = lambda: [dict(one.fields) for one in here.requests if one.method == "POST"]  # noqa: E731
        await scenario(Bench(here.fetcher(), here.url, posted, fields))


Run = Callable[[Scenario], None]


@pytest.fixture(params=[in_memory, over_https])
def run(request: pytest.FixtureRequest) -> Run:
    return lambda scenario: asyncio.run(request.param(scenario))


def test_a_page_and_its_type(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        assert await bench.fetcher.fetch(bench.url("/page"), max_octets=100, timeout_s=10) == PAGE
        assert await bench.fetcher.fetch(bench.url("/page"), max_octets=31, timeout_s=10) == PAGE

    run(scenario)


def test_what_is_too_large_is_no_page(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        found = await bench.fetcher.fetch(bench.url("/page"), max_octets=30, timeout_s=10)
        assert found == FetchFailed("the page has more than 30 octets", "too-large")

    run(scenario)


@pytest.mark.rfc("8461 §3.3", "MUST")
def test_another_status_is_no_page(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        found = await bench.fetcher.fetch(bench.url("/nothing"), max_octets=100, timeout_s=10)
        assert found == FetchFailed("the server says 404", "status", 404)

    run(scenario)


def test_a_host_without_addresses_has_no_pages(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        url = bench.url("/page").replace("localhost", "nobody.example")
        found = await bench.fetcher.fetch(url, max_octets=100, timeout_s=10)
        assert found == FetchFailed("nobody.example has no address", "dns")

    run(scenario)


@pytest.mark.rfc("8460 §3", "MUST")
def test_reports_are_posted(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        said = await bench.fetcher.post(
            bench.url("/report"),
            b"\x1f\x8b\x00",
            media_type="application/tlsrpt+gzip",
            content_encoding="gzip",
            max_octets=100,
            timeout_s=10,
        )
        assert said == Page("", b"")
        said = await bench.fetcher.post(
            bench.url("/nothing"), b"{}", media_type="application/json", max_octets=100, timeout_s=10
        )
        assert said == FetchFailed("the server says 404", "status", 404)
        assert bench.posted() == [
            (b"\x1f\x8b\x00", "application/tlsrpt+gzip", "gzip"),
            (b"{}", "application/json", ""),
        ]

    run(scenario)


def test_a_post_has_fields_of_its_callers(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        given = {"TTL": "60", "Authorization": "vapid t=a.b.c, k=d"}
        said = await bench.fetcher.post(
            bench.url("/report"), b"x", media_type="a/b", fields=given, max_octets=9, timeout_s=10
        )
        assert said == Page("", b"")
        (fields,) = bench.fields()
        assert (fields["ttl"], fields["authorization"]) == ("60", "vapid t=a.b.c, k=d")

    run(scenario)


def test_why_a_post_was_not_taken(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        said = await bench.fetcher.post(
            bench.url("/busy"), b"x", media_type="a/b", max_octets=0, timeout_s=10
        )
        assert said == FetchFailed("the server says 429", "status", 429, "120")
        said = await bench.fetcher.post(
            bench.url("/nothing"), b"x", media_type="a/b", max_octets=0, timeout_s=10
        )
        assert said == FetchFailed("the server says 404", "status", 404)

    run(scenario)


def test_of_an_answer_that_is_not_wanted_nothing_is_read(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        said = await bench.fetcher.post(
            bench.url("/page"), b"x", media_type="a/b", max_octets=0, timeout_s=10
        )
        assert said == Page("text/plain", b"")

    run(scenario)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost/page",
        "ftp://localhost/page",
        "//localhost/page",
        "https://",
        "https:///page",
        "https://user@localhost/page",
        "https://user:word@localhost/page",
        "https://127.0.0.1/page",
        "https://127.1/page",
        "https://2130706433/page",
        "https://[::1]/page",
        "https://[::1/page",
        "https://localhost:99999/page",
        "https://localhost:-1/page",
        "https://local host/page",
        "https://localhost/a page",
        "https://localhost/page\r\nX: y",
        "https://b\u00fccher.example/",
        "https://localhost\\@other.example/",
        "https://a..b/page",
        f"https://{'x' * 64}.example/",
        f"https://{'x.' * 200}example/",
        f"https://localhost/{'x' * 3000}",
    ],
)
def test_what_is_no_url_of_a_page_is_refused(run: Run, url: str) -> None:
    async def scenario(bench: Bench) -> None:
        for found in (
            await bench.fetcher.fetch(url, max_octets=100, timeout_s=10),
            await bench.fetcher.post(url, b"", media_type="text/plain", max_octets=100, timeout_s=10),
        ):
            assert isinstance(found, FetchFailed)
            assert found.kind == "other"
            assert found.reason.isascii()

    run(scenario)
