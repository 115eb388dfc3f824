"""`pillarbox serve` with real processes: reload, drain, workers that die, privileges, changes by commands."""

import contextlib
import imaplib
import os
import poplib
import pwd
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pillarbox.app.database import opened_database
from pillarbox.config.data_directory import DataDirectory
from pillarbox.config.file import read
from pillarbox.queue.schedule import LEASE_MS, claim
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import prepare
from pillarbox.world.clock import SystemClock
from pillarbox.world.process_lock import ProcessLock
from pillarbox.world.tls import authority
from tests.kit.command_line import CommandLine
from tests.kit.permissions import grant_others_access
from tests.kit.served import ENABLED, Served


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for tests that leave its configuration alone."""
    served = Served(tmp_path_factory.mktemp("shared"))
    yield served
    served.end()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*words: str) -> Served:
        started.append(Served(tmp_path, *words))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()


def certificate_shown(port: int) -> bytes | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as line, context.wrap_socket(line) as tls:
        return tls.getpeercert(binary_form=True)


def greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        return line.recv(200)


def test_it_serves_and_stops_on_sigterm(serving: Callable[..., Served]) -> None:
    served = serving("--workers", "2")
    with smtplib.SMTP("127.0.0.1", served.ports["smtp"]) as client:
        client.sendmail("a@elsewhere.example", ["anna@example.org"], "Subject: hi\r\n\r\nhello\r\n")
    with served.imap() as client:
        assert client.select()[1] == [b"1"]
    assert len(served.workers()) == 2
    assert served.end() == 0
    assert not list((served.there.data / "signals").iterdir())


def test_a_reload_keeps_connections_and_applies_to_new_ones(serving: Callable[..., Served]) -> None:
    served = serving()
    with served.imap() as client, smtplib.SMTP("127.0.0.1", served.ports["smtp"]) as talking:
        talking.ehlo()
        talking.mail("a@elsewhere.example")
        shown = certificate_shown(served.ports["imaps"])

        served.change('hostname = "mail.example.org"', 'hostname = "mx.example.org"')
        (served.there.data / "tls" / "server.pem").unlink()  # made anew, as one that was renewed
        served.reload()

        assert b"mx.example.org" in greeting(served.ports["smtp"])
        assert certificate_shown(served.ports["imaps"]) not in (shown, None)
        assert talking.rcpt("anna@example.org")[0] == 250
        assert talking.data("Subject: still here\r\n\r\n")[0] == 250
        assert client.select()[1] == [b"1"]
    assert served.end() == 0


def test_configured_certificates_replace_the_generated_one(
    serving: Callable[..., Served], tmp_path: Path
) -> None:
    served = serving()
    made = authority.ensure(tmp_path / "own", ["mail.example.org"], now_ms=SystemClock().now_ms())
    text = served.there.config.read_text()
    served.there.config.write_text(
        f'{text}\n[[certificates]]\nchain = "{made.server.chain}"\nkey = "{made.server.key}"\n'
    )
    served.reload()

    pem = (
        made.server.chain.read_text().partition("-----END CERTIFICATE-----")[0]
        + "-----END CERTIFICATE-----\n"
    )
    assert certificate_shown(served.ports["pop3s"]) == ssl.PEM_cert_to_DER_cert(pem)


def test_a_reload_with_errors_changes_nothing_and_is_logged(serving: Callable[..., Served]) -> None:
    served = serving()
    served.change('hostname = "mail.example.org"', 'hostnme = "mx.example.org"')
    served.reload(outcome='"not reloaded"')

    assert "Did you mean 'hostname'?" in served.log.read_text()
    assert b"mail.example.org" in greeting(served.ports["smtp"])
    os.kill(served.workers()[0], signal.SIGKILL)  # its successor is served by what was good
    served.until(served.workers)
    assert b"mail.example.org" in greeting(served.ports["smtp"])


def test_a_dead_worker_is_replaced_and_new_clients_wait(serving: Callable[..., Served]) -> None:
    served = serving()
    (first,) = served.workers()
    os.kill(first, signal.SIGKILL)
    # The socket stays open: new clients wait in the kernel's queue.
    assert greeting(served.ports["smtp"]).startswith(b"220 ")
    assert served.workers() != [first]
    assert served.end() == 0


def test_stop_sends_all_clients_the_farewell_and_accepts_no_new_ones(serving: Callable[..., Served]) -> None:
    served = serving()
    client = served.imap()
    port = served.ports["smtp"]
    with socket.create_connection(("127.0.0.1", port), 20) as line, line.makefile("rb") as talk:
        line.sendall(b"HELO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n")
        assert [talk.readline()[:3] for _ in range(5)] == [b"220", b"250", b"250", b"250", b"354"]
        served.process.terminate()
        # RFC 5321 §3.8: the sender knows that it still has the message
        assert talk.readline().startswith(b"421 ")
        assert b"BYE" in client.readline()
    client.shutdown()
    assert served.process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        greeting(served.ports["smtp"])


def test_idle_clients_see_what_a_command_imports(shared: Served, tmp_path: Path) -> None:
    (tmp_path / "one.mbox").write_bytes(b"From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\nhello\n")
    with shared.imap() as client:
        client.select()
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        shared.there.text("import", "anna", str(tmp_path / "one.mbox"))
        assert client.readline() == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"i OK"):
            pass


def test_idle_clients_see_what_a_command_restores(serving: Callable[..., Served], tmp_path: Path) -> None:
    served = serving()
    (tmp_path / "one.mbox").write_bytes(b"From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\nhello\n")
    served.there.text("import", "anna", str(tmp_path / "one.mbox"))
    served.there.text("backup", str(tmp_path / "backup"))
    with served.imap() as client:
        client.select()
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        served.there.text("restore", str(tmp_path / "backup"), "--account", "anna", "--into", "INBOX")
        assert client.readline() == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"i OK"):
            pass


def test_idle_clients_see_what_a_command_flags_moves_and_deletes(
    serving: Callable[..., Served], tmp_path: Path
) -> None:
    served = serving()
    (tmp_path / "two.mbox").write_bytes(b"From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\nhello\n\n" * 2)
    served.there.text("import", "anna", str(tmp_path / "two.mbox"))
    with served.imap() as client:
        client.select()
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        served.there.text("mail", "flag", "--account", "anna", "--subject", "x", "+flagged", "--yes")
        assert b"\\Flagged" in client.readline()
        assert client.readline().startswith(b"* 2 FETCH")
        newest, other = (one["id"] for one in served.there.json("mail", "search", "anna")["messages"])
        served.there.text("mail", "move", newest, "Archive")
        assert client.readline() == b"* 2 EXPUNGE\r\n"
        served.there.text("mail", "delete", other, "--yes")
        assert client.readline() == b"* 1 EXPUNGE\r\n"
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"i OK"):
            pass


def lease_one(served: Served) -> None:
    """Queue a message that some worker seems to try for an hour yet."""
    at_ms = SystemClock().now_ms() + 3_600_000
    recipients = (QueuedRecipient("you@else.invalid", "else.invalid"),)
    with opened_database(read(served.there.config).data_directory) as database:
        database.write_now(
            enqueue, Outbound(prepare(b"x"), "anna@example.org", recipients), now_ms=at_ms - LEASE_MS
        )
        assert database.write_now(claim, lease=1, now_ms=at_ms - LEASE_MS, jobs=1)


def test_what_a_dead_worker_was_sending_is_tried_again_at_once(serving: Callable[..., Served]) -> None:
    served = serving()
    lease_one(served)
    assert [one["state"] for one in served.there.json("queue", "list")["entries"]] == ["active"]
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    served.until(lambda: served.said('"leases ended"') == 1)
    assert served.end() == 0


def test_leases_hold_while_another_worker_lives(serving: Callable[..., Served]) -> None:
    served = serving()
    lease_one(served)
    another = ProcessLock(DataDirectory(served.there.data).relay_lock)
    another.share()
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    assert greeting(served.ports["smtp"]).startswith(b"220 ")
    assert served.end() == 0
    another.close()
    assert served.said('"leases ended"') == 0
    assert [one["state"] for one in served.there.json("queue", "list")["entries"]] == ["active"]


class WithSmartHost(Served):
    """Sends all mail to a server that accepts connections and says nothing."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.silent.settimeout(30)
        super().__init__(folder, *words)

    def configured(self, config: str) -> str:
        return f'{config}\n[relay]\nsmart_host = "127.0.0.1:{self.silent.getsockname()[1]}"\n'


