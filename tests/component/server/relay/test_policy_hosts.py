"""MTA-STS from a policy host with real HTTPS to a host with real TLS, over days and restarts."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pillarbox.dns import Kind, Mx
from pillarbox.reports import counting, observed
from pillarbox.trust.mta_sts import Mode, StsPolicy, policy_text
from pillarbox.trust.tls_result import TlsResult
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Transaction
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network import Stream
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.tls.client import verified
from tests.kit.certificates import Issued, issued
from tests.kit.https import Request, ok, response, web
from tests.kit.provider import open_provider
from tests.kit.smtp.next_hop import NextHop, delivered_by, served

DOMAIN, HOST, NEW_HOST = "two.example", "mx.two.example", "mx2.two.example"
POLICY_HOST = "mta-sts.two.example"
DAY_S, WEEK_S = 86_400, 604_800
NOW = dt.datetime.now(dt.UTC)
ROOT = issued("root", ca=True, now=NOW)
"""The only public authority."""
RIGHT = issued("", ROOT, names=(HOST, NEW_HOST), now=NOW)
WRONG = issued("", names=(HOST, NEW_HOST), now=NOW)
WEB = issued("", ROOT, names=(POLICY_HOST,), now=NOW)
WRONG_WEB = issued("", ROOT, names=(DOMAIN,), now=NOW)

ENFORCED = StsPolicy(Mode.ENFORCE, (HOST,), WEEK_S)
MOVED = StsPolicy(Mode.ENFORCE, (NEW_HOST,), WEEK_S)
SHORT = StsPolicy(Mode.ENFORCE, (HOST,), 3600)
TESTED = StsPolicy(Mode.TESTING, (HOST,), WEEK_S)
DEMANDED = ", as the MTA-STS policy of two.example demands"
NOT_ALLOWED = "is no host that the MTA-STS policy of two.example allows"
NO_TLS = TlsResult.STARTTLS_NOT_SUPPORTED
NOT_TRUSTED = TlsResult.CERTIFICATE_NOT_TRUSTED
NOT_FETCHED = TlsResult.STS_POLICY_FETCH_ERROR
NOT_CERTIFIED = TlsResult.STS_WEBPKI_INVALID


@dataclass
class Net:
    """What there is beside the provider."""

    policy: StsPolicy | None = ENFORCED
    """None: 404."""
    identity: str | None = "1"
    mx: str | None = HOST
    host_right: bool = True
    """It has the right certificate."""
    offers_tls: bool = True
    web_right: bool = True
    """So has the policy host."""
    web_answers: bool = True
    """Else it accepts connections, and no more."""


@dataclass(frozen=True)
class Step:
    """A message, some time after the first, when some things have changed."""

    after_s: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    """Of `Net`: they last."""
    why_not: str = ""
    """A part of the reason why it waits; empty where it arrives."""
    fetches: int | None = 1
    """How often the policy was asked for by then; None where that is chance."""
    counted: set[TlsResult] = field(default_factory=set)
    """Failures that are going to be reported."""


def gone(counted: TlsResult, fetches: tuple[int | None, ...], **changes: Any) -> list[Step]:
    """The policy host fails; the policy is in force until its time is over."""
    changes = {"host_right": False, **changes}
    return [
        Step(),
        Step(2 * DAY_S, changes, DEMANDED, fetches[0], {counted, NOT_TRUSTED}),
        Step(2 * DAY_S + 200, {}, DEMANDED, fetches[0], {NOT_TRUSTED}),
        Step(WEEK_S - 60, {}, DEMANDED, fetches[1], {counted, NOT_TRUSTED}),
        Step(WEEK_S + 300, {}, "", fetches[2], {counted}),
    ]


CASES = {
    "in force": [
        Step(),
        Step(60, {"host_right": False}, DEMANDED, 1, {NOT_TRUSTED}),
        Step(120, {"host_right": True}),
    ],
    "in force from the first message on": [Step(0, {"host_right": False}, DEMANDED, 1, {NOT_TRUSTED})],
    "tested": [
        Step(0, {"policy": TESTED, "host_right": False}, "", 1, {NOT_TRUSTED}),
        Step(60, {"host_right": True}),
    ],
    "tested, another host": [
        Step(0, {"policy": TESTED, "mx": NEW_HOST}, "", 1, {TlsResult.VALIDATION_FAILURE})
    ],
    "no TLS": [
        Step(),
        Step(60, {"offers_tls": False}, f"but was not offered{DEMANDED}", 1, {NO_TLS}),
        Step(120, {"policy": TESTED, "identity": "2"}, "", 2, {NO_TLS}),
    ],
    # RFC 8461 §3.3: what was fetched holds for its time
    "gone": gone(NOT_FETCHED, (2, 3, 4), policy=None),
    "gone, with another certificate": gone(NOT_CERTIFIED, (1, 1, 1), web_right=False),
    "gone, silent": gone(NOT_FETCHED, (None, None, None), web_answers=False),
    "never there": [
        Step(0, {"policy": None, "host_right": False}, "", 1, {NOT_FETCHED}),
        Step(200),
        Step(301, {"policy": ENFORCED}, DEMANDED, 2, {NOT_TRUSTED}),
    ],
    "never certified": [Step(0, {"web_right": False, "host_right": False}, "", 0, {NOT_CERTIFIED})],
    "not valid": [Step(0, {"policy": StsPolicy(Mode.ENFORCE, (), 1)}, "", 1, {TlsResult.STS_POLICY_INVALID})],
    # RFC 8461 §3.1
    "another id": [
        Step(),
        Step(60, {"policy": MOVED, "identity": "2"}, NOT_ALLOWED, 2, {TlsResult.VALIDATION_FAILURE}),
        Step(120, {"mx": NEW_HOST}, "", 2),
    ],
    "the same id": [Step(), Step(60, {"policy": MOVED})],
    # Somebody lies in the DNS
    "record taken away": [
        Step(),
        Step(60, {"identity": None, "host_right": False}, DEMANDED, 1, {NOT_TRUSTED}),
        Step(6 * DAY_S, {}, DEMANDED, 2, {NOT_TRUSTED}),
    ],
    "exchanger replaced": [
        Step(),
        Step(60, {"mx": "mx.evil.example"}, NOT_ALLOWED, 1, {TlsResult.VALIDATION_FAILURE}),
        Step(400, {"identity": None}, NOT_ALLOWED, 2, {TlsResult.VALIDATION_FAILURE}),
        Step(500, {"mx": HOST}, "", 2),
    ],
    "exchanger taken away": [
        Step(),
        Step(60, {"mx": None, "identity": None}, NOT_ALLOWED, 1, {TlsResult.VALIDATION_FAILURE}),
    ],
    # RFC 8461 §3.3: before its time is over
    "renewed": [
        Step(0, {"policy": SHORT}),
        Step(1700),
        Step(1900, {}, "", 2),
        Step(5000, {"host_right": False, "web_right": False}, DEMANDED, 2, {NOT_CERTIFIED, NOT_TRUSTED}),
        Step(5600, {}, "", 2, {NOT_CERTIFIED}),
    ],
}


class Later(SystemClock):
    """The same clock, some time later."""

    def __init__(self, after_s: int) -> None:
        self._after_ms = after_s * 1000

    def now_ms(self) -> int:
        return super().now_ms() + self._after_ms


class Impatient(SystemClock):
    """Waits a tenth of a second for anything."""

    def timeout(self, seconds: float) -> Any:
        return super().timeout(min(seconds, 0.1))


class Rerouted(SystemNetwork):
    """Its HTTPS leads to another port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Stream:
        return await super().connect(address, self._port if port == 443 else port, source=source)


