"""Whether the certificates that a server presented match its TLSA records."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Tlsa
from pillarbox.trust.dane import Matched, Mismatch, match_chain
from pillarbox.trust.dane.certificate import is_safe, name_matches, public_key_octets
from pillarbox.trust.dane.chain import MAX_CHAIN_OCTETS, MAX_PATH_OCTETS
from pillarbox.trust.tls_result import TlsResult
from tests.kit.certificates import NOW_S, Issued, client_only, constrained_to, issued

HOST = "mx.two.example"
ROOT = issued("root", ca=True)
MIDDLE = issued("middle", ROOT, ca=True, path_length=0)
SERVER = issued("", MIDDLE, names=(HOST,))
DIRECT = issued("", ROOT, names=(HOST,))


def match(records: list[Tlsa], *chain: Issued, names: tuple[str, ...] = (HOST,)) -> int | TlsResult:
    found = match_chain(records, names, [one.der for one in chain], NOW_S)
    return found.usage if isinstance(found, Matched) else found.result


# --- usage 3


@pytest.mark.rfc("7672 §3.1.1", "MUST")
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching_type", [0, 1, 2])
def test_the_servers_own_certificate_matches(selector: int, matching_type: int) -> None:
    """Whatever its names are, and though it has expired."""
    own = issued("elsewhere", names=("other.example",), days=(-30, -1))
    assert match([own.tlsa(3, selector, matching_type)], own) == 3
    assert match([SERVER.tlsa(3, selector, matching_type)], own) is TlsResult.CERTIFICATE_NOT_TRUSTED


@pytest.mark.rfc("7671 §5.1", "MUST")
def test_usage_3_looks_at_no_other_certificate() -> None:
    assert match([ROOT.tlsa(3)], DIRECT, ROOT) is TlsResult.CERTIFICATE_NOT_TRUSTED


@pytest.mark.rfc("7671 §8.1", "MUST")
def test_a_renewed_certificate_with_the_same_key_matches_still() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    old, new = issued(names=(HOST,), key=key), issued(names=(HOST,), key=key, days=(-1, 90))
    assert match([old.tlsa(3, 1, 1)], new) == 3
    assert match([old.tlsa(3, 0, 1)], new) is TlsResult.CERTIFICATE_NOT_TRUSTED


def test_one_record_that_matches_is_enough() -> None:
    assert match([SERVER.tlsa(3), DIRECT.tlsa(3)], DIRECT) == 3
    assert match([SERVER.tlsa(3), ROOT.tlsa(2)], DIRECT, ROOT) == 2


# --- usage 2


@pytest.mark.rfc("7672 §3.1.2", "MUST")
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching_type", [0, 1, 2])
def test_a_chain_leads_to_the_root_or_an_issuer_between(selector: int, matching_type: int) -> None:
    root, middle = ROOT.tlsa(2, selector, matching_type), MIDDLE.tlsa(2, selector, matching_type)
    assert match([root], SERVER, MIDDLE, ROOT) == 2
    assert match([middle], SERVER, MIDDLE) == 2
    assert match([middle], SERVER, MIDDLE, ROOT) == 2
    assert match([root], DIRECT, MIDDLE, ROOT) == 2  # one that has nothing to do with it


@pytest.mark.rfc("7671 §5.2.2", "MUST")
def test_a_trust_anchor_that_is_not_sent_is_known_only_where_it_stands_in_the_record() -> None:
    assert match([ROOT.tlsa(2, 0, 0)], SERVER, MIDDLE) == 2
    assert match([ROOT.tlsa(2, 1, 0)], SERVER, MIDDLE) == 2  # RFC 7671 §5.2.3
    for selector, matching_type in ((0, 1), (1, 1), (1, 2)):
        records = [ROOT.tlsa(2, selector, matching_type)]
        assert match(records, SERVER, MIDDLE) is TlsResult.CERTIFICATE_NOT_TRUSTED


def test_the_order_of_what_is_sent_does_not_matter() -> None:
    assert match([ROOT.tlsa(2)], SERVER, ROOT, MIDDLE) == 2


@pytest.mark.rfc("7672 §3.1.2", "MUST")
def test_a_public_or_other_authority_is_no_trust_anchor() -> None:
    other = issued("root", ca=True)
    assert match([other.tlsa(2)], SERVER, MIDDLE, ROOT) is TlsResult.CERTIFICATE_NOT_TRUSTED
    assert match([other.tlsa(2, 0, 0)], SERVER, MIDDLE, ROOT) is TlsResult.CERTIFICATE_NOT_TRUSTED
    # Sent along, but it has signed nothing of it
    assert match([other.tlsa(2)], SERVER, MIDDLE, ROOT, other) is TlsResult.CERTIFICATE_NOT_TRUSTED


def test_the_servers_own_certificate_is_no_trust_anchor() -> None:
    own = issued("", names=(HOST,), ca=True)
    assert match([own.tlsa(2)], own) is TlsResult.CERTIFICATE_NOT_TRUSTED
    assert match([own.tlsa(2)], own, own) is TlsResult.CERTIFICATE_NOT_TRUSTED


@pytest.mark.rfc("7672 §3.2.2", "MUST")
@pytest.mark.parametrize(
    ("shown", "wanted", "good"),
    [
        (("mx.two.example",), ("mx.two.example",), True),
        (("MX.Two.Example.",), ("mx.two.example",), True),
        (("two.example",), ("mx.two.example", "two.example"), True),
        (("other.example",), ("mx.two.example", "two.example"), False),
        (("*.two.example",), ("mx.two.example",), True),
        (("*.two.example",), ("two.example",), False),
        (("*.two.example",), ("a.mx.two.example",), False),
        (("m*.two.example",), ("mx.two.example",), False),
        (("*.example",), ("two.example",), False),
    ],
)
def test_the_certificate_has_to_be_for_a_reference_name(
    shown: tuple[str, ...], wanted: tuple[str, ...], good: bool
) -> None:
    own = issued("", ROOT, names=shown)
    expected = 2 if good else TlsResult.CERTIFICATE_HOST_MISMATCH
    assert match([ROOT.tlsa(2)], own, ROOT, names=wanted) == expected


@pytest.mark.rfc("7672 §3.2.3", "MUST")
def test_the_common_name_counts_only_without_dns_names() -> None:
    assert match([ROOT.tlsa(2)], issued(HOST, ROOT), ROOT) == 2
    with_names = issued(HOST, ROOT, names=("other.example",))
    assert match([ROOT.tlsa(2)], with_names, ROOT) is TlsResult.CERTIFICATE_HOST_MISMATCH


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)])
def test_dates_count(days: tuple[int, int]) -> None:
    late_server = issued("", ROOT, names=(HOST,), days=days)
    assert match([ROOT.tlsa(2)], late_server, ROOT) is TlsResult.CERTIFICATE_EXPIRED
    late_root = issued("late", ca=True, days=days)
    server = issued("", late_root, names=(HOST,))
    assert match([late_root.tlsa(2)], server, late_root) is TlsResult.CERTIFICATE_EXPIRED


@pytest.mark.rfc("7671 §5.2.1", "SHOULD")
def test_who_may_not_sign_is_no_issuer() -> None:
    plain = issued("plain", ROOT, names=(HOST,))
    by_plain = issued("", plain, names=(HOST,))
    below_middle = issued("below", MIDDLE, ca=True)
    too_deep = issued("", below_middle, names=(HOST,))
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    no_signer = issued("no signer", ROOT, ca=True, extensions=((usage, True),))
    narrow = issued("narrow", ROOT, ca=True, extensions=(constrained_to("one.example"),))
    for issuers in (
        (by_plain, plain, ROOT),
        (too_deep, below_middle, MIDDLE, ROOT),
        (issued("", no_signer, names=(HOST,)), no_signer, ROOT),
        (issued("", narrow, names=(HOST,)), narrow, ROOT),
    ):
        assert match([ROOT.tlsa(2)], *issuers) is TlsResult.CERTIFICATE_NOT_TRUSTED
    wide = issued("wide", ROOT, ca=True, extensions=(constrained_to("two.example"),))
    assert match([ROOT.tlsa(2)], issued("", wide, names=(HOST,)), wide, ROOT) == 2


def test_a_certificate_that_is_not_for_servers_does_not_count() -> None:
    own = issued("", ROOT, names=(HOST,), extensions=(client_only(),))
    assert match([ROOT.tlsa(2)], own, ROOT) is TlsResult.CERTIFICATE_NOT_TRUSTED
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    own = issued("", ROOT, names=(HOST,), extensions=((strange, True),))
    assert match([ROOT.tlsa(2)], own, ROOT) is TlsResult.CERTIFICATE_NOT_TRUSTED
    own = issued("", ROOT, names=(HOST,), extensions=((strange, False),))
    assert match([ROOT.tlsa(2)], own, ROOT) == 2


# --- limits, and what strangers send


def test_no_certificates_and_too_many_octets_are_no_match() -> None:
    assert match([SERVER.tlsa(3)]) is TlsResult.VALIDATION_FAILURE
    found = match_chain([SERVER.tlsa(3)], [HOST], [SERVER.der, bytes(MAX_CHAIN_OCTETS)], NOW_S)
    assert isinstance(found, Mismatch)


def test_a_name_of_a_strange_kind_is_no_certificate() -> None:
    der = SERVER.der.replace(
        b"\x82" + bytes([len(HOST)]) + HOST.encode(), b"\xa3" + bytes([len(HOST)]) + HOST.encode()
    )
    assert der != SERVER.der
    found = match_chain([ROOT.tlsa(2)], [HOST], [der, MIDDLE.der, ROOT.der], NOW_S)
    assert found == Mismatch(TlsResult.VALIDATION_FAILURE, "the server's certificate cannot be read")


def test_many_octets_are_hashed_but_no_path_is_looked_for_in_them() -> None:
    chain = [SERVER.der, MIDDLE.der, ROOT.der, bytes(MAX_PATH_OCTETS)]
    assert match_chain([SERVER.tlsa(3)], [HOST], chain, NOW_S) == Matched(3)
    assert match_chain([ROOT.tlsa(2)], [HOST], chain[:3], NOW_S) == Matched(2)
    found = match_chain([ROOT.tlsa(2)], [HOST], chain, NOW_S)
    assert found == Mismatch(TlsResult.VALIDATION_FAILURE, "the server presented too many certificates")


@pytest.mark.parametrize(("exponent", "safe"), [(3, True), (65537, True), (2**64 + 1, False)])
def test_signatures_by_a_key_that_takes_long_do_not_count(exponent: int, safe: bool) -> None:
    key = rsa.RSAPublicNumbers(exponent, 2**2048 - 1).public_key()
    assert is_safe(SERVER.certificate, key) is safe


def test_certificates_that_sign_each_other_end_the_search() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    roots = [issued(name, ca=True, key=key) for name, key in zip(("a", "b"), keys, strict=True)]
    crossed = [issued("a", roots[1], ca=True, key=keys[0], days=(-day, 30)) for day in range(1, 5)] + [
        issued("b", roots[0], ca=True, key=keys[1], days=(-day, 30)) for day in range(1, 5)
    ]
    server = issued("", roots[0], names=(HOST,))
    assert match([ROOT.tlsa(2)], server, *crossed) is TlsResult.CERTIFICATE_NOT_TRUSTED


def test_the_key_is_cut_out_of_a_certificate_as_it_stands() -> None:
    for own in (ROOT, SERVER, DIRECT):
        assert public_key_octets(own.der) == own.public_key


@given(st.integers(0, len(DIRECT.der) - 1), st.integers(0, 255))
def test_a_changed_octet_never_matches_nor_raises(at: int, value: int) -> None:
    octets = bytearray(DIRECT.der)
    changed = octets[at] != value
    octets[at] = value
    found = match_chain([ROOT.tlsa(2), DIRECT.tlsa(3, 0, 1)], [HOST], [bytes(octets), ROOT.der], NOW_S)
    assert isinstance(found, Mismatch if changed else Matched)


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_octets_that_are_no_certificates_never_raise(chain: list[bytes]) -> None:
    for record in (ROOT.tlsa(2), ROOT.tlsa(2, 1, 0), ROOT.tlsa(3), ROOT.tlsa(3, 0, 0)):
        assert isinstance(match_chain([record], [HOST], chain, NOW_S), Mismatch)


def test_a_wildcard_is_no_top_level_domain() -> None:
    assert not name_matches("*.", "example.")
    assert not name_matches("*.com", "two.com")
