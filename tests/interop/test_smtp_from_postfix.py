"""Postfix delivers to us, by SMTP with TLS and DSN requests, and by LMTP."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.mailboxes import inbox
from tests.interop.postfix import postfix
from tests.kit.certificate import certificate_pem
from tests.kit.server import Server, serve

pytestmark = [pytest.mark.interop]
MESSAGE = b"From: a@client.example\nTo: u0@one.example\nSubject: hello\n\n.one dot\n..two\nbody\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("smtp", "lmtp") as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pillarbox-postfix-") as path:
        yield Path(path)


def test_by_smtp(server: Server, folder: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca:
        ca.write(certificate_pem())
        ca.flush()
        transport = f"smtp:[127.0.0.1]:{server.ports['smtp']}"
        with postfix(folder, transport, ca=ca.name, tls="encrypt") as sender:
            sender.send(MESSAGE, "u0@one.example", "u1@one.example", sender="a@client.example")
            sender.send(MESSAGE, "nobody@one.example", sender="a@client.example")
            sender.send("Subject: größe\n\nx\n".encode(), "u0@one.example", sender="ü@client.example")
            log = sender.wait_for("status=sent", 3)
            log = sender.wait_for("status=bounced", 1)
    assert "550 5.1.1" in log
    for person in (0, 1):
        # Postfix sends its messages side by side: they may arrive in any order
        (first,) = [octets for octets in inbox(server, person) if b"\r\n\r\n.one dot" in octets]
        assert first.endswith(b"\r\n\r\n.one dot\r\n..two\r\nbody\r\n")
        assert b"with ESMTPS id" in first
    assert any(b"with UTF8SMTPS id" in octets for octets in inbox(server, 0))


def test_by_lmtp(server: Server, folder: Path) -> None:
    with postfix(folder, f"lmtp:inet:127.0.0.1:{server.ports['lmtp']}") as sender:
        sender.send(
            MESSAGE, "u0@one.example", "u2@two.example", "nobody@one.example", sender="a@client.example"
        )
        log = sender.wait_for("status=sent", 2)
        assert "550 5.1.1" in sender.wait_for("status=bounced", 1)
    assert log.count("250 2.0.0 OK") == 2
    assert len(inbox(server, 0)) == len(inbox(server, 2)) == 1


def test_many_messages_on_kept_connections(server: Server, folder: Path) -> None:
    with postfix(folder, f"smtp:[127.0.0.1]:{server.ports['smtp']}") as sender:
        for _ in range(20):
            sender.send(MESSAGE, *(f"u{n}@one.example" for n in (0, 1)), sender="a@client.example")
        sender.wait_for("status=sent", 40)
    assert len(inbox(server, 0)) == len(inbox(server, 1)) == 20
