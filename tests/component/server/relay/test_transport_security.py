"""DANE and MTA-STS over real sockets, with certificates of private authorities."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from pillarbox.dns import Kind, Mx, Tlsa
from pillarbox.trust.mta_sts import Mode, StsPolicy, policy_text
from pillarbox.trust.questions import Page
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.tls.client import verified
from tests.kit.certificates import Issued, client_only, issued
from tests.kit.smtp.next_hop import NextHop, delivered_by_relay, served

HOST = "mx.two.example"
NOW = dt.datetime.now(dt.UTC)
ROOT = issued("root", ca=True, now=NOW)
MIDDLE = issued("middle", ROOT, ca=True, now=NOW)
SERVER = issued("", MIDDLE, names=(HOST,), now=NOW)
OTHER = issued("", names=(HOST,), now=NOW)
EXPIRED = issued("", MIDDLE, names=(HOST,), days=(-9, -1), now=NOW)
CHAIN = (SERVER, MIDDLE, ROOT)
URL = "https://mta-sts.two.example/.well-known/mta-sts.txt"


async def outcome(hop: NextHop, *records: Tlsa, policy: StsPolicy | None = None) -> str:
    """Empty if the message was delivered, otherwise why it was not."""
    resolver = ZoneResolver(("example",), {}, authenticated=policy is None)
    resolver.put("two.example", Kind.MX, Mx(10, HOST))
    resolver.put(HOST, Kind.A, "127.0.0.1")
    if policy:
        resolver.put("_mta-sts.two.example", Kind.TXT, b"v=STSv1; id=1;")
    pages = {URL: Page("text/plain", policy_text(policy).encode())} if policy else {}
    async with served(hop) as port:
        resolver.put(f"_{port}._tcp.{HOST}", Kind.TLSA, *records)
        return await delivered_by_relay(hop, port, resolver, MemoryFetcher(pages))


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    factory: Callable[[], asyncio.AbstractEventLoop] = request.param
    return factory


@pytest.mark.rfc("7672 §3.1", "MUST")
@pytest.mark.parametrize(
    ("record", "chain", "reason"),
    [
        (SERVER.tlsa(3), CHAIN, ""),
        (SERVER.tlsa(3), (SERVER,), ""),
        (ROOT.tlsa(2, 0), CHAIN, ""),
        (MIDDLE.tlsa(2), (SERVER, MIDDLE), ""),
        (EXPIRED.tlsa(3), (EXPIRED,), ""),
        (OTHER.tlsa(3), CHAIN, "matches none of its TLSA records"),
        (ROOT.tlsa(2, 0), (EXPIRED, MIDDLE, ROOT), "expired"),
        (ROOT.tlsa(2, 0), (SERVER, MIDDLE), "lead to none of the trust anchors"),
    ],
)
def test_what_the_server_presents_is_compared_with_its_records(
    record: Tlsa,
    chain: tuple[Issued, ...],
    reason: str,
    tmp_path: Path,
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    hop = NextHop(tmp_path, *chain)
    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(outcome(hop, record))
    assert (found == "") == (reason == "")
    assert reason in found
    assert hop.names == [HOST]


@pytest.mark.rfc("8461 §4.2", "MUST")
@pytest.mark.parametrize(
    ("chain", "trusted", "reason"),
    [
        (CHAIN, True, ""),
        (CHAIN, False, "certificate verify failed"),
        ((EXPIRED, MIDDLE), True, "certificate has expired"),
        ((issued("", ROOT, names=("mx.three.example",), now=NOW),), True, "Hostname mismatch"),
        ((issued(HOST, ROOT, now=NOW),), True, "Hostname mismatch"),
        ((issued("", ROOT, names=("*.two.example",), now=NOW),), True, ""),
        ((issued("", ROOT, names=("*.example",), now=NOW),), True, "Hostname mismatch"),
        ((issued("", ROOT, names=(HOST,), extensions=(client_only(),), now=NOW),), True, "purpose"),
    ],
)
def test_under_a_policy_a_public_authority_certifies_the_host(
    chain: tuple[Issued, ...],
    trusted: bool,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    authority = ROOT if trusted else OTHER
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem(tmp_path)))
    verified.cache_clear()
    hop = NextHop(tmp_path, *chain)
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            found = runner.run(outcome(hop, policy=StsPolicy(Mode.ENFORCE, (HOST,), 86_400)))
    finally:
        verified.cache_clear()
    assert (found == "") == (reason == "")
    assert reason in found
    assert reason == "" or found.endswith(", as the MTA-STS policy of two.example demands")
