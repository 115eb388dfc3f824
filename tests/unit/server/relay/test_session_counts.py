"""Sessions are counted for reports about TLS, by the policy that was applied."""

from typing import Any

import pytest

from pillarbox.dns import Failure, Kind, Tlsa
from pillarbox.reports import counting, observed
from pillarbox.trust.mta_sts import Mode, StsPolicy, policy_id, policy_text
from pillarbox.trust.questions import FetchFailed, Page
from pillarbox.trust.tls_report import SessionCount
from pillarbox.trust.tls_result import TlsResult
from tests.kit.smtp.peer import SmtpPeer
from tests.kit.smtp.relay import MESSAGE, RelayProvider
from tests.unit.server.relay.test_transport import (
    ENFORCED,
    GOOD,
    HOST,
    OTHER,
    SERVER,
    URL,
    WEEK_S,
    Zones,
    delivered,
    publish,
    run,
)

TESTING = StsPolicy(Mode.TESTING, (HOST,), WEEK_S)
ELSEWHERE = StsPolicy(Mode.TESTING, ("mx.three.example",), WEEK_S)
PLAIN = ("8BITMIME",)


def counted(provider: RelayProvider) -> list[SessionCount]:
    def read(tx: Any) -> list[SessionCount]:
        found = counting.before(tx, 2**40, limit=9)
        assert {one.domain for one in found} <= {"two.example"}
        return [session for one in found for session in observed.sessions(tx, one)]

    return provider.database.read_now(read)


@pytest.mark.rfc("8460 §4.3", "MUST")
@pytest.mark.parametrize(
    ("policy", "traits", "kind", "result"),
    [
        (None, {}, "no-policy-found", None),
        (None, {"extensions": PLAIN}, "no-policy-found", TlsResult.STARTTLS_NOT_SUPPORTED),
        (None, {"handshake": False}, "no-policy-found", TlsResult.VALIDATION_FAILURE),
        (ENFORCED, {}, "sts", None),
        (ENFORCED, {"extensions": PLAIN}, "sts", TlsResult.STARTTLS_NOT_SUPPORTED),
        (ENFORCED, {"distrusted": "certificate has expired"}, "sts", TlsResult.CERTIFICATE_EXPIRED),
        (TESTING, {}, "sts", None),
        (TESTING, {"extensions": PLAIN}, "sts", TlsResult.STARTTLS_NOT_SUPPORTED),
        (TESTING, {"distrusted": "Hostname mismatch"}, "sts", TlsResult.CERTIFICATE_HOST_MISMATCH),
        (TESTING, {"handshake": False}, "sts", TlsResult.VALIDATION_FAILURE),
        (ELSEWHERE, {}, "sts", TlsResult.VALIDATION_FAILURE),
    ],
)
def test_a_session_counts_once(
    policy: StsPolicy | None, traits: dict[str, Any], kind: str, result: TlsResult | None
) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, policy)
        assert await delivered(provider, peer) == (policy is not ENFORCED or result is None)
        (one,) = counted(provider)
        assert (one.policy.kind, one.policy.domain, one.result, one.count) == (kind, "two.example", result, 1)
        assert one.mx_host == (HOST if result else "")

    run(test, zones=Zones(), **traits)


@pytest.mark.parametrize(
    ("chain", "result"), [(GOOD, None), ((OTHER.der,), TlsResult.CERTIFICATE_NOT_TRUSTED)]
)
def test_sessions_by_dane(chain: tuple[bytes, ...], result: TlsResult | None) -> None:
    record: Tlsa = SERVER.tlsa(3)

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer) == (result is None)
        (one,) = counted(provider)
        assert (one.policy.kind, one.result) == ("tlsa", result or one.result)
        assert (one.result is None) == (result is None)
        assert one.policy.strings == (f"3 1 1 {record.association.hex()}",)

    run(test, record, chain=chain)


UNUSABLE = Tlsa(1, 1, 1, bytes(32))


@pytest.mark.rfc("8460 §4.3.2.1", "MUST")
@pytest.mark.parametrize(
    ("traits", "result"),
    [
        ({}, TlsResult.TLSA_INVALID),
        ({"extensions": PLAIN}, TlsResult.STARTTLS_NOT_SUPPORTED),
        ({"handshake": False}, TlsResult.VALIDATION_FAILURE),
    ],
)
def test_records_of_which_none_is_usable_are_told(traits: dict[str, Any], result: TlsResult) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer) == (result is TlsResult.TLSA_INVALID)
        (one,) = counted(provider)
        assert (one.policy.kind, one.result, one.count, one.mx_host) == ("tlsa", result, 1, HOST)
        assert one.policy.strings == (f"1 1 1 {'00' * 32}",)

    run(test, UNUSABLE, **traits)


