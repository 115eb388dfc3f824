"""Octets that flip in the write-ahead log while the server is down: told by the server and by `fsck`, and kept."""

import random
import smtplib
import subprocess
import sys
from pathlib import Path

from tests.durability.load import HOST, address, logged_in
from tests.durability.provider import ROOT, Provider

MESSAGES = 30
OCTETS = 6_000
"""Pages of such a message are written once."""


def _text(number: int) -> str:
    chance = random.Random(number)
    lines = [chance.randbytes(36).hex() for _ in range(OCTETS // 72)]
    return "\r\n".join((f"Subject: {number}", "From: <a@elsewhere.example>", "", *lines, ""))


def _deliver(port: int) -> None:
    with smtplib.SMTP(HOST, port, timeout=30) as client:
        for number in range(MESSAGES):
            client.sendmail("a@elsewhere.example", address(0), _text(number))


def _in_inbox(port: int) -> int:
    with logged_in(port, 0) as client:
        return int(client.select("INBOX", readonly=True)[1][0] or b"0")


def _flip(log: Path, start: int) -> None:
    """One bit, so far into the text of a message."""
    octets = bytearray(log.read_bytes())
    place = octets.find(_text(14)[start : start + 50].encode())
    assert place > 0
    octets[place + 30] ^= 0x10
    log.write_bytes(octets)


def _fsck(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    config = data.with_name("pillarbox.toml")
    config.write_text(
        f'hostname = "mx.one.example"\ndomain = "one.example"\ndata = "{data}"\nuser = "root"\n'
    )
    command = [sys.executable, "-m", "pillarbox", "fsck", "--config", str(config), *words]
    return subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, check=False)


def test_what_a_flipped_octet_cuts_off_is_told_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    provider = Provider(data, workers=1)
    try:
        provider.start()
        before = _in_inbox(provider.ports["imap"])
        _deliver(provider.ports["smtp"])
        assert _in_inbox(provider.ports["imap"]) == before + MESSAGES
        provider.kill()
        log = data / "pillarbox.db-wal"
        _flip(log, 0)
        damaged = log.read_bytes()
        provider.start()
        there = _in_inbox(provider.ports["imap"])
        assert before < there < before + MESSAGES
        assert provider.log.read_text().count("database log damaged") == 1
        (kept,) = data.glob("pillarbox.db-wal.damaged-*.lost-*")
        assert kept.read_bytes() == damaged
        told = _fsck(data)
        assert told.returncode == 1
        assert "transactions are lost" in told.stdout
        assert str(kept) in told.stdout
        provider.stop()
        _fsck(data, "--repair", "--accept-loss")
        said = _fsck(data)
        assert "No errors found" in said.stdout, said.stdout + said.stderr
        assert kept.with_suffix("").read_bytes() == damaged
    finally:
        provider.kill()


def test_a_flipped_octet_inside_a_message_costs_no_other(tmp_path: Path) -> None:
    data = tmp_path / "data"
    provider = Provider(data, workers=1)
    try:
        provider.start()
        before = _in_inbox(provider.ports["imap"])
        _deliver(provider.ports["smtp"])
        provider.kill()
        _flip(data / "pillarbox.db-wal", 4_000)
        provider.start()
        assert _in_inbox(provider.ports["imap"]) == before + MESSAGES
        assert "all of it was restored, 1 page with wrong octets" in provider.log.read_text()
        told = _fsck(data)
        assert told.returncode == 1
        assert told.stdout.count("octets: message ") == 1
        assert "1 error found" in told.stdout
    finally:
        provider.kill()
