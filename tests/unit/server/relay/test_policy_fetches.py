"""Policy hosts that do not answer delay the mail of their own domains, and nobody else's."""

import asyncio

from pillarbox.delivery.indicators import MAX_FETCHES
from pillarbox.dns import Kind
from pillarbox.server.relay.context import RelayLimits
from pillarbox.trust.mta_sts import policy_text, policy_url
from pillarbox.web import FetchFailed, Page
from pillarbox.world.fetcher.https import MAX_AT_ONCE, HttpsFetcher
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.network.memory import MemoryStream
from tests.kit.https import ok
from tests.kit.smtp.peer import SmtpPeer
from tests.kit.smtp.relay import RelayProvider, run_with_relay
from tests.unit.server.relay.test_transport import ENFORCED, HOST, TLS, Zones, publish, run, securities

STALLED = RelayLimits().connections - 2


async def answers(stream: MemoryStream) -> None:
    stream.answer_tls()
    await stream.read()
    await stream.write(ok(policy_text(ENFORCED).encode(), "Content-Type: text/plain"))


async def stalls(stream: MemoryStream) -> None:
    """Takes the connection, and says nothing."""
    await stream.read()


def test_there_is_room_for_all_who_fetch() -> None:
    reports = 1
    assert RelayLimits().connections + MAX_FETCHES + reports < MAX_AT_ONCE


def test_policy_hosts_that_stall_delay_nobody_else() -> None:
    async def test(provider: RelayProvider) -> None:
        await provider.stop()
        fetcher = HttpsFetcher(provider.network, provider.resolver, provider.clock, admits=lambda _: True)
        provider.fetcher = fetcher  # type: ignore[assignment]  # not the one in memory
        provider.start()
        provider.network.serve("192.0.2.1", 443, answers)
        has_policy(provider, "two.example", "192.0.2.1")
        # Reads the authorities, which takes a thread
        await fetcher.fetch(policy_url("two.example"), max_octets=9999, timeout_s=9)
        for number in range(STALLED):
            name, address = f"stalled{number}.example", f"198.51.100.{number}"
            provider.peer(name, address)
            provider.network.serve(address, 443, stalls)
            has_policy(provider, name, address)
            await provider.queue(f"a@{name}")
        await provider.pass_(1)
        peer = provider.peer(HOST, "192.0.2.1", extensions=TLS)
        provider.mx("two.example", HOST)
        plain = provider.peer("three.example", "192.0.2.3")
        await provider.queue("a@two.example")
        await provider.queue("a@three.example")
        await provider.pass_(1)
        assert (peer.addresses, plain.addresses) == (["a@two.example"], ["a@three.example"])
        assert "mta-sts" in securities(provider)
        assert len(provider.waiting()) == STALLED
        await provider.pass_(60)
        assert not provider.waiting()

    run_with_relay(test, resolver=Zones())


def has_policy(provider: RelayProvider, domain: str, address: str) -> None:
    provider.resolver.put(f"_mta-sts.{domain}", Kind.TXT, b"v=STSv1; id=1;")
    provider.resolver.put(f"mta-sts.{domain}", Kind.A, address)


class Waiting(MemoryFetcher):
    """Answers once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.may.set()

    async def fetch(
        self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
    ) -> Page | FetchFailed:
        await self.may.wait()
        return await super().fetch(
            url, max_octets=max_octets, timeout_s=timeout_s, max_redirects=max_redirects
        )


def test_while_a_policy_is_renewed_the_one_in_force_goes_on() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        await provider.stop()
        fetcher = provider.fetcher = Waiting()
        provider.start()
        publish(provider, ENFORCED)
        await provider.queue("a@two.example")
        await provider.pass_(2 * 86_400)
        fetcher.may.clear()
        await provider.queue("b@two.example")
        await provider.pass_(1)
        assert peer.addresses == ["a@two.example"], "the one for which it is renewed waits"
        await provider.queue("c@two.example")
        await provider.pass_(1)
        assert peer.addresses == ["a@two.example", "c@two.example"]
        assert securities(provider) == ["mta-sts"] * 2
        fetcher.may.set()
        await provider.pass_(1)
        assert sorted(peer.addresses) == ["a@two.example", "b@two.example", "c@two.example"]

    run(test, zones=Zones())
