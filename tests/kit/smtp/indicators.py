"""Mail whose sender asks for an image to be shown beside it, at one or several workers of a provider."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pillarbox.config.sections.authentication import Authentication
from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.mail.identifiers import EmailId
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.service import SmtpService
from pillarbox.store import authentication
from pillarbox.trust.questions import Page
from pillarbox.trust.results import MethodResult
from pillarbox.web import FetchFailed
from pillarbox.world.clock import VirtualClock
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.fetcher.memory import MemoryFetcher
from tests.kit.marks import NOW_S, SVG
from tests.kit.signed_mail import rsa_key, signed, zone
from tests.kit.smtp.provider import SmtpProvider

URL, MARK = "https://example.org/logo.svg", "https://example.org/mark.pem"
RECORD = f"v=BIMI1; l={URL}; a={MARK}"
IMAGE = Page("image/svg+xml", SVG)
MESSAGE = b"From: Joe <joe@example.org>\r\nTo: anna@one.example\r\nSubject: x\r\n\r\nbody\r\n"


class Web(MemoryFetcher):
    """Answers when it is told to."""

    def __init__(
        self, pages: Mapping[str, Page | FetchFailed] = {URL: IMAGE}, *, closed: bool = False
    ) -> None:
        super().__init__(pages)
        self.limits: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        if not closed:
            self.open.set()

    async def fetch(self, url: str, **limits: Any) -> Page | FetchFailed:
        self.limits.append(limits)
        found = await super().fetch(url, **limits)
        await self.open.wait()
        return found


class Receiver:
    """One worker of the provider, in the time of the certificates that tests make."""

    def __init__(
        self,
        provider: SmtpProvider,
        web: Fetcher,
        *,
        clock: VirtualClock | None = None,
        bimi: bool = True,
        roots: Path | None = None,
    ) -> None:
        self.provider = provider
        self.clock = clock or VirtualClock(NOW_S * 1000)
        world = replace(provider.world, fetcher=web, clock=self.clock)
        options = Authentication(bimi=bimi, bimi_roots=roots)
        self.service: SmtpService = provider.service(Role.MX, world=world, authentication=options)

    async def take(self, message: bytes | None = None) -> str:
        """The result that the message which comes now is written to have; what it has begun goes on."""
        client = self.provider.client_of(self.service)
        await client.greet()
        await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
        answer = await client.say((message or signed(MESSAGE, rsa_key())) + b".\r\n")
        assert answer.startswith("250")
        return self.field.partition("bimi=")[2].split()[0].strip(";") if "bimi=" in self.field else ""

    async def taken(self, message: bytes | None = None) -> str:
        """The same, after which nothing is being fetched."""
        found = await self.take(message)
        await fetched()
        return found

    @property
    def field(self) -> str:
        """Of the last message."""
        (field,) = Header.parse(self.provider.inbox("anna")[-1])[0].all("Authentication-Results")
        return field.decode()

    @property
    def kept(self) -> MethodResult:
        """What is kept of BIMI with the last message."""
        results = self.provider.database.read_now(
            lambda tx: authentication.of(tx, EmailId(tx.value("SELECT max(id) FROM emails")))
        )
        return next(each for each in results if each.method == "bimi")

    @property
    def examined(self) -> dict[str, str]:
        return {f"{each.kind}.{each.name}": each.value for each in self.kept.properties}


async def fetched() -> None:
    """Wait until nothing is being fetched."""
    tasks = [each for each in asyncio.all_tasks() if each.get_name().startswith("indicator of")]
    await asyncio.gather(*tasks)


def publish(provider: SmtpProvider, dmarc: str = "v=DMARC1; p=reject", record: str = RECORD) -> None:
    records: dict[tuple[str, Kind], Sequence[bytes]] = dict(zone(rsa_key()))
    records["_dmarc.example.org", Kind.TXT] = (dmarc.encode(),)
    records["default._bimi.example.org", Kind.TXT] = (record.encode(),)
    for (name, kind), found in records.items():
        provider.resolver.put(name, kind, *found)
