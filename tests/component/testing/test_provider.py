"""`pillarbox.testing`: what tests of other programs rely on."""

import asyncio
import imaplib
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest

from pillarbox.store.mailbox import DEFAULT_MAILBOXES
from pillarbox.testing import AsyncProvider, Message, Provider, ProviderFailed
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


@contextmanager
def logged_in(mail: Provider, address: str) -> Iterator[imaplib.IMAP4]:
    account = mail.account(address)
    with imaplib.IMAP4(mail.host, mail.ports["imap"]) as client:
        client.login(account.login, account.password)
        yield client


def names(listed: tuple[str, list[Any]]) -> list[str]:
    found = {line.decode().rsplit('"', 2)[1] for line in listed[1]}
    return [*(name for name in DEFAULT_MAILBOXES if name in found), *sorted(found - {*DEFAULT_MAILBOXES})]


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


@pytest.fixture
def reset(mail: Provider) -> Iterator[Provider]:
    """The provider of the module, as new; with its own accounts only afterwards."""
    mail.reset()
    yield mail
    mail.reset()


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_a_fixture_that_is_as_new(pillarbox: Provider, time: str) -> None:
    assert pillarbox.mailbox("alice@one.example") == []
    pillarbox.deliver(letter("left over"))
    pillarbox.add_account("eve@three.example")


def test_an_asynchronous_fixture_needs_no_plugin(pillarbox_async: AsyncProvider, pillarbox: Provider) -> None:
    async def scenario() -> str:
        eve = await pillarbox_async.add_account("eve@three.example")
        await pillarbox_async.deliver(letter("hi", eve.address))
        return (await pillarbox_async.wait_for(eve.address)).subject

    assert asyncio.run(scenario()) == "hi"
    assert pillarbox.mailbox("eve@three.example"), "it is the same provider"


def test_a_reset_removes_accounts_domains_and_mailboxes_that_were_added(reset: Provider) -> None:
    eve = reset.add_account("eve@three.example")
    reset.deliver(letter("for eve", eve.address))
    with logged_in(reset, "alice@one.example") as client:
        client.create("Work/2026")
        client.delete("Trash")
        client.subscribe("Nowhere")
        client.unsubscribe("Sent")

    reset.reset()

    assert eve not in reset.accounts
    with pytest.raises(LookupError, match=r"no account 'eve@three\.example'"):
        reset.mailbox(eve.address)
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="Relay access denied"):
        reset.deliver(letter("to a domain that is not served any more", eve.address))
    with logged_in(reset, "alice@one.example") as client:
        assert names(client.list()) == names(client.lsub()) == [*DEFAULT_MAILBOXES]
    reset.add_account(eve.address)
    assert reset.mailbox(eve.address) == []


def test_nothing_that_was_on_its_way_arrives_after_a_reset(reset: Provider) -> None:
    alice = reset.account("alice@one.example")
    with smtplib.SMTP(reset.host, reset.ports["submission"]) as client:
        client.login(alice.login, alice.password)
        for number in range(30):  # between domains they pass through the queue
            client.sendmail(alice.address, "carol@two.example", f"Subject: number {number}\n\n")

    reset.reset()

    reset.deliver(letter("later", "carol@two.example"))
    assert [one.subject for one in reset.mailbox("carol@two.example")] == ["later"]


def test_sessions_of_the_accounts_that_stay_go_on_after_a_reset(reset: Provider) -> None:
    reset.deliver(letter("gone"))
    with logged_in(reset, "alice@one.example") as client:
        assert client.select()[1] == [b"1"]
        reset.reset()
        client.noop()
        assert client.search(None, "ALL")[1] == [b""]


def test_an_account_that_exists_is_a_plain_error(reset: Provider) -> None:
    reset.add_account("eve@three.example")
    for again in ("eve@three.example", "EVE@three.example", "alice@one.example"):
        with pytest.raises(ValueError, match=f"^'{again}' is already in use$"):
            reset.add_account(again)