class Bench:
    """The net, and a provider in a folder that is opened anew for each message."""

    def __init__(self, folder: Path) -> None:
        self.net = Net()
        self._folder = folder
        self._hop = NextHop(folder, RIGHT, ROOT)
        self._hosts = {True: self._hop.context, False: _context(folder, WRONG)}
        self._webs = {True: _context(folder, WEB), False: _context(folder, WRONG_WEB)}
        self._data = folder / "data"
        self._data.mkdir()
        self._started_s = SystemClock().now_ms() // 1000

    async def go_through(self, steps: list[Step]) -> None:
        context = _context(self._folder, WEB)
        context.sni_callback = self._certify
        async with web(self._say, context) as policy_host, served(self._hop) as port:
            for number, step in enumerate(steps):
                for name, value in step.changes.items():
                    setattr(self.net, name, value)
                self._hop.context = self._hosts[self.net.host_right]
                self._hop.offers_tls = self.net.offers_tls
                fetcher = self._fetcher(policy_host.port)
                found, counted = await self._send(step.after_s, port, fetcher)
                assert (found == "") == (step.why_not == ""), (number, found)
                assert step.why_not in found, number
                assert step.fetches in (None, len(policy_host.requests)), number
                assert counted == step.counted, number

    async def _send(self, after_s: int, port: int, fetcher: HttpsFetcher) -> tuple[str, set[TlsResult]]:
        # What passes between the steps is none of the time in which they happen
        waited_s = SystemClock().now_ms() // 1000 - self._started_s
        provider = await open_provider(self._data, clock=Later(after_s - waited_s))
        try:
            await provider.world.database.write(_empty)
            found = await delivered_by(provider, self._hop, port, self._resolver(), fetcher, domain=DOMAIN)
            return found, provider.world.database.read_now(_failures)
        finally:
            await provider.close()

    def _resolver(self) -> ZoneResolver:
        resolver = ZoneResolver(("example",), {})
        if self.net.mx:
            resolver.put(DOMAIN, Kind.MX, Mx(10, self.net.mx))
        for name in (HOST, NEW_HOST, "mx.evil.example", POLICY_HOST):
            resolver.put(name, Kind.A, "127.0.0.1")
        if self.net.identity:
            resolver.put(f"_mta-sts.{DOMAIN}", Kind.TXT, f"v=STSv1; id={self.net.identity};".encode())
        return resolver

    def _fetcher(self, port: int) -> HttpsFetcher:
        clock = SystemClock() if self.net.web_answers else Impatient()
        authorities = ROOT.pem(self._folder)
        return HttpsFetcher(
            Rerouted(port), self._resolver(), clock, authorities=authorities, admits=lambda _address: True
        )

    def _certify(self, tls: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
        tls.context = self._webs[self.net.web_right]

    async def _say(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if not self.net.web_answers:
            await writer.wait_closed()
            return
        assert (request.path, request.fields["host"]) == ("/.well-known/mta-sts.txt", POLICY_HOST)
        if self.net.policy is None:
            writer.write(response("404 Not Found"))
        else:
            writer.write(ok(policy_text(self.net.policy).encode(), "Content-Type: text/plain"))


def _context(folder: Path, certificate: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem(folder, ROOT))
    return context


def _empty(tx: Transaction) -> None:
    """Of what the message before has left, only the policy counts."""
    for table in (
        "queue_recipients",
        "queue_messages",
        "queue_destinations",
        "counted_rows",
        "counted_domains",
    ):
        tx.execute(f"DELETE FROM {table}")


def _failures(tx: Transaction) -> set[TlsResult]:
    found = counting.before(tx, 2**40, limit=9)
    return {one.result for each in found for one in observed.sessions(tx, each) if one.result}


@pytest.fixture(autouse=True)
def public_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(ROOT.pem(tmp_path)))
    verified.cache_clear()
    yield
    verified.cache_clear()


@pytest.mark.rfc("8461 §3.3", "MUST")
@pytest.mark.rfc("8461 §5", "MUST NOT")
@pytest.mark.rfc("8461 §6", "SHOULD")
@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_what_becomes_of_mail_under_a_policy(steps: list[Step], tmp_path: Path) -> None:
    asyncio.run(Bench(tmp_path).go_through(steps))
