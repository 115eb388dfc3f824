"""How safe a delivery has to be: DANE and MTA-STS between a relay and hosts that are not what they should be."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.dns import Failure, Kind, Outcome, Tlsa
from pillarbox.server.relay.host_finder import Host
from pillarbox.trust.mta_sts import Mode, StsPolicy, policy_id, policy_text
from pillarbox.trust.questions import FetchFailed, Page
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificates import NOW, issued
from tests.kit.smtp.peer import Answers, PeerTraits, SmtpPeer
from tests.kit.smtp.relay import NOW_MS, RelayProvider, run_with_relay

TLS = ("PIPELINING", "8BITMIME", "STARTTLS")
REQUIRETLS = (*TLS, "REQUIRETLS")
HOST = "mx.two.example"
THEN = NOW.fromtimestamp(NOW_MS / 1000, NOW.tzinfo)
ROOT = issued("root", ca=True, now=THEN)
SERVER = issued("", ROOT, names=(HOST,), now=THEN)
OTHER = issued("", names=(HOST,), now=THEN)
EXPIRED = issued("", ROOT, names=(HOST,), days=(-9, -1), now=THEN)
ELSEWHERE = issued("", ROOT, names=("mx.three.example",), now=THEN)
GOOD = (SERVER.der, ROOT.der)
URL = "https://mta-sts.two.example/.well-known/mta-sts.txt"
WEEK_S = 604_800
ENFORCED = StsPolicy(Mode.ENFORCE, (HOST,), WEEK_S)


class Zones(ZoneResolver):
    """Zones of which some are signed, and some answers fail."""

    def __init__(self, *signed: str) -> None:
        super().__init__(("example",), {}, outside=Failure("no network"), authenticated=signed)
        self.fixed: dict[tuple[str, Kind], Outcome[Any]] = {}
        self.asked: list[Kind] = []

    def known(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked.append(kind)
        return self.fixed.get((name, kind)) or super().said(name, kind)


Test = Callable[[RelayProvider, SmtpPeer], Awaitable[None]]


def run(test: Test, *records: Tlsa, zones: Zones | None = None, **traits: Any) -> None:
    """A provider and the exchanger of two.example, which has these TLSA records."""

    async def with_peer(provider: RelayProvider) -> None:
        given: Any = {"extensions": TLS, "chain": GOOD, **traits}
        peer = provider.peer(HOST, "192.0.2.1", **given)
        provider.mx("two.example", HOST)
        provider.resolver.put(f"_25._tcp.{HOST}", Kind.TLSA, *records)
        await test(provider, peer)

    run_with_relay(with_peer, resolver=zones or Zones("two.example"))


def last(provider: RelayProvider) -> tuple[str, str]:
    ((status, reply),) = provider.rows("SELECT last_status, last_reply FROM queue_recipients")
    return status, reply


async def delivered(provider: RelayProvider, peer: SmtpPeer, **more: Any) -> bool:
    """Whether a message arrived."""
    before = len(peer.received)
    await provider.queue("a@two.example", **more)
    await provider.pass_(1)
    return len(peer.received) == before + 1


def securities(provider: RelayProvider) -> list[object]:
    return [fields["security"] for name, fields in provider.telemetry.events if name == "relay attempt"]


# --- DANE


@pytest.mark.rfc("7672 §2.2", "MUST")
@pytest.mark.parametrize("record", [SERVER.tlsa(3), SERVER.tlsa(3, 0, 2), ROOT.tlsa(2), ROOT.tlsa(2, 0, 0)])
def test_a_host_whose_certificate_matches_gets_mail(record: Tlsa) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer)
        assert peer.received[0].tls
        assert securities(provider) == ["dane"]

    run(test, record)


@pytest.mark.rfc("7672 §3.2", "MUST NOT")
@pytest.mark.parametrize(
    ("record", "chain", "reason"),
    [
        (OTHER.tlsa(3), GOOD, "the server's certificate matches none of its TLSA records"),
        (ROOT.tlsa(2), (EXPIRED.der, ROOT.der), "the server's certificate is expired or not valid yet"),
        (ROOT.tlsa(2), (OTHER.der, ROOT.der), "lead to none of the trust anchors"),
        (ROOT.tlsa(2), (ELSEWHERE.der, ROOT.der), "is not for mx.two.example or two.example"),
        (ROOT.tlsa(2), (SERVER.der,), "lead to none of the trust anchors"),
        (SERVER.tlsa(3), (), "the server presented no certificate"),
    ],
)
def test_a_host_with_another_certificate_gets_none(
    record: Tlsa, chain: tuple[bytes, ...], reason: str
) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        status, reply = last(provider)
        assert status == "4.7.5"
        assert reply.startswith("mx.two.example [192.0.2.1]: ")
        assert reason in reply
        assert reply.endswith(", as the TLSA records of mx.two.example demand")
        assert not any(line.startswith("MAIL") for line in peer.commands)
        peer.chain = GOOD
        provider.resolver.put(f"_25._tcp.{HOST}", Kind.TLSA, SERVER.tlsa(3))
        await provider.pass_(3600)
        assert len(peer.received) == 1

    run(test, record, chain=chain)


@pytest.mark.rfc("7672 §2.2", "MUST")
@pytest.mark.parametrize("record", [SERVER.tlsa(3), Tlsa(1, 1, 1, bytes(32))])
@pytest.mark.parametrize(
    "traits",
    [{"extensions": ("8BITMIME",)}, {"handshake": False}, {"answers": {"STARTTLS": "454 4.7.0 not now"}}],
)
def test_without_tls_it_gets_none(record: Tlsa, traits: PeerTraits) -> None:
    """Somebody between may have taken STARTTLS away."""

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        assert last(provider)[0] in ("4.7.10", "4.7.5")
        assert "the TLSA records of mx.two.example demand" in last(provider)[1]
        await provider.pass_(6 * 86_400)
        assert provider.waiting() == []
        ((who, action, _),) = [report for report in provider.reported() if report[1] == "failed"]
        assert (who, action) == ("a@two.example", "failed")
        assert any("TLSA records of" in str(mail) for mail in provider.inbox())

    run(test, record, **traits)


@pytest.mark.rfc("7672 §2.2", "MUST")
def test_records_of_which_none_is_usable_demand_tls_with_any_certificate() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer)
        assert securities(provider) == ["encrypted"]

    run(test, Tlsa(1, 1, 1, bytes(32)), chain=(OTHER.der,), distrusted="self-signed certificate")


@pytest.mark.rfc("7672 §2.1.2", "MUST NOT")
def test_a_host_whose_records_cannot_be_found_is_passed_over() -> None:
    zones = Zones("two.example")
    zones.fixed[f"_25._tcp.{HOST}", Kind.TLSA] = Failure("server says SERVFAIL")

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        assert last(provider) == (
            "4.7.5",
            "mx.two.example: the TLSA records of mx.two.example cannot be looked up: server says SERVFAIL",
        )
        assert peer.connections == 0
        second = provider.peer("mx2.two.example", "192.0.2.2", extensions=TLS)
        provider.mx("two.example", HOST, "mx2.two.example")
        await provider.pass_(3600)
        assert len(second.received) == 1

    run(test, zones=zones)


GO_AWAY = "554 5.7.1 go away"


def before_tls() -> Answers:
    return {"": GO_AWAY}


def after_tls() -> Answers:
    return {"EHLO": ["250-peer\r\n250 STARTTLS", GO_AWAY], "HELO": GO_AWAY}


@pytest.mark.parametrize(
    ("record", "answers", "final"),
    [
        (SERVER.tlsa(3), before_tls, False),
        (SERVER.tlsa(3), after_tls, False),
        (Tlsa(1, 1, 1, bytes(32)), before_tls, False),
        (Tlsa(1, 1, 1, bytes(32)), after_tls, True),
        (None, before_tls, True),
    ],
)
def test_what_somebody_between_may_have_said_is_not_final(
    record: Tlsa | None, answers: Callable[[], Answers], final: bool
) -> None:
    """Where TLS is demanded: before it, and after it with other certificates, anybody may answer."""

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        assert provider.waiting() == ([] if final else ["a@two.example"])

    run(test, *filter(None, [record]), chain=(OTHER.der,), answers=answers())


@pytest.mark.rfc("3207 §6", "MUST")
@pytest.mark.parametrize("record", [None, SERVER.tlsa(3)])
@pytest.mark.parametrize(
    "answers",
    [{"STARTTLS": "220 go on\r\n250 injected"}, {"EHLO": "250-peer\r\n250 STARTTLS\r\n421 4.3.2 bye"}],
)
def test_a_host_that_says_more_than_it_was_asked_is_passed_over(
    record: Tlsa | None, answers: Answers
) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        second = provider.peer("mx2.two.example", "192.0.2.2", extensions=TLS)
        provider.mx("two.example", HOST, "mx2.two.example")
        assert not await delivered(provider, peer)
        assert len(second.received) == 1

    run(test, *filter(None, [record]), answers=answers)


class AnsweredOnce(Zones):
    """Addresses whose TTL somebody has set to zero, and whose next look-up he lets fail."""

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        found = await super().lookup(name, kind)
        again = kind is Kind.A and kind in self.asked
        self.asked.append(kind)
        return Failure("timeout") if again else found


@pytest.mark.rfc("7672 §2.1.2", "MUST NOT")
def test_an_address_that_is_not_found_a_second_time_does_not_set_dane_aside() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        assert last(provider) == (
            "4.7.5",
            "mx.two.example: the addresses of mx.two.example cannot be looked up: timeout",
        )

    run(test, SERVER.tlsa(3), zones=AnsweredOnce("two.example"), chain=(OTHER.der,))


@pytest.mark.rfc("7672 §2.2.2", "SHOULD NOT")
def test_an_unsigned_host_is_asked_nothing_and_gets_mail() -> None:
    zones = Zones()
    zones.fixed[f"_25._tcp.{HOST}", Kind.TLSA] = Failure("no answer")

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer)
        assert Kind.TLSA not in zones.asked
        assert securities(provider) == ["opportunistic"]

    run(test, zones=zones, chain=(OTHER.der,))


@pytest.mark.rfc("7672 §2.2.1", "MUST NOT")
def test_a_signed_host_of_an_unsigned_domain_is_authenticated_as_that_only() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer)
        assert securities(provider) == ["dane: host authenticated, MX not"]
        peer.chain = (OTHER.der,)
        await provider.pass_(10)
        assert not await delivered(provider, peer)
        assert last(provider)[1].endswith(
            "as the TLSA records of mx.two.example (host authenticated, MX not) demand"
        )

    run(test, SERVER.tlsa(3), zones=Zones("mx.two.example", "_25._tcp.mx.two.example"))


@pytest.mark.rfc("7671 §8.1", "MUST")
def test_a_roll_of_keys_defers_no_mail() -> None:
    """Three renewals with the key kept, then the next key published beside it, used, and left alone."""
    key, following = SERVER.key, issued("", ROOT, names=(HOST,), now=THEN)

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        for days in (30, 60, 90):
            peer.chain = (issued("", ROOT, names=(HOST,), key=key, days=(-1, days), now=THEN).der,)
            await provider.pass_(10)
            assert await delivered(provider, peer)
        both = SERVER.tlsa(3), following.tlsa(3)
        for records, used in ((both, SERVER), (both, following), (both[1:], following)):
            provider.resolver.put(f"_25._tcp.{HOST}", Kind.TLSA, *records)
            peer.chain = (used.der,)
            await provider.pass_(10)
            assert await delivered(provider, peer)

    run(test, SERVER.tlsa(3))


# --- MTA-STS


def publish(provider: RelayProvider, policy: StsPolicy | None, identity: str | None = None) -> None:
    """Change the policy of two.example, and its id unless that is forgotten."""
    page = Page("text/plain", policy_text(policy).encode()) if policy else FetchFailed("refused", "connect")
    provider.fetcher.put(URL, page)
    identity = identity or (policy_id(policy) if policy else None)
    texts = [f"v=STSv1; id={identity};".encode()] if identity else []
    provider.resolver.put("_mta-sts.two.example", Kind.TXT, *texts)


@pytest.mark.rfc("8461 §5", "MUST NOT")
@pytest.mark.parametrize(
    ("traits", "status", "reason"),
    [
        ({"extensions": ("8BITMIME",)}, "4.7.10", "TLS is required, but was not offered"),
        ({"distrusted": "self-signed certificate"}, "4.7.5", "self-signed certificate"),
        ({"distrusted": "Hostname mismatch"}, "4.7.5", "Hostname mismatch"),
        ({"handshake": False}, "4.7.5", "handshake failed"),
    ],
)
def test_a_host_that_does_not_satisfy_the_policy_gets_no_mail(
    traits: PeerTraits, status: str, reason: str
) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert not await delivered(provider, peer)
        assert last(provider)[0] == status
        assert reason in last(provider)[1]
        assert last(provider)[1].endswith(", as the MTA-STS policy of two.example demands")
        publish(provider, StsPolicy(Mode.TESTING, (HOST,), WEEK_S))
        await provider.pass_(3600)
        assert len(peer.received) == 1

    run(test, zones=Zones(), **traits)


def test_a_host_that_satisfies_the_policy_gets_mail() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        for _ in range(3):
            assert await delivered(provider, peer)
            await provider.pass_(10)
        assert securities(provider) == ["mta-sts"] * 3
        assert provider.fetcher.fetched == [URL]

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §3.3", "MUST")
def test_a_policy_outlives_a_restart_and_whatever_the_dns_says() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert await delivered(provider, peer)
        await provider.stop()
        provider.start()
        evil = provider.peer("mx.evil.example", "192.0.2.66", extensions=TLS)
        peer.extensions = ("8BITMIME",)
        for identity in (None, "another"):
            publish(provider, None, identity)
            await provider.pass_(3600)
            assert not await delivered(provider, peer)
            provider.mx("two.example", "mx.evil.example")
        await provider.pass_(3600)
        assert "is no host that the MTA-STS policy of two.example allows" in last_of_all(provider)
        assert evil.connections == 0

    run(test, zones=Zones())


def last_of_all(provider: RelayProvider) -> str:
    return " ".join(str(reply) for (reply,) in provider.rows("SELECT last_reply FROM queue_recipients"))


@pytest.mark.rfc("8461 §5", "MUST NOT")
def test_a_false_exchanger_with_records_of_its_own_does_not_get_round_a_policy() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert await delivered(provider, peer)
        evil = provider.peer("mx.evil.example", "192.0.2.66", extensions=TLS, chain=(OTHER.der,))
        provider.resolver.put("_25._tcp.mx.evil.example", Kind.TLSA, OTHER.tlsa(3))
        provider.mx("two.example", "mx.evil.example")
        await provider.pass_(10)
        assert not await delivered(provider, peer)
        assert evil.connections == 0

    run(test, zones=Zones("evil.example"))


@pytest.mark.rfc("8461 §5", "MUST NOT")
def test_a_new_policy_whose_id_was_forgotten_is_found_by_its_hosts() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED, "1")
        assert await delivered(provider, peer)
        new = provider.peer("mx2.two.example", "192.0.2.2", extensions=TLS)
        provider.mx("two.example", "mx2.two.example")
        publish(provider, StsPolicy(Mode.ENFORCE, ("mx2.two.example",), WEEK_S), "1")
        await provider.pass_(3600)
        assert await delivered(provider, new)
        assert provider.fetcher.fetched == [URL, URL]

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §8.3", "MUST")
def test_a_policy_that_its_owner_has_ended_is_over() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert await delivered(provider, peer)
        publish(provider, StsPolicy(Mode.NONE, (), 86_400))
        peer.extensions = ("8BITMIME",)
        await provider.pass_(10)
        assert await delivered(provider, peer)

    run(test, zones=Zones())


def test_a_policy_that_cannot_be_renewed_is_told() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert await delivered(provider, peer)
        publish(provider, None, policy_id(ENFORCED))
        await provider.pass_(2 * 86_400)
        assert await delivered(provider, peer)
        assert securities(provider) == ["mta-sts"] * 2
        (told,) = [
            fields for name, fields in provider.telemetry.events if name == "MTA-STS policy not renewed"
        ]
        assert told["result"] == "sts-policy-fetch-error"

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §5.1", "MUST NOT")
def test_a_forged_exchanger_without_address_does_not_return_mail() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        provider.mx("two.example", "nowhere.example")
        assert not await delivered(provider, peer)
        assert last(provider)[0] == "4.7.5"
        provider.mx("two.example", HOST)
        await provider.pass_(3600)
        assert len(peer.received) == 1

    run(test, zones=Zones())


@pytest.mark.parametrize("order", [("two", "three"), ("three", "two")])
def test_a_policy_is_one_domains_and_not_that_of_its_host(order: tuple[str, str]) -> None:
    """Two domains with the same exchanger, one of which forbids it."""

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        provider.mx("three.example", HOST)
        publish(provider, StsPolicy(Mode.ENFORCE, ("mx.elsewhere.example",), WEEK_S))
        for name in order:
            await provider.queue(f"a@{name}.example")
            await provider.pass_(1)
        assert peer.addresses == ["a@three.example"]
        assert provider.waiting() == ["a@two.example"]

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §3.4", "MUST")
def test_mail_by_a_smart_host_is_under_the_policy_of_that() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        provider.routes["*"] = Host("two.example")
        smart = provider.peer("two.example", "192.0.2.7", extensions=("8BITMIME",))
        publish(provider, StsPolicy(Mode.ENFORCE, ("two.example",), WEEK_S))
        await provider.queue("a@three.example")
        await provider.pass_(1)
        assert (smart.received, peer.connections) == ([], 0)
        assert last(provider)[1].endswith("as the MTA-STS policy of two.example demands")

    run(test, zones=Zones())


# --- what a message demands


@pytest.mark.rfc("8689 §4.2.1", "MUST")
@pytest.mark.parametrize(
    ("signed", "policy", "arrives"),
    [
        (True, None, True),
        (False, ENFORCED, True),
        (False, StsPolicy(Mode.TESTING, (HOST,), WEEK_S), True),
        (False, None, False),
    ],
)
def test_requiretls_goes_by_dane_or_a_policy(signed: bool, policy: StsPolicy | None, arrives: bool) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, policy)
        assert await delivered(provider, peer, require_tls=True) is arrives
        assert provider.waiting() == []
        assert provider.reported() == ([] if arrives else [("a@two.example", "failed", "5.7.10")])

    run(test, SERVER.tlsa(3), zones=Zones("two.example") if signed else Zones(), extensions=REQUIRETLS)


@pytest.mark.rfc("8689 §4.2.1", "MUST")
def test_requiretls_gets_a_connection_of_its_own_where_the_open_one_does_not_do() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, StsPolicy(Mode.TESTING, (HOST,), WEEK_S))
        assert await delivered(provider, peer)
        assert await delivered(provider, peer, require_tls=True)
        assert securities(provider) == ["opportunistic", "verified"]
        assert peer.connections == 2

    run(test, zones=Zones(), extensions=REQUIRETLS)


@pytest.mark.parametrize("zones", [Zones(), Zones("two.example")], ids=["uncertain", "no TLS"])
def test_a_domain_that_does_not_do_for_requiretls_is_no_unreachable_one(zones: Zones) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        peer.refused["a@two.example"] = "450 4.2.1 later"
        assert not await delivered(provider, peer)
        await provider.pass_(10)
        assert not await delivered(provider, peer, require_tls=True)
        assert provider.waiting() == ["a@two.example"]  # the other one
        assert provider.rows("SELECT failures FROM queue_destinations") == [(0,)]

    run(test, zones=zones, extensions=("8BITMIME",))


NO_TLS = b"From: anna@one.example\r\nTLS-Required: No\r\n\r\nYour certificate does not match.\r\n"


@pytest.mark.rfc("8689 §4.2.2", "MUST")
@pytest.mark.parametrize("traits", [{"chain": (OTHER.der,)}, {"extensions": ("8BITMIME",)}])
def test_a_message_may_set_the_domains_policy_aside_and_no_other_one_with_it(traits: PeerTraits) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer, octets=NO_TLS)
        assert not await delivered(provider, peer)
        assert provider.waiting() == ["a@two.example"]

    run(test, SERVER.tlsa(3), **traits)


def two_demand(provider: RelayProvider) -> None:
    """A policy that no host satisfies."""
    publish(provider, StsPolicy(Mode.ENFORCE, ("mx.elsewhere.example",), WEEK_S))


def no_records(provider: RelayProvider) -> None:
    zones = provider.resolver
    assert isinstance(zones, Zones)
    zones.fixed[f"_25._tcp.{HOST}", Kind.TLSA] = Failure("server says SERVFAIL")


WAITING = 30


@pytest.mark.rfc("8460 §3", "MUST")
@pytest.mark.parametrize(
    ("record", "prepare", "zones"),
    [
        (SERVER.tlsa(3), lambda _provider: None, "two.example"),
        (None, no_records, "two.example"),
        (None, two_demand, ""),
    ],
    ids=["another certificate", "no answer", "another host"],
)
@pytest.mark.parametrize("later_s", [0, 2 * 86_400])
def test_what_sets_the_policy_aside_does_not_wait_behind_what_it_holds_back(
    record: Tlsa | None, prepare: Callable[[RelayProvider], None], zones: str, later_s: int
) -> None:
    """A report, on the failure that keeps all other mail from the domain."""

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        prepare(provider)
        for _ in range(WAITING):
            await provider.queue("a@two.example")
        await provider.pass_(later_s + 1)
        connections = peer.connections
        await provider.queue("tls@two.example", octets=NO_TLS, sender=None, account=None)
        await provider.pass_(1)
        assert peer.addresses == ["tls@two.example"]
        assert peer.connections <= connections + 1
        assert provider.waiting() == ["a@two.example"] * WAITING
        assert "two.example" in last_of_all(provider)

    run(test, *filter(None, [record]), zones=Zones(*filter(None, [zones])), chain=(OTHER.der,))


def test_a_host_that_does_not_do_is_not_tried_for_each_message() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        for _ in range(WAITING):
            await provider.queue("a@two.example")
        await provider.pass_(1)
        assert 1 <= peer.connections < WAITING // 3
        assert len(provider.rows("SELECT 1 FROM queue_recipients WHERE attempts = 1")) == WAITING
        peer.chain = GOOD
        await provider.pass_(3600)
        assert len(peer.received) == WAITING

    run(test, SERVER.tlsa(3), chain=(OTHER.der,))


@pytest.mark.rfc("8689 §4.1", "MUST")
@pytest.mark.parametrize("sender", ["anna@one.example", None])
def test_with_requiretls_the_field_means_nothing(sender: str | None) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer, octets=NO_TLS, sender=sender, require_tls=True)
        assert "TLSA records" in last(provider)[1]

    run(test, SERVER.tlsa(3), chain=(OTHER.der,), extensions=REQUIRETLS)
