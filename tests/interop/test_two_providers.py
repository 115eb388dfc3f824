"""Two providers in two processes, with two data directories, on two addresses of loopback, that find each
other through the MX records of a real DNS server.
"""

import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.nsd import nsd
from tests.interop.served import Served

pytestmark = [pytest.mark.interop]

ZONES = {
    "one.test": "@ IN MX 10 mail.one.test.\nmail IN A 127.0.0.2",
    "two.test": "@ IN MX 10 nobody.two.test.\n@ IN MX 20 mail.two.test.\nmail IN A 127.0.0.3\nnobody IN A 127.0.0.4",
    "none.test": "@ IN MX 0 .",
}
PLAN = "From: anna@one.test\r\nTo: anna@two.test\r\nBcc: secret@two.test\r\nSubject: {}\r\n\r\nHello.\r\n"


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[Served, Served]]:
    with tempfile.TemporaryDirectory(prefix="pillarbox-two-") as made:
        folder = Path(made)
        with nsd(folder / "dns", ZONES) as dns:
            ports = [_free_port() for _ in range(3)]
            one = Served(folder / "one", "one.test", "127.0.0.2", ports[0], dns, ports[1], ports[2])
            two = Served(folder / "two", "two.test", "127.0.0.3", ports[0], dns, ports[1], ports[2])
            try:
                one.start()
                two.start()
                yield one, two
            finally:
                one.stop()
                two.stop()


def _free_port() -> int:
    """Free on both addresses."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.2", 0))
        port = int(first.getsockname()[1])
        second.bind(("127.0.0.3", port))
        return port


def test_mail_both_ways_over_tls_and_a_report_of_an_unknown_recipient(
    providers: tuple[Served, Served],
) -> None:
    one, two = providers
    one.send(PLAN.format("there").encode(), "anna@two.test", "nobody@two.test")
    (got,) = two.new_messages(1)
    assert b"Subject: there" in got
    assert b"Bcc" not in got
    assert b"Return-Path: <anna@one.test>\r\n" in got
    assert re.search(
        rb"Received: from mail\.one\.test \(\[127\.0\.0\.\d\]\)\r\n\tby mail\.two\.test with ESMTPS", got
    )
    two.send(b"From: anna@two.test\r\nSubject: back\r\n\r\nHi.\r\n", "anna@one.test")
    first, second = one.new_messages(2)
    report, answer = (first, second) if b"Subject: back" in second else (second, first)
    assert b"Subject: back" in answer
    assert b"Return-Path: <>" in report
    assert b"Final-Recipient: rfc822; nobody@two.test" in report
    assert b"Status: 5.1.1" in report
    assert b"Remote-MTA: dns; mail.two.test" in report
    assert one.line.json("queue", "list")["recipients"] == 0


def test_mail_waits_while_the_other_is_down_and_arrives_when_it_is_back(
    providers: tuple[Served, Served],
) -> None:
    one, two = providers
    two.stop()
    one.send(PLAN.format("patience").encode(), "anna@two.test")
    one.until(lambda: '"action":"delayed"' in one.log().replace(" ", ""))
    (entry,) = one.line.json("queue", "list")["entries"]
    assert (entry["recipient"], entry["state"], entry["attempts"]) == ("anna@two.test", "waiting", 1)
    assert "efused" in entry["last_reply"] or entry["last_reply"].startswith("421")
    one.stop()  # a restart loses nothing
    two.start()
    one.start()
    assert one.line.json("queue", "retry", "--to", "two.test") == {"recipients": 1}
    (got,) = two.new_messages(1)
    assert b"Subject: patience" in got
    one.until(lambda: one.line.json("queue", "list")["recipients"] == 0)
    assert len(one.inbox()) == one.seen


def test_success_is_reported_and_unicode_is_kept(providers: tuple[Served, Served]) -> None:
    one, two = providers
    message = PLAN.format("Grüße").encode()
    one.send(message, "anna@two.test", options=("SMTPUTF8", "BODY=8BITMIME"), notify="SUCCESS")
    assert "Subject: Grüße".encode() in two.new_messages(1)[0]
    (report,) = one.new_messages(1)
    # RFC 3461 §5.2.2 (b): strangers are not offered DSN, so the sender's own server reports
    assert b"Action: relayed" in report
    assert b"Reporting-MTA: dns; mail.one.test" in report


def test_permanent_dns_failures_are_reported_at_once(providers: tuple[Served, Served]) -> None:
    one, _ = providers
    one.send(PLAN.format("no").encode(), "a@none.test", "a@nowhere.two.test")
    reports = b"".join(one.new_messages(2))
    assert b"Status: 5.1.10" in reports
    assert b"Status: 5.1.2" in reports