@pytest.mark.parametrize(
    ("address", "password", "text"),
    [
        ("eve", "secret", "'eve': not an address of the form local-part@domain"),
        ("eve@three example", "secret", "'eve@three example': not a domain name"),
        ("eve@three.example", "", "the password is empty"),
    ],
)
def test_an_account_that_cannot_be(reset: Provider, address: str, password: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        reset.add_account(address, password)
    assert [account.address for account in reset.accounts if account.address == address] == []


def test_errors_of_types_and_names(mail: Provider) -> None:
    with pytest.raises(TypeError, match="address and password are str"):
        mail.add_account("eve@three.example", 1234)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a message is an EmailMessage, bytes or str, not dict"):
        mail.deliver({}, to="bob@one.example")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="to= is an address"):
        mail.deliver("", to=[7])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="to whom"):
        mail.deliver(EmailMessage())
    with pytest.raises(KeyError, match="there is no service 'sieve'; there are smtp, submission"):
        mail.ports["sieve"]


def test_what_email_mime_makes_and_text_with_lf_can_be_delivered(reset: Provider) -> None:
    made = MIMEText("text")
    made["Subject"], made["Cc"] = "mime", "bob@one.example"
    reset.deliver(made)
    reset.deliver("Subject: text\n\nGrüße\n", to="bob@one.example")

    assert [one.subject for one in reset.mailbox("bob@one.example")] == ["mime", "text"]
    assert reset.mailbox("bob@one.example")[1].octets.endswith(b"\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n")


def test_a_timeout_names_what_came_for_others(reset: Provider) -> None:
    reset.deliver(letter("wrong address", "bob@one.example"))

    with pytest.raises(
        TimeoutError, match=r"nothing; in other accounts: 'wrong address' for bob@one\.example"
    ):
        reset.wait_for("alice@one.example", timeout=0)


def test_a_mailbox_with_a_name_in_other_letters(reset: Provider) -> None:
    with logged_in(reset, "alice@one.example") as client:
        client.create("Entw&APw-rfe")
    assert reset.mailbox("alice@one.example", "Entwürfe") == []


def test_the_reader_connects_again_where_the_server_has_hung_up(reset: Provider) -> None:
    reset.mailbox("alice@one.example")
    reset._readers["alice@one.example"]._client.sock.shutdown(socket.SHUT_RDWR)
    assert reset.mailbox("alice@one.example") == []


def test_what_needs_a_running_provider_says_so() -> None:
    mail = Provider()
    for use in (
        lambda: mail.ports["smtp"],
        lambda: mail.reset(),
        lambda: mail.mailbox("alice@one.example"),
        lambda: mail.wait_for("alice@one.example"),
        lambda: mail.tls_context(),
        lambda: mail.pid,
    ):
        with pytest.raises(RuntimeError, match="is not running: use it within `with Provider"):
            use()


def test_a_provider_that_cannot_start_says_why() -> None:
    with pytest.raises(ProviderFailed, match="Invalid value for '--users': -1"):
        Provider(users=-1).start()


def test_a_provider_that_has_died_says_so() -> None:
    with Provider() as mail:
        with pytest.raises(RuntimeError, match="running already"):
            mail.start()
        os.kill(mail.pid, signal.SIGKILL)
        os.waitid(os.P_PID, mail.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProviderFailed, match="has ended"):
            mail.reset()


def test_ctrl_c_does_not_stop_the_provider_before_the_tests() -> None:
    with Provider() as mail:
        assert os.getpgid(mail.pid) != os.getpgid(0)


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


def test_a_request_that_a_demo_does_not_know() -> None:
    process = DemoProcess([])
    process.start()
    try:
        with pytest.raises(ValueError, match="unknown request 'nope': there are add_account, "):
            process.request("nope")
    finally:
        process.stop(None)
