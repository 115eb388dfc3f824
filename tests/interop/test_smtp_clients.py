"""Clients that other people wrote, against a whole server: smtplib, curl, swaks, msmtp."""

import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.mailboxes import inbox
from tests.interop.programs import need
from tests.kit.certificate import client_context
from tests.kit.provider import PASSWORD
from tests.kit.server import Server, serve

DOORS = ("smtp", "submission", "submissions", "lmtp")
MESSAGE = "From: u0@one.example\r\nTo: u1@one.example\r\nSubject: hello\r\n\r\n.one dot\r\nbody\r\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(*DOORS) as running:
        yield running


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "message"
    path.write_bytes(MESSAGE.encode())
    return path


def run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done


@pytest.mark.interop
@pytest.mark.parametrize("door", ["smtp", "submission", "submissions", "lmtp"])
def test_smtplib(server: Server, door: str) -> None:
    kind = {"submissions": smtplib.SMTP_SSL, "lmtp": smtplib.LMTP}.get(door, smtplib.SMTP)
    extra = {"context": client_context()} if door == "submissions" else {}
    with kind("localhost", server.ports[door], **extra) as client:
        if door in ("smtp", "submission"):
            client.starttls(context=client_context())
        if door.startswith("submission"):
            client.login("u0", PASSWORD)
        refused = client.sendmail("u0@one.example", ["u1@one.example", "nobody@one.example"], MESSAGE)
        assert refused["nobody@one.example"][0] == 550
    [octets] = inbox(server, 1)
    assert octets.endswith(b"\r\n\r\n.one dot\r\nbody\r\n")


@pytest.mark.interop
@pytest.mark.parametrize(
    ("door", "options"),
    [
        ("smtp", ()),
        ("smtp", ("--ssl-reqd",)),
        ("submission", ("--ssl-reqd", "--user", f"u0:{PASSWORD}")),
        ("submission", ("--user", f"u0:{PASSWORD}", "--login-options", "AUTH=LOGIN")),
        ("submission", ("--user", f"u0:{PASSWORD}", "--login-options", "AUTH=PLAIN", "--sasl-ir")),
        ("submissions", ("--user", f"u0@one.example:{PASSWORD}")),
    ],
)
def test_curl(server: Server, message: Path, door: str, options: tuple[str, ...]) -> None:
    scheme = "smtps" if door == "submissions" else "smtp"
    run(
        need("curl"), "--silent", "--show-error", "--insecure", *options,
        f"{scheme}://localhost:{server.ports[door]}/client.example",
        "--mail-from", "u0@one.example", "--mail-rcpt", "u1@one.example", "--upload-file", message,
    )  # fmt: skip
    assert inbox(server, 1)[0].endswith(MESSAGE.encode())


@pytest.mark.interop
@pytest.mark.parametrize(
    ("door", "options"),
    [
        ("smtp", ("--tls-optional",)),
        ("smtp", ("--pipeline",)),
        ("submission", ("--tls", "--auth", "PLAIN", "--auth-user", "u0", "--auth-password", PASSWORD)),
        ("submission", ("--tls", "--auth", "LOGIN", "--auth-user", "u0", "--auth-password", PASSWORD)),
        ("submissions", ("--tls-on-connect", "--auth", "--auth-user", "u0", "--auth-password", PASSWORD)),
        ("lmtp", ("--protocol", "LMTP")),
    ],
)
def test_swaks(server: Server, door: str, options: tuple[str, ...]) -> None:
    run(
        need("swaks"), "--server", "127.0.0.1", "--port", str(server.ports[door]), "--ehlo", "client.example",
        "--from", "u0@one.example", "--to", "u1@one.example,u2@two.example", *options,
    )  # fmt: skip
    assert len(inbox(server, 1)) == len(inbox(server, 2)) == 1


@pytest.mark.interop
@pytest.mark.parametrize("door", ["submission", "submissions"])
def test_msmtp(server: Server, message: Path, door: str) -> None:
    tls = ["--tls=on", "--tls-certcheck=off", f"--tls-starttls={'on' if door == 'submission' else 'off'}"]
    with message.open("rb") as octets:
        done = subprocess.run(
            [
                need("msmtp"), "--file=/dev/null", "--host=localhost", f"--port={server.ports[door]}", *tls,
                "--auth=on", "--user=u0", f"--passwordeval=echo {PASSWORD}", "--from=u0@one.example",
                "u1@one.example",
            ],
            stdin=octets, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert len(inbox(server, 1)) == 1


@pytest.mark.interop
def test_nothing_in_plain_text_after_starttls_is_looked_at(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=10) as plain:
        replies = plain.makefile("rb")
        replies.readline()
        plain.sendall(b"EHLO client.example\r\n")
        while replies.readline()[3:4] == b"-":
            pass
        plain.sendall(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@one.example>\r\n")
        assert replies.readline().startswith(b"220")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as secured:
            secured.sendall(b"RCPT TO:<u1@one.example>\r\nNOOP\r\n")
            answers = b""
            while answers.count(b"\r\n") < 2:
                answers += secured.recv(4096)
    assert [line[:3] for line in answers.split(b"\r\n")[:2]] == [b"503", b"250"]
    assert server.listeners["smtp"].counts.injected == 1
