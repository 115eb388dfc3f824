"""DANE and MTA-STS over real sockets, with certificates of private authorities."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from pillarbox.app.resolved import resolve
from pillarbox.config.schema import Relay as RelayOptions
from pillarbox.dns import Kind, Mx, Tlsa
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.server.relay.relay import Relay
from pillarbox.trust.mta_sts import Mode, StsPolicy, policy_text
from pillarbox.trust.questions import Page
from pillarbox.world.blobs import prepare
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.tls.client import verified
from tests.kit.certificates import Issued, issued
from tests.kit.provider import open_provider

WITHIN_S = 20
HOST = "mx.two.example"
NOW = dt.datetime.now(dt.UTC)
ROOT = issued("root", ca=True, now=NOW)
MIDDLE = issued("middle", ROOT, ca=True, now=NOW)
SERVER = issued("", MIDDLE, names=(HOST,), now=NOW)
OTHER = issued("", names=(HOST,), now=NOW)
EXPIRED = issued("", MIDDLE, names=(HOST,), days=(-9, -1), now=NOW)
CHAIN = (SERVER, MIDDLE, ROOT)
URL = "https://mta-sts.two.example/.well-known/mta-sts.txt"


class NextHop:
    """A server that takes one message, with STARTTLS and these certificates."""

    def __init__(self, folder: Path, *chain: Issued) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain[0].pem(folder, *chain[1:]))
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _tls, name, _context: self.names.append(name)
        self.delivered = asyncio.Event()
        self.greeted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.greeted += 1
        writer.write(b"220 mx.two.example\r\n")
        try:
            while line := await reader.readline():
                match line[:4].upper():
                    case b"EHLO":
                        writer.write(b"250-mx.two.example\r\n250 STARTTLS\r\n")
                    case b"STAR":
                        writer.write(b"220 go on\r\n")
                        await writer.start_tls(self.context)
                    case b"DATA":
                        writer.write(b"354 go on\r\n")
                        await reader.readuntil(b"\r\n.\r\n")
                        writer.write(b"250 taken\r\n")
                        self.delivered.set()
                    case b"QUIT":
                        writer.write(b"221 bye\r\n")
                        break
                    case _:
                        writer.write(b"250 ok\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()


async def outcome(hop: NextHop, *records: Tlsa, policy: StsPolicy | None = None) -> str:
    """Empty if the message was delivered, otherwise why it was not."""
    server = await asyncio.start_server(hop.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    resolver = ZoneResolver(("example",), {}, authenticated=policy is None)
    resolver.put("two.example", Kind.MX, Mx(10, HOST))
    resolver.put(HOST, Kind.A, "127.0.0.1")
    resolver.put(f"_{port}._tcp.{HOST}", Kind.TLSA, *records)
    if policy:
        resolver.put("_mta-sts.two.example", Kind.TXT, b"v=STSv1; id=1;")
    provider = await open_provider()
    config = replace(provider.config, relay=RelayOptions(port=port))
    pages = {URL: Page("text/plain", policy_text(policy).encode())} if policy else {}
    world = replace(provider.world, network=SystemNetwork(), resolver=resolver, fetcher=MemoryFetcher(pages))
    outbound = Outbound(
        prepare(b"From: u0@one.example\r\n\r\nhi\r\n"),
        "u0@one.example",
        (QueuedRecipient("a@two.example", "two.example"),),
    )
    await world.database.write(enqueue, outbound, now_ms=world.clock.now_ms())
    relay = Relay(world, config, resolve(config).routes)
    relay.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            while not hop.delivered.is_set():
                reply = await world.database.read(
                    lambda tx: tx.value("SELECT last_reply FROM queue_recipients")
                )
                if reply:
                    return str(reply)
                await asyncio.sleep(0.02)
        return ""
    finally:
        await relay.stop(1)
        server.close()
        await provider.close()


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
