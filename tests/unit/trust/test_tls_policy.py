"""DANE, MTA-STS and REQUIRETLS together: what a connection has to be, and what it means if it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Tlsa
from pillarbox.trust.dane import Authenticate, DaneVerdict, Deferred, Encrypt, NextHop, NoDane
from pillarbox.trust.mta_sts import Mode, StsPolicy
from pillarbox.trust.tls_policy import HostRefused, Level, TlsPolicy, asks_for_no_tls, failure, tls_policy
from pillarbox.trust.tls_result import TlsResult, of_handshake

HOST = "mx.two.example"
SIGNED, UNSIGNED = NextHop("two.example", secure=True), NextHop("two.example", secure=False)
RECORDS = (Tlsa(3, 1, 1, bytes(32)),)
DANE = Authenticate(HOST, RECORDS, (HOST, "two.example"), domain_secure=True)
HOST_ONLY = Authenticate(HOST, RECORDS, (HOST,), domain_secure=False)
ENFORCED = StsPolicy(Mode.ENFORCE, (HOST,), 86_400)
TESTED = StsPolicy(Mode.TESTING, (HOST,), 86_400)
ELSEWHERE = StsPolicy(Mode.ENFORCE, ("mx.three.example",), 86_400)


@pytest.mark.parametrize(
    ("hop", "dane", "sts", "level"),
    [
        (SIGNED, NoDane(), None, Level.OPPORTUNISTIC),
        (SIGNED, Encrypt(HOST), None, Level.ENCRYPTED),
        (SIGNED, DANE, None, Level.DANE),
        (UNSIGNED, HOST_ONLY, None, Level.DANE),
        (UNSIGNED, NoDane(), ENFORCED, Level.MTA_STS),
        (SIGNED, NoDane(), ENFORCED, Level.MTA_STS),
        (UNSIGNED, NoDane(), TESTED, Level.OPPORTUNISTIC),
        (UNSIGNED, Encrypt(HOST), ENFORCED, Level.MTA_STS),
        (SIGNED, DANE, ENFORCED, Level.DANE),
        (SIGNED, DANE, ELSEWHERE, Level.DANE),
        (UNSIGNED, HOST_ONLY, ENFORCED, Level.DANE),
    ],
)
@pytest.mark.rfc("8461 §2", "MUST NOT")
def test_dane_comes_before_mta_sts(
    hop: NextHop, dane: DaneVerdict, sts: StsPolicy | None, level: Level
) -> None:
    found = tls_policy(hop, HOST, dane, sts)
    assert isinstance(found, TlsPolicy)
    assert found.level is level
    assert (found.dane is not None) == (level is Level.DANE)


@pytest.mark.rfc("7672 §2.1.2", "MUST")
@pytest.mark.rfc("8461 §2", "MUST NOT")
@pytest.mark.parametrize("sts", [None, ENFORCED])
def test_a_failure_of_dane_is_not_made_good_by_a_policy(sts: StsPolicy | None) -> None:
    found = tls_policy(SIGNED, HOST, Deferred("the TLSA records cannot be looked up: bogus"), sts)
    assert isinstance(found, HostRefused)
    assert (found.status[0], found.result) == ("4", TlsResult.DNSSEC_INVALID)
    assert "bogus" in found.reason


@pytest.mark.rfc("8461 §5", "MUST NOT")
@pytest.mark.parametrize("dane", [NoDane(), Encrypt(HOST), HOST_ONLY])
def test_a_host_that_the_policy_does_not_allow_gets_no_mail(dane: DaneVerdict) -> None:
    """Least of all one that an unsigned, and so perhaps false, MX record names, however well DANE knows it."""
    found = tls_policy(UNSIGNED, HOST, dane, ELSEWHERE)
    assert isinstance(found, HostRefused)
    assert found.reason == "mx.two.example is no host that the MTA-STS policy of two.example allows"
    assert found.status[0] == "4"


@pytest.mark.rfc("7672 §2.2.1", "MUST NOT")
def test_a_host_of_an_unsigned_domain_is_not_shown_as_secure_delivery() -> None:
    found = tls_policy(UNSIGNED, HOST, HOST_ONLY, None)
    assert isinstance(found, TlsPolicy)
    assert found.achieved == "dane: host authenticated, MX not"
    refused = failure(found, TlsResult.CERTIFICATE_NOT_TRUSTED, "no record matches")
    assert refused.reason == (
        "no record matches, as the TLSA records of mx.two.example (host authenticated, MX not) demand"
    )


@pytest.mark.parametrize(
    ("dane", "sts", "result", "status", "words"),
    [
        (DANE, None, TlsResult.STARTTLS_NOT_SUPPORTED, "4.7.10", "the TLSA records of mx.two.example demand"),
        (DANE, None, TlsResult.CERTIFICATE_NOT_TRUSTED, "4.7.5", "the TLSA records of mx.two.example demand"),
        (
            NoDane(),
            ENFORCED,
            TlsResult.CERTIFICATE_EXPIRED,
            "4.7.5",
            "the MTA-STS policy of two.example demands",
        ),
    ],
)
def test_a_failure_says_who_demands_what(
    dane: DaneVerdict, sts: StsPolicy | None, result: TlsResult, status: str, words: str
) -> None:
    policy = tls_policy(SIGNED, HOST, dane, sts)
    assert isinstance(policy, TlsPolicy)
    assert failure(policy, result, "it failed") == HostRefused(status, f"it failed, as {words}", result)


# --- REQUIRETLS


@pytest.mark.rfc("8689 §4.2.1", "MUST")
@pytest.mark.parametrize(
    ("hop", "dane", "sts", "level"),
    [
        (SIGNED, NoDane(), None, Level.VERIFIED),
        (SIGNED, Encrypt(HOST), None, Level.VERIFIED),
        (SIGNED, DANE, None, Level.DANE),
        (UNSIGNED, NoDane(), ENFORCED, Level.MTA_STS),
        (UNSIGNED, NoDane(), TESTED, Level.VERIFIED),
        (UNSIGNED, HOST_ONLY, TESTED, Level.DANE),
        (UNSIGNED, NoDane(), None, None),
        (UNSIGNED, HOST_ONLY, None, None),
        (UNSIGNED, NoDane(), StsPolicy(Mode.TESTING, ("other.example",), 1), None),
    ],
)
def test_requiretls_needs_a_certain_name_and_a_verified_certificate(
    hop: NextHop, dane: DaneVerdict, sts: StsPolicy | None, level: Level | None
) -> None:
    found = tls_policy(hop, HOST, dane, sts, require_tls=True)
    if level is None:
        assert isinstance(found, HostRefused)
        assert found.status == "5.7.10"
    else:
        assert isinstance(found, TlsPolicy)
        assert found.level is level


@pytest.mark.rfc("8689 §4.2.1", "SHOULD")
def test_what_requiretls_demands_is_final() -> None:
    policy = tls_policy(SIGNED, HOST, NoDane(), None, require_tls=True)
    assert isinstance(policy, TlsPolicy)
    assert failure(policy, TlsResult.STARTTLS_NOT_SUPPORTED, "no STARTTLS").status == "5.7.10"


# --- TLS-Required: No


@pytest.mark.rfc("8689 §4.2.2", "MUST")
@pytest.mark.parametrize("dane", [DANE, Deferred("bogus"), Encrypt(HOST), NoDane()])
def test_a_message_may_set_policies_aside(dane: DaneVerdict) -> None:
    found = tls_policy(SIGNED, HOST, dane, ELSEWHERE, tls_optional=True)
    assert isinstance(found, TlsPolicy)
    assert found.level is Level.OPPORTUNISTIC


@pytest.mark.rfc("8689 §4.1", "MUST")
def test_the_field_is_ignored_beside_requiretls() -> None:
    found = tls_policy(SIGNED, HOST, DANE, None, require_tls=True, tls_optional=True)
    assert isinstance(found, TlsPolicy)
    assert found.level is Level.DANE


@pytest.mark.rfc("8689 §3", "MUST NOT")
@pytest.mark.parametrize(
    ("header", "asks"),
    [
        (b"TLS-Required: No", True),
        (b"tls-required:no", True),
        (b"TLS-Required:\r\n No", True),
        (b"Subject: TLS-Required: No", False),
        (b"TLS-Required: Yes", False),
        (b"TLS-Required: No\r\nTLS-Required: No", False),
        (b"Subject: x\r\n\r\nTLS-Required: No", False),
        (b"", False),
    ],
)
def test_the_field_is_read_from_the_header(header: bytes, asks: bool) -> None:
    assert asks_for_no_tls(header + b"\r\n\r\nbody\r\n") is asks


@given(st.binary(max_size=200))
def test_any_octets_are_read(octets: bytes) -> None:
    assert isinstance(asks_for_no_tls(octets), bool)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("certificate verify failed: certificate has expired", TlsResult.CERTIFICATE_EXPIRED),
        ("certificate verify failed: Hostname mismatch, …", TlsResult.CERTIFICATE_HOST_MISMATCH),
        ("certificate verify failed: self-signed certificate", TlsResult.CERTIFICATE_NOT_TRUSTED),
        ("wrong version number", TlsResult.VALIDATION_FAILURE),
    ],
)
def test_what_openssl_says_has_a_result_type(text: str, result: TlsResult) -> None:
    assert of_handshake(text) is result