def test_what_a_dead_worker_was_sending_does_not_wait_for_the_death_of_the_others(tmp_path: Path) -> None:
    served = WithSmartHost(tmp_path, "--workers", "2")
    accepted: list[tuple[socket.socket, object]] = []
    try:
        served.there.text("account", "password", "anna", "--password-stdin", typed="correct horse\n")
        context = ssl.create_default_context(cafile=str(served.there.data / "tls" / "ca.pem"))
        context.check_hostname = False
        with smtplib.SMTP_SSL("127.0.0.1", served.ports["submissions"], context=context) as client:
            client.login("anna@example.org", "correct horse")
            text = "From: anna@example.org\r\n\r\nhello\r\n"
            client.sendmail("anna@example.org", ["you@else.example"], text)
        accepted.append(served.silent.accept())
        with opened_database(read(served.there.config).data_directory) as database:
            lease = database.read_now(lambda tx: tx.value("SELECT lease FROM queue_recipients"))
        workers = sorted(served.workers())  # as they were started; a lease has its worker's number
        os.kill(workers[lease >> 1 & 0x7F], signal.SIGKILL)
        served.until(lambda: served.said('"leases ended"') == 1)
        accepted.append(served.silent.accept())
        assert served.end() == 0
    finally:
        for connection, _ in accepted:
            connection.close()
        served.silent.close()
        served.process.kill()
        served.process.wait()


