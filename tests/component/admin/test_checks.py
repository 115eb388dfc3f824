"""Checks find problems, and each result has a remedy."""

import os
import pwd
import socket
import threading
from pathlib import Path

import pytest

from pillarbox.admin.checks import certificates, machine
from pillarbox.admin.checks.result import Level
from pillarbox.world.tls import authority
from pillarbox.world.tls.server import CertificateFiles
from tests.kit.marks import NOW, NOW_S, YEAR, Issuer

HOST = "mail.example.org"
NOW_MS = 1_750_000_000_000
DAY_MS = 86_400_000


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


def test_the_roots_of_mark_authorities(tmp_path: Path) -> None:
    def found(*roots: bytes) -> list[tuple[Level, str]]:
        path = tmp_path / "roots.pem"
        path.write_bytes(b"".join(roots))
        return [(one.level, one.found) for one in certificates.mark_authorities(path, now_ms=NOW_S * 1000)]

    good, old = Issuer("good").pem(), Issuer("old", until=NOW - YEAR).pem()
    believed = (Level.OK, "mark certificates by 1 root are believed")
    expired = (Level.WARNING, "expired: CN=old")
    assert found(good) == [believed]
    assert found(good, old) == [expired, believed]
    assert found(old) == [expired]
    assert [level for level, _ in found(b"x")] == [Level.PROBLEM]
    (missing,) = certificates.mark_authorities(tmp_path / "missing", now_ms=0)
    assert (missing.level, bool(missing.remedy)) == (Level.PROBLEM, True)


def test_the_folder_of_the_log(tmp_path: Path) -> None:
    assert [*machine.log_file(tmp_path / "log")] == []
    (found,) = machine.log_file(tmp_path / "missing" / "log")
    assert (found.level, found.remedy) == (Level.PROBLEM, f"Make it: mkdir {tmp_path}/missing")


def test_a_data_directory(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert "pillarbox restore" in next(machine.data_directory(folder, owner=None)).remedy
    folder.mkdir(mode=0o700)
    owner = folder.stat().st_uid
    assert {one.level for one in machine.data_directory(folder, owner=owner)} == {Level.OK}
    assert "chown" in next(machine.data_directory(folder, owner=owner + 1)).remedy
    if owner == 0:
        assert f"chown -R {pwd.getpwuid(1).pw_name} " in next(machine.data_directory(folder, owner=1)).remedy
    (folder / "blobs").mkdir()
    (folder / "blobs" / "one").touch()
    assert next(machine.data_directory(folder, owner=owner)).level is Level.OK
    if os.geteuid() == 0:
        os.chown(folder / "blobs" / "one", owner + 1, -1)
        strange = next(machine.data_directory(folder, owner=owner))
        assert strange.level is Level.PROBLEM
        assert str(folder / "blobs" / "one") in strange.found
        assert "chown -R" in strange.remedy
    folder.chmod(0o755)
    assert "chmod 700" in next(machine.data_directory(folder, owner=owner)).remedy
    *_, space = machine.data_directory(folder, owner=None, min_free_octets=1 << 62)
    assert space.level is Level.WARNING
    *_, space = machine.data_directory(folder, owner=None, min_free_octets_to_work=1 << 62)
    assert space.level is Level.PROBLEM


@pytest.mark.parametrize(
    ("configured", "compiled", "slow"),
    [
        ("'--prefix=/opt/python' '--enable-shared'", "-O3 -Wall", True),
        ("'--prefix=/opt/python' '--enable-optimizations' '--with-lto'", "-O3 -Wall", False),
        ("'--enable-optimizations' '--with-pydebug'", "-g -Og -Wall", True),
        ("", "", True),
        # Debian's own, which is built with both
        ("'--prefix=/usr' 'CFLAGS=-g   -fstack-protector-strong '", "-g -fwrapv -O2 -Wall", False),
    ],
)
def test_a_slow_build_of_python_is_no_problem_but_named(configured: str, compiled: str, slow: bool) -> None:
    found = [*machine.python_build(configured, compiled)]
    assert [result.level for result in found] == [Level.ADVICE] * slow
    assert all("slow build of Python" in result.found and result.remedy for result in found)


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
    silent = machine.port("smtp", "127.0.0.1", number, hostname=HOST)
    assert (silent.level, silent.found) == (Level.PROBLEM, "nothing listens")