@pytest.mark.rfc("8460 §4.3.2.1", "MUST")
def test_records_that_cannot_be_looked_up_are_told() -> None:
    zones = Zones("two.example")
    zones.fixed[f"_25._tcp.{HOST}", Kind.TLSA] = Failure("server says SERVFAIL")

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert not await delivered(provider, peer)
        (one,) = counted(provider)
        assert (one.policy.kind, one.result, one.count) == ("tlsa", TlsResult.DNSSEC_INVALID, 1)
        assert one.mx_host == HOST
        assert one.reason.endswith("cannot be looked up: server says SERVFAIL")

    run(test, zones=zones)


FETCHES = [
    (FetchFailed("the server says 404", "status"), TlsResult.STS_POLICY_FETCH_ERROR),
    (FetchFailed("certificate has expired", "tls"), TlsResult.STS_WEBPKI_INVALID),
    (Page("text/html", policy_text(ENFORCED).encode()), TlsResult.STS_POLICY_INVALID),
    (Page("text/plain", b"mode: enforce\n"), TlsResult.STS_POLICY_INVALID),
]


@pytest.mark.rfc("8460 §4.3.2.2", "MUST")
@pytest.mark.rfc("8461 §6", "SHOULD")
@pytest.mark.parametrize(("found", "result"), FETCHES)
def test_a_policy_that_cannot_be_fetched_counts_beside_the_session(
    found: Page | FetchFailed, result: TlsResult
) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        provider.fetcher.put(URL, found)
        provider.resolver.put("_mta-sts.two.example", Kind.TXT, b"v=STSv1; id=1;")
        for _ in range(2):  # one fetch
            assert await delivered(provider, peer)
        failed, session = sorted(counted(provider), key=lambda one: one.result is None)
        assert (failed.policy.kind, failed.result, failed.count) == ("sts", result, 1)
        assert (failed.policy.strings, failed.mx_host, bool(failed.reason)) == ((), "", True)
        assert (session.policy.kind, session.result) == ("no-policy-found", None)
        await provider.pass_(301)
        assert await delivered(provider, peer)
        assert sum(one.count for one in counted(provider) if one.result) == 2

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §6", "SHOULD")
@pytest.mark.parametrize("identity", [None, policy_id(ENFORCED)])
def test_a_renewal_that_fails_counts_under_the_policy_that_is_known(identity: str | None) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, ENFORCED)
        assert await delivered(provider, peer)
        publish(provider, None, identity)
        await provider.pass_(2 * 86_400)
        assert await delivered(provider, peer)
        (failed,) = (one for one in counted(provider) if one.result)
        assert (failed.policy.kind, failed.policy.mx) == ("sts", (HOST,))
        assert (failed.result, failed.reason) == (TlsResult.STS_POLICY_FETCH_ERROR, "refused")
        assert sum(one.count for one in counted(provider) if not one.result) == 2

    run(test, zones=Zones())


@pytest.mark.rfc("8461 §6", "SHOULD")
def test_the_end_of_a_policy_is_no_failure() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, StsPolicy(Mode.NONE, (), WEEK_S))
        assert await delivered(provider, peer)
        publish(provider, None)
        await provider.pass_(2 * 86_400)
        assert await delivered(provider, peer)
        assert provider.fetcher.fetched == [URL, URL]
        assert not [one for one in counted(provider) if one.result]

    run(test, zones=Zones())


def test_a_policy_that_cannot_be_fetched_for_a_report_is_not_counted() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, None, "1")
        report = b"TLS-Required: No\r\n" + MESSAGE
        assert await delivered(provider, peer, octets=report, sender=None, account=None)
        assert provider.fetcher.fetched == [URL]
        assert not counted(provider)

    run(test, zones=Zones())


def test_a_policy_of_many_hosts_is_counted_as_well() -> None:
    """Of its text, there is as much as a row may have."""
    names = tuple(f"host{number}.two.example" for number in range(400))

    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, StsPolicy(Mode.ENFORCE, (HOST, *names), WEEK_S))
        assert await delivered(provider, peer)
        (one,) = counted(provider)
        assert (one.result, one.policy.mx[0]) == (None, HOST)

    run(test, zones=Zones())


def test_messages_on_one_connection_are_one_session() -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        assert await delivered(provider, peer)
        assert await delivered(provider, peer)
        assert sum(one.count for one in counted(provider)) == peer.connections

    run(test, zones=Zones())


@pytest.mark.parametrize("policy", [None, ENFORCED, TESTING])
def test_the_session_of_a_report_is_not_counted(policy: StsPolicy | None) -> None:
    async def test(provider: RelayProvider, peer: SmtpPeer) -> None:
        publish(provider, policy)
        report = b"TLS-Required: No\r\n" + MESSAGE
        assert await delivered(provider, peer, octets=report, sender=None, account=None)
        assert not counted(provider)

    run(test, zones=Zones(), distrusted="certificate has expired")
