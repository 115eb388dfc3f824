"""Sessions are counted for reports about TLS, by the policy that was applied."""

from typing import Any

import pytest

from pillarbox.dns import Tlsa
from pillarbox.reports import counting, observed
from pillarbox.trust.mta_sts import Mode, StsPolicy
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
