"""imaplib, poplib, smtplib and others with the password of an account that has a second factor: refused, in words that
their user is shown; and let in with an app password."""

import imaplib
import poplib
import smtplib
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.directory.sign_in.app_passwords import Scope
from tests.interop.programs import need
from tests.kit.certificate import client_context
from tests.kit.provider import PASSWORD
from tests.kit.second_factor import TOLD, add_factor, with_url
from tests.kit.server import Server, serve

pytestmark = pytest.mark.interop


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve("imap", "imaps", "pop3", "submission", "http", folder=tmp_path, sessions=with_url) as running:
        add_factor(running)
        yield running


def app_password(server: Server, scope: Scope) -> str:
    return server.run(server.provider.app_password(0, scope))


def test_imaplib(server: Server) -> None:
    client = imaplib.IMAP4("localhost", server.ports["imap"])
    client.starttls(client_context())
    with pytest.raises(imaplib.IMAP4.error) as refused:
        client.login("u0", PASSWORD)
    assert refused.value.args == (f"[AUTHENTICATIONFAILED] {TOLD}".encode(),)
    with pytest.raises(imaplib.IMAP4.error) as refused:
        client.authenticate("PLAIN", lambda _: f"\0u0\0{PASSWORD}".encode())
    assert refused.value.args == (f"[AUTHENTICATIONFAILED] {TOLD}",)
    with pytest.raises(imaplib.IMAP4.error, match="Authentication failed"):
        client.login("u0", "wrong")
    assert client.login("u0", app_password(server, Scope.IMAP))[0] == "OK"
    assert client.select()[0] == "OK"
    client.logout()


def test_poplib(server: Server) -> None:
    for password in (PASSWORD, "wrong"):
        client = poplib.POP3("localhost", server.ports["pop3"])
        client.stls(client_context())
        client.user("u0")
        with pytest.raises(poplib.error_proto) as refused:
            client.pass_(password)
        expected = TOLD if password == PASSWORD else "Authentication failed."
        assert refused.value.args == (f"-ERR [AUTH] {expected}".encode(),)
        client.close()
    client = poplib.POP3("localhost", server.ports["pop3"])
    client.user("u0")
    assert client.pass_(app_password(server, Scope.POP3)).startswith(b"+OK")
    client.quit()


def test_smtplib(server: Server) -> None:
    with smtplib.SMTP("localhost", server.ports["submission"]) as client:
        client.starttls(context=client_context())
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("u0", PASSWORD)
        assert (refused.value.smtp_code, refused.value.smtp_error) == (534, f"5.7.9 {TOLD}".encode())
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("u0", "wrong")
        assert (refused.value.smtp_code, refused.value.smtp_error) == (535, b"5.7.8 Authentication failed")
    with smtplib.SMTP("localhost", server.ports["submission"]) as client:
        client.starttls(context=client_context())
        assert client.login("u0", app_password(server, Scope.SMTP))[0] == 235


def test_basic(server: Server) -> None:
    url = f"http://localhost:{server.ports['http']}/jmap/session"

    def ask(password: str) -> tuple[int, str]:
        basic = b64encode(f"u0:{password}".encode()).decode()
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {basic}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    status, said = ask(PASSWORD)
    assert (status, TOLD in said) == (401, True)
    assert ask(app_password(server, Scope.JMAP)) == (200, "")


@pytest.mark.parametrize("scheme", ["imap", "pop3", "smtp"])
def test_curl(server: Server, scheme: str, tmp_path: Path) -> None:
    """Whose verbose output is what came over the wire."""
    door = {"smtp": "submission"}.get(scheme, scheme)
    letter = tmp_path / "letter"
    letter.write_text("Subject: x\r\nFrom: u0@one.example\r\n\r\nx\r\n")
    sending = ["--mail-from", "u0@one.example", "--mail-rcpt", "u1@one.example", "--upload-file", str(letter)]
    ran = subprocess.run(
        [
            need("curl"), "-sSv", "-u", f"u0:{PASSWORD}", *(sending if scheme == "smtp" else []),
            f"{scheme}://localhost:{server.ports[door]}/",
        ],
        capture_output=True, timeout=30, check=False, text=True,
    )  # fmt: skip
    assert ran.returncode == 67, "login denied"
    assert TOLD in ran.stderr


def test_mbsync_shows_what_must_be_shown(server: Server, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    settings = tmp_path / "mbsyncrc"
    settings.write_text(
        f"IMAPStore there\nHost localhost\nPort {server.ports['imap']}\nUser u0\n"
        f'PassCmd "echo {PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\n'
        f"MaildirStore here\nPath {tmp_path}/here/\nInbox {tmp_path}/here/INBOX\n\n"
        "Channel all\nFar :there:\nNear :here:\nPatterns INBOX\n"
    )
    settings.chmod(0o600)
    ran = subprocess.run(
        [need("mbsync"), "-c", str(settings), "-a"], capture_output=True, timeout=30, check=False, text=True
    )
    assert ran.returncode != 0
    said = ran.stderr + ran.stdout
    assert f"*** IMAP ALERT *** {TOLD}" in said or f"Warning from IMAP server: [ALERT] {TOLD}" in said
