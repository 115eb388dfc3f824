"""Real POP3 clients, unattended, against a server in this process."""

import os
import poplib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.programs import need
from tests.kit.certificate import certificate_pem, client_context
from tests.kit.permissions import grant_others_access
from tests.kit.provider import PASSWORD
from tests.kit.server import Server, serve

pytestmark = pytest.mark.interop

PLAIN = b"From: ann@one.example\r\nSubject: plain\r\n\r\n.dot\r\n..two\r\n.\r\nlast\r\n"
LARGE = b"From: ann@one.example\r\nSubject: large\r\n\r\n" + b".line\r\n" * 100_000
MESSAGES = [PLAIN, LARGE, PLAIN.replace(b"plain", b"third")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve("pop3", "pop3s", folder=tmp_path) as running:
        for message in MESSAGES:
            running.run(running.provider.deliver(0, message))
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(certificate_pem())
    return path


def left(server: Server) -> int:
    return server.call(lambda: server.provider.messages(0))


@pytest.mark.parametrize("tls", ["none", "stls", "implicit"])
def test_poplib(server: Server, tls: str) -> None:
    if tls == "implicit":
        client: poplib.POP3 = poplib.POP3_SSL("localhost", server.ports["pop3s"], context=client_context())
    else:
        client = poplib.POP3("localhost", server.ports["pop3"])
    if tls == "stls":
        client.stls(client_context())
    client.utf8()
    client.user("u0")
    client.pass_(PASSWORD)
    assert client.stat() == (3, sum(map(len, MESSAGES)))
    for number, message in enumerate(MESSAGES, 1):
        _, lines, octets = client.retr(number)
        assert b"\r\n".join(lines) + b"\r\n" == message
        assert octets == len(message)
    assert len({client.uidl(number) for number in (1, 2, 3)}) == 3
    assert client.top(1, 1)[1][-1] == b".dot"
    client.dele(2)
    client.quit()
    assert left(server) == 2


@pytest.mark.parametrize("door", ["pop3", "pop3s"])
@pytest.mark.parametrize("options", [[], ["--ssl-reqd"], ["--login-options", "AUTH=PLAIN", "--sasl-ir"]])
def test_curl(server: Server, authority: Path, door: str, options: list[str]) -> None:
    command = [need("curl"), "-sS", "--cacert", str(authority), "-u", f"u0:{PASSWORD}", *options]
    for number, message in enumerate(MESSAGES, 1):
        url = f"{door}://localhost:{server.ports[door]}/{number}"
        assert subprocess.run([*command, url], check=True, capture_output=True, timeout=30).stdout == message


def test_fetchmail(server: Server, tmp_path: Path) -> None:
    inbox, settings = tmp_path / "fetched", tmp_path / "fetchmailrc"
    settings.write_text(
        f"poll 127.0.0.1 protocol pop3 port {server.ports['pop3']} auth password username u0\n"
        f'  password "{PASSWORD}" sslproto \'\' mda "cat >> {inbox}"\n'
    )
    settings.chmod(0o600)
    command = [need("fetchmail"), "-f", str(settings), "--pidfile", str(tmp_path / "pid"), "--nosyslog"]
    environment = {**os.environ, "FETCHMAILHOME": str(tmp_path)}
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    assert inbox.read_bytes().count(b"Subject: ") == 3
    assert left(server) == 0


def test_getmail(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "getmail"
    for part in ("cur", "new", "tmp"):
        (folder / "mail" / part).mkdir(parents=True)
    owner = ""
    if os.geteuid() == 0:  # getmail does not deliver as root
        owner = "user = nobody\n"
        grant_others_access(tmp_path)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody")
    (folder / "rc").write_text(
        f"[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {server.ports['pop3']}\n"
        f"username = u0\npassword = {PASSWORD}\n"
        f"[destination]\ntype = Maildir\npath = {folder}/mail/\n{owner}"
        "[options]\ndelete = true\nreceived = false\ndelivered_to = false\n"
    )
    command = [need("getmail"), "--getmaildir", str(folder), "--rcfile", str(folder / "rc")]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    got = sorted(path.read_bytes() for path in (folder / "mail" / "new").iterdir())
    bodies = sorted(message.replace(b"\r\n", b"\n") for message in MESSAGES)
    assert [octets[octets.index(b"From: ") :] for octets in got] == bodies, done.stderr
    assert left(server) == 0
