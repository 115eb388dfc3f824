"""What programs and people rely on when they start `pillarbox demo`."""

import base64
import contextlib
import imaplib
import json
import os
import poplib
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person, demo, start
from tests.interop.imap import connected, unknown
from tests.interop.reading import logged_in, messages

pytestmark = pytest.mark.interop

NAMES = ["smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s"]
"""Written out, since the order of the ready file's first ports is a promise."""
IDLE_WORKER_KIB = 100 * 1024


def free_ports(count: int) -> int:
    """The first of some ports in a row that are not in use, below those that the kernel gives away."""
    for first in range(20_000 + os.getpid() % 10_000, 32_000, count):
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first
    raise AssertionError("no ports are free")


def test_the_ready_file(provider: Demo) -> None:
    ready = provider.ready
    assert ready.keys() >= {"host", "pid", "domains", "ports", "accounts", "ca_file"}
    assert ready["host"] == "127.0.0.1"
    assert ready["pid"] == provider.process.pid
    assert ready["domains"] == ["one.example", "two.example"]
    assert list(ready["ports"])[: len(NAMES)] == NAMES
    assert all(account.keys() >= {"address", "login", "password"} for account in ready["accounts"])
    assert Path(ready["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert {person.address.partition("@")[2] for person in provider.people} == {"one.example", "two.example"}
    assert (provider.folder / "ready.json").stat().st_size == len(
        (provider.folder / "ready.json").read_bytes()
    )
    for person in provider.people[:4]:
        assert messages(provider, person), f"{person.address} has no mail to look at"


def test_the_screen_ends_with_commands_that_read_and_send(tmp_path: Path) -> None:
    """What a newcomer copies first, run as it stands there."""
    with demo(tmp_path) as provider:
        *_, page, _, _, _, read, _, send, _, _, _, judged = provider.log().rstrip().splitlines()
        assert page.strip() == f"http://localhost:{provider.ports['http']}/account"
        assert b"Subject: Welcome" in shell(read)
        shell(send)
        carol = next(each for each in provider.people if each.address == "carol@two.example")
        for _ in range(300):
            if any(b"Hello from the terminal." in each for each in messages(provider, carol)):
                break
            time.sleep(0.1)
        shown = shell(judged)
        assert b"Hello from the terminal." in shown
        assert b"dkim=pass" in shown
        assert b"dmarc=pass" in shown


def shell(command: str) -> bytes:
    return subprocess.run(["sh", "-c", command.strip()], check=True, capture_output=True, timeout=30).stdout


@pytest.mark.parametrize("options", [(), ("--users", "1")])
def test_a_new_demo_takes_large_messages(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Those that are kept as files, at its very first moment."""
    large = b"Subject: large\r\n\r\n" + b"line\r\n" * 100_000
    with demo(tmp_path, *options) as provider, connected(provider, provider.people[0]) as imap:
        imap.append("INBOX", [large])  # raises where it is refused


def test_ports_are_given_in_the_order_of_the_services(tmp_path: Path) -> None:
    first = free_ports(len(NAMES))
    with demo(tmp_path, "--ports-from", str(first)) as provider:
        assert [provider.ports[name] for name in NAMES] == list(range(first, first + len(NAMES)))


def test_the_first_connection_after_the_ready_file_is_accepted(tmp_path: Path) -> None:
    with demo(tmp_path) as provider:
        for name in NAMES:
            with socket.create_connection((provider.host, provider.ports[name]), timeout=10) as connection:
                if not name.endswith("s"):
                    assert connection.recv(3) in (b"220", b"* O", b"+OK")
        print(f"ready after {provider.started_s:.2f} s")  # read it with pytest -rP


def test_numbered_accounts_log_in_by_login_and_address(provider: Demo) -> None:
    person = provider.newcomer()
    assert person.address == f"{person.login}@one.example"
    for login in (person.login, person.address):
        with logged_in(provider, Person(person.address, login, person.password)) as client:
            assert client.state == "AUTH"
        with contextlib.closing(pop3(provider)) as mailbox:
            mailbox.user(login)
            assert mailbox.pass_(person.password).startswith(b"+OK")
        with smtplib.SMTP_SSL(
            "localhost", provider.ports["submissions"], context=provider.context()
        ) as sender:
            assert sender.login(login, person.password)[0] == 235


def pop3(provider: Demo) -> poplib.POP3_SSL:
    return poplib.POP3_SSL("localhost", provider.ports["pop3s"], context=provider.context(), timeout=30)


def test_a_named_folder_keeps_mail_and_certificates(tmp_path: Path) -> None:
    kept = ("--dir", tmp_path / "kept", "--users", "1", "--password", "first one")
    with demo(tmp_path / "one", *kept) as provider:
        person = provider.newcomer()
        with connected(provider, person) as imap:
            imap.append("INBOX", [b"Subject: kept\r\n\r\nstill here\r\n"], b"\\Flagged")
        authority = provider.authority.read_bytes()
        assert provider.end() == 0
    with demo(tmp_path / "two", *kept[:-1], "another") as provider:
        assert provider.authority.read_bytes() == authority
        person = provider.newcomer()
        assert person.password == "another"
        assert messages(provider, person) == [b"Subject: kept\r\n\r\nstill here\r\n"]
        assert len(messages(provider, provider.people[0])) == 3, "mail to look at was given a second time"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_at_once(tmp_path: Path, workers: str, signo: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with demo(tmp_path, "--workers", workers, "--users", "2", temporary=temporary) as provider:
        processes, person = provider.processes(), provider.newcomer()
        assert len(processes) == (1 if workers == "1" else 3)
        assert [path.name for path in temporary.iterdir() if "pillarbox" in path.name]
        with connected(provider, person, select="INBOX") as imap, unknown(provider, "imap"):
            imap.idle()  # an open session, which must not delay the stop
            assert provider.end(signo) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
        assert list(temporary.iterdir()) == []
        for port in provider.ports.values():
            socket.create_server((provider.host, port)).close()
        assert "Traceback" not in provider.log()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_during_the_start_leaves_nothing_behind(tmp_path: Path, workers: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for delay_s in (0.15, 0.3, 0.45, 0.6, 0.8):
        process = start(tmp_path, "--workers", workers, temporary=temporary)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay_s)
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert list(temporary.iterdir()) == []
        (tmp_path / "ready.json").unlink(missing_ok=True)


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path, provider: Demo) -> None:
    process = start(tmp_path, "--ports-from", str(provider.ports["smtp"]))
    assert process.wait(30) == 1
    said = (tmp_path / "stderr").read_text()
    assert "Traceback" not in said
    assert "in use" in said
    assert not (tmp_path / "ready.json").exists()


def test_it_listens_on_loopback_only(busy_provider: Demo) -> None:
    """By the kernel's own list of what its processes listen on."""
    inodes = set()
    for pid in busy_provider.processes():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    listening: set[int] = set()
    elsewhere: set[int] = set()
    for line in [
        *Path("/proc/net/tcp").read_text().splitlines()[1:],
        *Path("/proc/net/tcp6").read_text().splitlines()[1:],
    ]:
        columns = line.split()
        if columns[9] in inodes and columns[3] == "0A":
            address, _, port = columns[1].partition(":")
            (listening if address == "0100007F" else elsewhere).add(int(port, 16))
    assert elsewhere == set()
    assert listening == set(busy_provider.ports.values())


def test_other_names_fail_at_once_and_nothing_leaves(provider: Demo) -> None:
    sender = provider.newcomer()
    began = time.monotonic()
    with smtplib.SMTP("localhost", provider.ports["smtp"], timeout=30) as client:
        client.ehlo("client.example")
        code, _ = client.mail("<a@gmail.com>")
        assert code == 250  # accepted with a mark; nobody was asked about gmail.com
        assert client.rcpt(sender.address)[0] == 250
    assert time.monotonic() - began < 5, "a resolver was waited for"


def test_it_uses_one_worker_of_modest_size(tmp_path: Path) -> None:
    with demo(tmp_path, "--users", "100") as provider:
        person = provider.newcomer()
        messages(provider, person)
        with contextlib.closing(pop3(provider)) as mailbox:
            mailbox.user(person.login)
            mailbox.pass_(person.password)
        held = [resident_kib(pid) for pid in provider.processes()]
        print(f"resident: {held} KiB")
        assert max(held) <= IDLE_WORKER_KIB


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_hundreds_at_once_from_one_address(busy_provider: Demo) -> None:
    people = [busy_provider.newcomer() for _ in range(20)]
    with contextlib.ExitStack() as held:
        crowd = [
            held.enter_context(connected(busy_provider, people[n % 20], select="INBOX", door="imap"))
            for n in range(300)
        ]
        tags = [imap.idle() for imap in crowd]
        with contextlib.ExitStack() as senders:
            for _ in range(200):
                smtp = senders.enter_context(
                    socket.create_connection(("127.0.0.1", busy_provider.ports["smtp"]))
                )
                assert smtp.recv(3) == b"220"
        for imap, tag in zip(crowd, tags, strict=True):
            assert imap.done(tag).word == "OK"


SECRETS = ("an unlikely password", "a wrong guess 7c1f")


def test_no_credential_in_its_output(tmp_path: Path) -> None:
    right, _wrong = SECRETS
    with demo(tmp_path, "--plain", "--users", "2", "--password", right) as provider:
        person = provider.newcomer()
        for password in SECRETS:
            log_in_everywhere(provider, Person(person.address, person.login, password))
        assert provider.end() == 0
        said = provider.log()
    shown = said.partition("login")[0] + said.rpartition(right)[2]  # the list of accounts is for the reader
    for password in SECRETS:
        for form in forms(person, password):
            assert form not in shown


def forms(person: Person, password: str) -> list[str]:
    """How a password looks on the wire."""
    plain = f"\0{person.login}\0{password}"
    found = [password, repr(password)[1:-1], base64.b64encode(password.encode()).decode()]
    found += [base64.b64encode(plain.encode()).decode().rstrip("="), plain]
    return found


def log_in_everywhere(provider: Demo, person: Person) -> None:
    with unknown(provider, "imap") as imap:
        imap.say(b'LOGIN %s "%s"' % (person.login.encode(), person.password.encode()))
    for mechanism in (b"PLAIN", b"LOGIN"):
        with unknown(provider, "imap") as imap:
            tag = imap.start(b"AUTHENTICATE " + mechanism)
            answers = (
                [f"\0{person.login}\0{person.password}"]
                if mechanism == b"PLAIN"
                else [person.login, person.password]
            )
            for answer in answers:
                imap.next()
                imap.send(base64.b64encode(answer.encode()) + b"\r\n")
            imap.finish(tag)
    for log_in in (_pop3_password, _smtp_password):
        with contextlib.suppress(poplib.error_proto, smtplib.SMTPAuthenticationError):
            log_in(provider, person)


def test_mail_between_its_domains_is_signed_verified_and_judged(provider: Demo) -> None:
    sender = next(one for one in provider.people if one.address.endswith("@one.example"))
    reader = next(one for one in provider.people if one.address.endswith("@two.example"))
    with smtplib.SMTP_SSL("localhost", provider.ports["submissions"], context=provider.context()) as client:
        client.login(sender.login, sender.password)
        text = f"From: {sender.address}\r\nTo: {reader.address}\r\nSubject: signed\r\n\r\nbody\r\n"
        client.sendmail(sender.address, [reader.address], text)
    ends = time.monotonic() + 30
    while not (found := [each for each in messages(provider, reader) if b"Subject: signed" in each]):
        assert time.monotonic() < ends
        time.sleep(0.2)
    (octets,) = found
    assert octets.count(b"DKIM-Signature: ") == 2
    results = octets.partition(b"Received:")[0]
    assert b"Authentication-Results: " in results
    for result in (b"spf=pass", b"dkim=pass", b"dmarc=pass"):
        assert result in results
    assert results.count(b"dkim=pass") == 2


def _pop3_password(provider: Demo, person: Person) -> None:
    with contextlib.closing(poplib.POP3("localhost", provider.ports["pop3"], timeout=30)) as mailbox:
        mailbox.user(person.login)
        mailbox.pass_(person.password)


def _smtp_password(provider: Demo, person: Person) -> None:
    with smtplib.SMTP("localhost", provider.ports["submission"], timeout=30) as client:
        client.login(person.login, person.password)


def test_the_ready_file_appears_atomically(tmp_path: Path) -> None:
    process = start(tmp_path, "--users", "2000")
    path = tmp_path / "ready.json"
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.001)
        assert len(json.loads(path.read_text())["accounts"]) == 2004
    finally:
        process.terminate()
        process.wait(30)


def test_the_certificate_is_for_these_names(provider: Demo) -> None:
    for name in ("localhost", "127.0.0.1", "one.example", "mail.one.example", "two.example"):
        with (
            socket.create_connection((provider.host, provider.ports["imaps"]), timeout=30) as plain,
            provider.context().wrap_socket(plain, server_hostname=name) as secured,
        ):
            assert secured.version() == "TLSv1.3"
    with (
        socket.create_connection((provider.host, provider.ports["imaps"]), timeout=30) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        provider.context().wrap_socket(plain, server_hostname="elsewhere.example")


def test_all_workers_see_the_same_mailbox(busy_provider: Demo) -> None:
    """What one worker's client writes, the other's sees."""
    person = busy_provider.newcomer()
    with contextlib.ExitStack() as held:
        sessions = [held.enter_context(connected(busy_provider, person, select="INBOX")) for _ in range(8)]
        sessions[0].append("INBOX", [b"Subject: seen by all\r\n\r\n"])
        for session in sessions:
            assert session.exists() == 1
    assert imaplib.__name__