def test_changes_take_effect_at_once(shared: Served) -> None:
    shared.there.text("account", "add", "bob@example.org", "--password-stdin", typed="pass word\n")
    client = shared.imap("bob@example.org", "pass word")
    try:
        assert client.select()[0] == "OK"
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        shared.there.text("account", "disable", "bob")
        assert client.readline().startswith(b"* BYE")
    finally:
        client.shutdown()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        shared.imap("bob@example.org", "pass word")


def test_a_password_that_is_no_more_ends_what_it_has_opened_and_nothing_else(shared: Served) -> None:
    shared.there.text("account", "add", "carl@example.org", "--password-stdin", typed="pass word\n")
    lost, kept = (shared.there.json("app-password", "add", "carl", name) for name in ("lost", "kept"))
    context = ssl.create_default_context(cafile=str(shared.there.data / "tls" / "ca.pem"))
    context.check_hostname = False
    with contextlib.ExitStack() as held:
        own, other, idle = (
            shared.imap("carl", password) for password in ("pass word", kept["password"], lost["password"])
        )
        for client in (own, other, idle):
            held.callback(client.shutdown)
        pop3 = poplib.POP3_SSL("127.0.0.1", shared.ports["pop3s"], context=context, timeout=20)
        held.callback(pop3.close)
        pop3.user("carl")
        pop3.pass_(lost["password"])
        smtp = smtplib.SMTP_SSL("127.0.0.1", shared.ports["submissions"], context=context, timeout=20)
        held.callback(smtp.close)
        smtp.login("carl", lost["password"])
        idle.select()
        idle.send(b"i IDLE\r\n")
        assert idle.readline().startswith(b"+")
        shared.there.text("app-password", "revoke", "carl", str(lost["id"]))
        assert idle.readline() == b"* BYE This login is no longer valid: log in again\r\n"
        assert smtp.getreply()[0] == 421
        with pytest.raises((poplib.error_proto, OSError)):
            pop3.noop()
        assert (own.noop()[0], other.noop()[0]) == ("OK", "OK")
        shared.there.text("account", "password", "carl", "--password-stdin", typed="another one\n")
        assert own.readline().startswith(b"* BYE")
        assert other.noop()[0] == "OK"


def test_sessions_have_the_limits_of_the_file(serving: Callable[..., Served]) -> None:
    served = serving()
    text = served.there.config.read_text()
    served.there.config.write_text(f"{text}\n[limits]\nmessage_octets = 70000\nconnections_per_address = 3\n")
    served.reload()

    with contextlib.ExitStack() as held:
        for _ in range(3):
            line = held.enter_context(socket.create_connection(("127.0.0.1", served.ports["smtp"])))
            assert line.recv(200).startswith(b"220 ")
        line.sendall(b"EHLO x\r\n")
        assert b"SIZE 70000\r\n" in line.recv(2000)
        assert greeting(served.ports["smtp"]).startswith(b"421 ")


def test_a_check_finds_the_server(shared: Served) -> None:
    found = shared.there.json("check", "--only", "ports", "--only", "machine")
    assert found["wrong"] == 0
    # a slow build of Python is named, and is no fault
    results = [result for result in found["findings"] if result["level"] != "advice"]
    assert len(results) == 1 + 2 + len(ENABLED)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user_of_the_configuration(tmp_path: Path) -> None:
    grant_others_access(tmp_path)
    there = CommandLine(tmp_path / "pillarbox.toml", tmp_path / "data")
    there.text("init", "example.org", "--data", str(there.data), "--user", "nobody", "--ports-from", "1024")
    nobody = pwd.getpwnam("nobody").pw_uid
    assert there.data.stat().st_uid == nobody
    assert {path.stat().st_uid for path in there.data.rglob("*")} == {nobody}
    there.text("account", "add", "bob@example.org")
    assert {path.stat().st_uid for path in there.data.rglob("*")} == {nobody}
    assert os.geteuid() == 0
    program = (
        "import os\nfrom pillarbox.app.privileges import drop, identity\n"
        "drop(identity('nobody'))\n"
        "print(os.getresuid(), os.getgroups() == [os.getgid()])\n"
        "try: os.setuid(0)\nexcept PermissionError: print('for good')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "src"},
        check=True,
    )
    assert done.stdout == f"({nobody}, {nobody}, {nobody}) True\nfor good\n"


def test_the_error_of_a_missing_user_names_the_command_that_creates_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    there = CommandLine(tmp_path / "pillarbox.toml", tmp_path / "data")
    assert "useradd --system" in there.refused("init", "example.org", "--user", "no-such-user")
