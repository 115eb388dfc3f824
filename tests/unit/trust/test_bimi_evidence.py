"""Mark certificates."""

import gzip
import ssl
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.bimi import logotype as reading
from pillarbox.trust.bimi.evidence import MAX_CERTIFICATES, MAX_NAMES, MAX_OWN_NAMES, Evidence, check
from tests.kit.marks import NOW, NOW_S, SVG, YEAR, Issuer, logotype

ORGANIZATION = "example.com"


@cache
def root() -> Issuer:
    return Issuer("root")


@cache
def between() -> Issuer:
    return Issuer("between", root(), path_length=0)


def checked(octets: bytes, *roots: Issuer, now_s: int = NOW_S) -> Evidence:
    return check(octets, ORGANIZATION, [each.octets for each in roots or (root(),)], now_s)


@pytest.mark.parametrize(
    "file",
    [
        lambda: root().mark(),
        lambda: between().mark() + between().pem(),
        lambda: between().mark() + between().pem() + root().pem(),
        lambda: root().mark(["other.example", "default._bimi.EXAMPLE.com"]),
        lambda: b"a comment\n" + root().mark(),
        lambda: root().mark(critical="1.3.6.1.4.1.53087.4.1"),
    ],
)
def test_evidence(file: Callable[[], bytes]) -> None:
    found = checked(file())
    assert (found.image, found.problem) == (SVG, "")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (lambda: b"", "one to"),
        (lambda: root().mark() * (MAX_CERTIFICATES + 1), "one to"),
        (lambda: root().mark() + b"x" * reading.MAX_FILE_OCTETS, "one to"),
        (lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (lambda: b"-----BEGIN CERTIFICATE-----", "cannot be read"),
        (lambda: Issuer("root").mark(), "no root"),
        (lambda: between().mark(), "no root"),
        (lambda: between().pem() + between().mark(), "brand indicators"),
        (lambda: between().mark() + Issuer("between", root()).pem(), "not signed by the next"),
        (lambda: root().mark(until=NOW - YEAR), "not valid at this time"),
        (lambda: root().mark([f"{number}.example.com" for number in range(MAX_NAMES + 1)]), "names"),
        (lambda: root().mark(purpose=ExtendedKeyUsageOID.SERVER_AUTH), "brand indicators"),
        (lambda: root().mark(extension=b""), "no indicator"),
        (lambda: root().mark(extension=b"\x30\x00"), "no readable indicator"),
        (lambda: root().mark(extension=logotype(hashed=b"x")), "no readable indicator"),
        (lambda: root().mark(critical="1.2.3.4"), "critical"),
    ],
)
def test_what_proves_nothing(file: Callable[[], bytes], words: str) -> None:
    found = checked(file())
    assert words in found.problem
    assert not found.image


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (["example.com"], ("example.com",)),
        (
            ["other.example", "default._bimi.EXAMPLE.com", "news.example.com", "anexample.com"],
            ("news.example.com", "default._bimi.example.com"),
        ),
        (["com", "example", "example.com.other"], ()),
    ],
)
def test_its_names_that_are_the_organizations(names: list[str], own: tuple[str, ...]) -> None:
    assert checked(root().mark(names)).names == own


def test_names_that_are_kept_have_a_limit() -> None:
    found = checked(root().mark([f"{number}.example.com" for number in range(MAX_NAMES)]))
    assert len(found.names) == MAX_OWN_NAMES


def test_until_when_it_proves_something() -> None:
    def until(mark: bytes, *roots: Issuer) -> int:
        return checked(mark, *roots).until_s - 1 - NOW_S

    short, long = Issuer("short", until=NOW + YEAR / 2), Issuer("long", until=NOW + 9 * YEAR)
    assert until(root().mark(until=NOW + YEAR / 4)) == YEAR.total_seconds() // 4
    assert until(short.mark(), short) == YEAR.total_seconds() // 2
    between = Issuer("between", long, until=NOW + YEAR / 3)
    assert until(between.mark() + between.pem(), long) == YEAR.total_seconds() // 3
    assert until(long.mark() + long.pem() + short.pem(), long) == YEAR.total_seconds(), (
        "not of what is behind"
    )


def test_a_name_of_a_strange_kind_is_no_error() -> None:
    der = ssl.PEM_cert_to_DER_cert(root().mark(["example.com"]).decode())
    strange = der.replace(b"\x82\x0bexample.com", b"\xa3\x0bexample.com")
    assert "cannot be read" in checked(ssl.DER_cert_to_PEM_cert(strange).encode()).problem


def test_who_may_issue() -> None:
    below = Issuer("below", between())
    assert "may not sign" in checked(below.mark() + below.pem() + between().pem()).problem
    nobody = Issuer("nobody", root(), authority=False)
    assert "may not sign" in checked(nobody.mark() + nobody.pem()).problem
    expired = Issuer("expired", until=NOW - YEAR)
    assert "root certificate is not valid" in checked(expired.mark(), expired).problem
    no_authority = Issuer("root", authority=False)
    assert "no root" in checked(no_authority.mark(), no_authority).problem


def test_without_roots_nothing_is_proven() -> None:
    assert "no root" in check(root().mark(), ORGANIZATION, [], NOW_S).problem
    assert "cannot be read" in check(root().mark(), ORGANIZATION, [b"x"], NOW_S).problem


@pytest.mark.parametrize("now_s", [0, -1, 2**40, 2**80])
def test_no_time_is_an_error(now_s: int) -> None:
    assert checked(root().mark(), now_s=now_s).problem


def test_the_hash_may_be_of_the_image_itself_and_sha1() -> None:
    """As in what authorities have issued."""
    assert reading.image(logotype(hashed=SVG)) == SVG
    assert reading.image(logotype(sha1=True)) == SVG
    assert reading.image(logotype(sha1=True, hashed=b"x")) is None


@pytest.mark.parametrize(
    "extension",
    [
        b"",
        logotype()[:-1],
        logotype() + b"x",
        logotype(scheme=b"https://example.com/"),
        logotype(scheme=b"data:image/png;base64,"),
        logotype(scheme=b"data:image/svg+xml;base64,!"),
        logotype(b"x" * 100_000),
        b"\x30\x80\x00\x00",
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30" * 1000,
    ],
)
def test_extensions_without_an_image(extension: bytes) -> None:
    assert reading.image(extension) is None


@given(st.binary())
def test_no_octets_are_an_error(octets: bytes) -> None:
    reading.image(octets)
    checked(b"-----BEGIN CERTIFICATE-----\n" + octets)


@given(st.integers(0, len(logotype()) - 1), st.integers(0, 255))
def test_no_octet_changed_is_an_error(place: int, octet: int) -> None:
    changed = bytearray(logotype())
    changed[place] = octet
    assert reading.image(bytes(changed)) in (None, SVG)


def test_no_certificate_changed_is_an_error() -> None:
    pem = root().mark()
    for place in range(30, len(pem) - 30, 7):
        checked(pem[:place] + b"A" + pem[place + 1 :])


def test_packed_twice() -> None:
    assert reading.image(logotype(gzip.compress(SVG, mtime=0))) == gzip.compress(SVG, mtime=0)
