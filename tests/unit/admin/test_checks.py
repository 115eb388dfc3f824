"""Checks find problems, and each result has a remedy."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pillarbox.admin.checks import certificates, dns, machine
from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.world.resolver.records import Failure, Kind, Mx
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.tls import authority
from pillarbox.world.tls.server import CertificateFiles

HOST = "mail.example.org"
NOW_MS = 1_750_000_000_000
DAY_MS = 86_400_000
ADDRESS, REVERSE = "193.0.6.139", "139.6.0.193.in-addr.arpa"


def zone() -> ZoneResolver:
    return ZoneResolver(
        ["example.org", "in-addr.arpa"],
        {
            (HOST, Kind.A): (ADDRESS,),
            (REVERSE, Kind.PTR): (HOST,),
            ("example.org", Kind.MX): (Mx(10, HOST),),
            ("example.org", Kind.TXT): (b"v=spf1 mx -all", b"other"),
            ("_dmarc.example.org", Kind.TXT): (b"v=DMARC1; p=none",),
        },
    )


def collected(findings: AsyncIterator[CheckResult]) -> list[CheckResult]:
    async def collect() -> list[CheckResult]:
        return [one async for one in findings]

    return asyncio.run(collect())


def looked_up(resolver: ZoneResolver) -> list[CheckResult]:
    return [
        *collected(dns.host(resolver, HOST)),
        *collected(dns.domain(resolver, "example.org", HOST)),
    ]


def test_all_is_well() -> None:
    assert {one.level for one in looked_up(zone())} == {Level.OK}


@pytest.mark.parametrize(
    ("name", "kind", "records", "level", "found", "remedy"),
    [
        (HOST, Kind.A, (), "problem", "the name has no address", f"{HOST}. A <this machine's"),
        (HOST, Kind.A, ("10.0.0.1",), "warning", "can't be reached from the Internet", "public address"),
        (REVERSE, Kind.PTR, (), "problem", "the address has no PTR record", f"PTR record to {HOST}"),
        (REVERSE, Kind.PTR, ("x.isp.example",), "problem", "PTR record of the address is x.isp.example", "PTR record"),
        ("example.org", Kind.MX, (), "problem", "no MX record", f"example.org. MX 10 {HOST}."),
        ("example.org", Kind.MX, (Mx(5, "mx.other"),), "problem", "name other hosts: mx.other", "Set:"),
        ("example.org", Kind.MX, (Mx(0, ""),), "problem", "nowhere (null MX)", "Set:"),
        ("example.org", Kind.TXT, (), "warning", "no SPF record", '"v=spf1 mx -all"'),
        ("example.org", Kind.TXT, (b"v=spf1 -all", b"v=spf1 +all"), "problem", "2 SPF records", "all but one"),
        ("_dmarc.example.org", Kind.TXT, (), "warning", "no DMARC record", "_dmarc.example.org. TXT"),
    ],
)  # fmt: skip
def test_a_record_that_is_wrong(
    name: str, kind: Kind, records: tuple[object, ...], level: str, found: str, remedy: str
) -> None:
    resolver = zone()
    resolver.put(name, kind, *records)  # type: ignore[arg-type]

    (wrong,) = [one for one in looked_up(resolver) if one.level is not Level.OK]

    assert wrong.level == level
    assert found in wrong.found
    assert remedy in wrong.remedy


def test_name_servers_that_do_not_answer() -> None:
    silent = ZoneResolver([], {}, outside=Failure("timeout"))

    found = looked_up(silent)

    assert {one.level for one in found} == {Level.PROBLEM}
    assert all("resolv.conf" in one.remedy for one in found)


def test_a_domain_that_does_not_exist() -> None:
    assert "does not exist" in collected(dns.domain(ZoneResolver([], {}), "example.org", HOST))[0].found


@pytest.fixture
def made(tmp_path: Path) -> CertificateFiles:
    return authority.ensure(tmp_path, [HOST], now_ms=NOW_MS).server


@pytest.mark.parametrize(
    ("days", "level", "found"),
    [
        (0, Level.OK, "more days"),
        (390, Level.WARNING, "it expires in"),
        (400, Level.PROBLEM, "it expired"),
        (-9, Level.PROBLEM, "not valid yet"),
    ],
)
def test_the_age_of_a_certificate(made: CertificateFiles, days: int, level: Level, found: str) -> None:
    (one,) = certificates.certificates([made], HOST, now_ms=NOW_MS + days * DAY_MS)

    assert one.level is level
    assert found in one.found


def test_a_certificate_for_another_name_or_none(made: CertificateFiles) -> None:
    _, other = certificates.certificates([made], "imap.example.org", now_ms=NOW_MS)
    assert f"only for {HOST}" in other.found
    (none,) = certificates.certificates([], HOST, now_ms=NOW_MS)
    assert none.level is Level.WARNING
    assert "[[certificates]]" in none.remedy


def test_a_certificate_that_can_not_be_read(made: CertificateFiles, tmp_path: Path) -> None:
    made.key.write_text("x")
    (one,) = certificates.certificates([made], HOST, now_ms=NOW_MS)
    assert one.level is Level.PROBLEM


def test_a_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    assert "pillarbox init" in next(machine.data_directory(folder, owner=None)).remedy
    folder.mkdir(mode=0o700)
    owner = folder.stat().st_uid
    assert {one.level for one in machine.data_directory(folder, owner=owner)} == {Level.OK}
    assert "chown" in next(machine.data_directory(folder, owner=owner + 1)).remedy
    folder.chmod(0o755)
    assert "chmod 700" in next(machine.data_directory(folder, owner=owner)).remedy
    monkeypatch.setattr(machine, "LOW_SPACE_OCTETS", 1 << 62)
    assert [one.level for one in machine.data_directory(folder, owner=None)][-1] is Level.WARNING
    monkeypatch.setattr(machine, "TOO_LOW_SPACE_OCTETS", 1 << 62)
    assert [one.level for one in machine.data_directory(folder, owner=None)][-1] is Level.PROBLEM


def test_a_port_that_another_program_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        number = door.getsockname()[1]

        def greet() -> None:
            line, _ = door.accept()
            line.sendall(b"220 other.example ESMTP Sendmail\r\n")
            line.close()

        thread = threading.Thread(target=greet)
        thread.start()
        found = machine.port("smtp", "127.0.0.1", number, hostname=HOST)
        thread.join()
    assert found.level is Level.PROBLEM
    assert "Sendmail" in found.found
    assert f"sport = :{number}" in found.remedy
    assert machine.port("smtp", "127.0.0.1", number, hostname=HOST).found == "nothing listens"
