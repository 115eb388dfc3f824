"""The image of a sender is looked for where that is wanted, and no message waits for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pillarbox.config.schema import Authentication
from pillarbox.delivery import indicators
from pillarbox.delivery.indicators import KEPT_S
from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.service import SmtpService
from pillarbox.trust.questions import Page
from pillarbox.web import FetchFailed
from pillarbox.world.fetcher.memory import MemoryFetcher
from tests.kit.marks import SVG
from tests.kit.signed_mail import rsa_key, signed, zone
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

URL = "https://example.org/logo.svg"
MESSAGE = b"From: Joe <joe@example.org>\r\nTo: anna@one.example\r\nSubject: x\r\n\r\nbody\r\n"
FORGED = b"BIMI-Indicator: PHN2Zz4=\r\nBIMI-Location: v=BIMI1; l=https://evil.example/x.svg\r\n"


class Web(MemoryFetcher):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__({URL: Page("image/svg+xml", SVG)})
        self.open = asyncio.Event()

    async def fetch(self, url: str, **limits: Any) -> Page | FetchFailed:
        found = await super().fetch(url, **limits)
        await self.open.wait()
        return found


def publish(provider: SmtpProvider, dmarc: str = "v=DMARC1; p=reject") -> None:
    records: dict[tuple[str, Kind], Sequence[bytes]] = dict(zone(rsa_key()))
    records["_dmarc.example.org", Kind.TXT] = (dmarc.encode(),)
    records["default._bimi.example.org", Kind.TXT] = (f"v=BIMI1; l={URL}".encode(),)
    for (name, kind), found in records.items():
        provider.resolver.put(name, kind, *found)


def receiving(provider: SmtpProvider, web: MemoryFetcher, *, bimi: bool = True) -> SmtpService:
    world = replace(provider.world, fetcher=web)
    return provider.service(Role.MX, world=world, authentication=Authentication(bimi=bimi))


async def result(provider: SmtpProvider, service: SmtpService, message: bytes | None = None) -> str:
    """What the message that comes now is written to have."""
    client = provider.client_of(service)
    await client.greet()
    await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
    answer = await client.say((message or signed(MESSAGE, rsa_key())) + b".\r\n")
    assert answer.startswith("250")
    (field,) = Header.parse(provider.inbox("anna")[-1])[0].all("Authentication-Results")
    return field.decode().partition("bimi=")[2].split()[0].strip(";") if b"bimi=" in field else ""


async def rest() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_first_message_does_not_wait_and_the_next_has_the_result() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web()
        service = receiving(provider, web)
        assert await result(provider, service) == ""
        assert await result(provider, service) == "", "it is being fetched, by one"
        web.open.set()
        await rest()
        assert await result(provider, service) == "pass"
        assert b"BIMI-Indicator" not in provider.inbox("anna")[-1], "it is not stored with each message"
        assert web.fetched == [URL]

    run_with_smtp(test)


def test_an_image_is_fetched_once_a_day() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web()
        web.open.set()
        service = receiving(provider, web)
        await result(provider, service)
        await rest()
        other = URL.replace("logo", "other")
        provider.resolver.put("default._bimi.example.org", Kind.TXT, f"v=BIMI1; l={other}".encode())
        assert await result(provider, service) == "", "another image is not fetched at once"
        await provider.clock.advance(KEPT_S)
        assert await result(provider, service) == ""
        await rest()
        assert web.fetched == [URL, other]
        assert await result(provider, service) == "fail", "there is none"

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("bimi", "dmarc", "message"),
    [
        (False, "v=DMARC1; p=reject", signed(MESSAGE, rsa_key())),
        (True, "v=DMARC1; p=none", signed(MESSAGE, rsa_key())),
        (True, "v=DMARC1; p=none", MESSAGE),
        (True, "v=DMARC1; p=quarantine; t=y", MESSAGE),
    ],
)
def test_nothing_is_fetched_unless_it_is_wanted_and_dmarc_has_passed_with_a_policy(
    bimi: bool, dmarc: str, message: bytes
) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, dmarc)
        web = Web()
        service = receiving(provider, web, bimi=bimi)
        assert await result(provider, service, message) == ""
        await rest()
        assert web.fetched == []

    run_with_smtp(test)


@pytest.mark.parametrize("bimi", [False, True])
def test_what_a_sender_says_of_its_image_is_removed(bimi: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        await result(provider, receiving(provider, Web(), bimi=bimi), FORGED + signed(MESSAGE, rsa_key()))
        assert b"BIMI-" not in provider.inbox("anna")[-1]

    run_with_smtp(test)


def test_a_domain_that_has_no_image() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        provider.resolver.put("default._bimi.example.org", Kind.TXT)
        assert await result(provider, receiving(provider, Web())) == "none"

    run_with_smtp(test)


def test_what_is_kept_has_a_limit() -> None:
    async def test(provider: SmtpProvider) -> None:
        kept = indicators.Indicators(provider.world)
        page = Page("image/svg+xml", bytes(32 * 1024))
        for number in range(2 * indicators.MAX_KEPT):
            kept._keep(f"{number}.example", indicators._Kept(URL, page, 1.0))
        assert kept._octets <= indicators.MAX_KEPT_OCTETS
        assert len(kept._kept) == indicators.MAX_KEPT_OCTETS // len(page.octets)
        for number in range(2 * indicators.MAX_KEPT):
            kept._keep(f"{number}.example", indicators._Kept(URL, FetchFailed("no", "dns"), 1.0))
        assert len(kept._kept) == indicators.MAX_KEPT
        assert kept._octets == 0

    run_with_smtp(test)
