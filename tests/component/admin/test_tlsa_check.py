"""TLSA records are compared with the certificates that are configured."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from pillarbox.admin.checks import certificates, tlsa
from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.dns import Kind, Tlsa
from pillarbox.trust.dane.certificate import public_key_octets
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.tls import authority
from pillarbox.world.tls.server import CertificateFiles

HOST = "mail.example.org"
NOW_MS = 1_750_000_000_000
NAME = f"_25._tcp.{HOST}"


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return authority.ensure(tmp_path, [HOST], now_ms=NOW_MS).server


def digest(files: CertificateFiles) -> bytes:
    (chain,) = certificates.chains([files])
    return hashlib.sha256(public_key_octets(chain[0])).digest()


def checked(files: CertificateFiles, *records: Tlsa, signed: bool = True) -> list[CheckResult]:
    resolver = ZoneResolver(
        ["example.org"], {(HOST, Kind.A): ("193.0.6.139",), (NAME, Kind.TLSA): records}, authenticated=signed
    )
    return asyncio.run(tlsa.check(resolver, HOST, certificates.chains([files]), now_ms=NOW_MS))


def test_the_record_of_the_key_is_right(files: CertificateFiles) -> None:
    assert [one.level for one in checked(files, Tlsa(3, 1, 1, digest(files)))] == [Level.OK]
    both = (Tlsa(3, 1, 1, bytes(32)), Tlsa(3, 1, 1, digest(files)))
    assert [one.level for one in checked(files, *both)] == [Level.OK]


@pytest.mark.rfc("7671 §8.1", "MUST")
@pytest.mark.parametrize(
    "association", [bytes(32), hashlib.sha256(b"").digest()], ids=["zeros", "of nothing"]
)
def test_the_record_of_another_key_is_a_problem(files: CertificateFiles, association: bytes) -> None:
    (one,) = checked(files, Tlsa(3, 1, 1, association))
    assert one.level is Level.PROBLEM
    assert f"{NAME}. TLSA 3 1 1 {digest(files).hex()}" in one.remedy


def test_records_that_nobody_can_use_are_told(files: CertificateFiles) -> None:
    (one,) = checked(files, Tlsa(3, 1, 1, b"short"), Tlsa(1, 1, 1, digest(files)))
    assert (one.level, "no TLSA record that is usable" in one.found) == (Level.WARNING, True)


def test_where_the_zone_is_signed_a_record_is_suggested(files: CertificateFiles) -> None:
    (one,) = checked(files)
    assert one.level is Level.ADVICE
    assert f"{NAME}. TLSA 3 1 1 {digest(files).hex()}" in one.remedy


def test_where_the_zone_is_not_signed_nothing_is_said(files: CertificateFiles) -> None:
    assert checked(files, signed=False) == []
    assert checked(files, Tlsa(3, 1, 1, bytes(32)), signed=False) == []


def test_a_file_that_is_no_certificate_is_left_to_the_other_check(files: CertificateFiles) -> None:
    files.chain.write_text("x")
    assert checked(files, Tlsa(3, 1, 1, bytes(32))) == []
