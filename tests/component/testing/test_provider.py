"""`pillarbox.testing`: what tests of other programs rely on."""

import asyncio
import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from pillarbox.testing import Message, Provider
from pillarbox.testing.process import DemoProcess

HERE = {**os.environ, "PYTHONPATH": "src"}
pytest_plugins = ["pillarbox.pytest_plugin"]


@pytest.fixture(scope="module")
def mail() -> Iterator[Provider]:
    with Provider(users=2) as provider:
        provider.empty()
        yield provider


def letter(subject: str, to: str = "alice@one.example") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@else.example>", to, subject
    message.set_content("Grüße\n")
    return message


def test_a_delivered_message_has_the_usual_attributes(mail: Provider) -> None:
    mail.deliver(letter("Schöne Grüße"))

    message = mail.wait_for("alice@one.example", subject="Schöne Grüße")

    assert message.sender == "ann@else.example"
    assert message.recipients == ("alice@one.example",)
    assert message.text.strip() == "Grüße"
    assert message.email["To"].addresses[0].domain == "one.example"
    assert "\\Seen" not in message.flags
    assert message.octets.startswith(b"Return-Path: <sender@elsewhere.example>")


def test_octets_are_delivered_as_they_are(mail: Provider) -> None:
    octets = b"Subject: raw\r\n\r\n.leading dot\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    mail.deliver(octets, to=["u0@one.example", "u1@one.example"], sender="me@else.example")

    for address in ("u0@one.example", "u1@one.example"):
        (message,) = mail.mailbox(address)
        assert message.octets.endswith(octets)
        assert b"Return-Path: <me@else.example>" in message.octets


def test_wait_for_looks_in_all_accounts_by_default(mail: Provider) -> None:
    mail.deliver(letter("to dave", "dave@two.example"))

    assert mail.wait_for(subject="to dave").address == "dave@two.example"


def test_a_timeout_names_the_messages_that_were_there(mail: Provider) -> None:
    mail.deliver(letter("another one", "carol@two.example"))

    with pytest.raises(TimeoutError, match=r"'wanted' came in 0 s; there was: 'another one' for carol"):
        mail.wait_for("carol@two.example", subject="wanted", timeout=0)


def test_where_is_a_condition(mail: Provider) -> None:
    for number in range(3):
        mail.deliver(letter(f"number {number}", "bob@one.example"))

    def last(message: Message) -> bool:
        return message.subject.endswith("2")

    assert mail.wait_for("bob@one.example", where=last).subject == "number 2"


def test_errors_of_deliver_and_mailbox(mail: Provider) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail.deliver(letter("x"), to="nobody@one.example")
    with pytest.raises(ValueError, match="to whom"):
        mail.deliver(b"Subject: x\r\n\r\n")
    with pytest.raises(LookupError, match=r"no account 'eve'; there are alice@one\.example"):
        mail.mailbox("eve")
    with pytest.raises(LookupError, match="no mailbox 'Nowhere'"):
        mail.mailbox("alice@one.example", "Nowhere")


def test_accounts_can_be_added_in_new_domains(mail: Provider) -> None:
    eve = mail.add_account("eve@three.example")
    mail.deliver(letter("welcome", eve.address))

    assert mail.wait_for(eve.address, subject="welcome").address == eve.address
    with smtplib.SMTP_SSL(mail.host, mail.ports["submissions"], context=mail.tls_context()) as client:
        assert client.login(eve.login, eve.password)[0] == 235


def test_empty_deletes_all_mail(mail: Provider) -> None:
    mail.deliver(letter("gone"))
    mail.empty()

    assert [mail.mailbox(one.address) for one in mail.accounts] == [[]] * len(mail.accounts)


def test_the_asynchronous_provider() -> None:
    async def scenario() -> str:
        async with Provider() as mail:
            waiting = asyncio.create_task(mail.wait_for("alice@one.example", subject="hi"))
            await asyncio.sleep(0)
            await mail.deliver(letter("hi"))
            message = await waiting
            assert len(await mail.mailbox("alice@one.example")) >= 1
            assert mail.account("alice@one.example").login
            return message.subject

    assert asyncio.run(scenario()) == "hi"


def test_nothing_is_left_behind() -> None:
    with Provider() as mail:
        folder, port = mail.ca_file.parent.parent, mail.ports["smtp"]
        assert folder.is_dir()
        pid = _pid(mail)
    assert not folder.exists()
    assert not _alive(pid)
    with pytest.raises(OSError, match="refused"):
        smtplib.SMTP("127.0.0.1", port)
    mail.stop()  # once more does no harm


@pytest.mark.parametrize("workers", [1, 2])
def test_it_stops_when_the_test_process_is_killed(workers: int) -> None:
    program = (
        "import os, signal, time\n"
        "from pillarbox.testing import Provider\n"
        f"mail = Provider(workers={workers}); mail.start()\n"
        "print(mail._process.pid, mail.ca_file.parent.parent, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=HERE) as tester:
        assert tester.stdout
        pid, folder = tester.stdout.readline().decode().split()
        assert _alive(int(pid))
        tester.kill()
    deadline = time.monotonic() + 20
    while (_alive(int(pid)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(pid))
    assert not Path(folder).exists()


def test_a_provider_that_hangs_is_killed() -> None:
    mail = Provider()
    mail._process = DemoProcess([], stop_s=0.2)
    mail.start()
    pid, folder = _pid(mail), mail.ca_file.parent.parent
    os.kill(pid, signal.SIGSTOP)
    mail.stop()
    assert not _alive(pid)
    assert not folder.exists()


def test_the_fixture_is_empty_before_each_test_part_one(pillarbox: Provider) -> None:
    assert pillarbox.mailbox("alice@one.example") == []
    pillarbox.deliver(letter("left over"))


def test_the_fixture_is_empty_before_each_test_part_two(pillarbox: Provider) -> None:
    assert pillarbox.mailbox("alice@one.example") == []


def test_the_plugin_loads_nothing_before_it_is_used() -> None:
    program = (
        "import sys, pytest\n"
        "import pillarbox.pytest_plugin\n"
        "loaded = [name for name in sys.modules if name.startswith('pillarbox.')]\n"
        "assert 'pillarbox.testing.provider' not in loaded, loaded\n"
        "assert 'pillarbox.app' not in loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=HERE)


def _pid(mail: Provider) -> int:
    return mail._process.pid


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
