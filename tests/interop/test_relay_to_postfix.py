"""Postfix and we exchange mail, both ways: TLS, DSN, SMTPUTF8, refusals."""

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.nsd import nsd
from tests.interop.postfix import Postfix, postfix, receiving
from tests.interop.served import Served
from tests.kit.certificate import certificate_pem

pytestmark = [pytest.mark.interop]

ZONES = {
    "one.test": "@ IN MX 10 mail.one.test.\nmail IN A 127.0.0.2",
    "post.test": "@ IN MX 10 mail.post.test.\nmail IN A 127.0.0.1",
}
MESSAGE = "From: anna@one.test\r\nSubject: {}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n"


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Served, Postfix]]:
    with tempfile.TemporaryDirectory(prefix="pillarbox-peers-") as made:
        folder = Path(made)
        (folder / "postfix").mkdir()
        ports = [_free_port() for _ in range(3)]
        more = receiving(folder / "postfix", "post.test", ports[0], certificate_pem())
        with (
            nsd(folder / "dns", ZONES) as dns,
            postfix(folder / "postfix", f"smtp:[127.0.0.2]:{ports[0]}", tls="may", more=more) as peer,
        ):
            one = Served(folder / "one", "one.test", "127.0.0.2", ports[0], dns, ports[1], ports[2])
            try:
                one.start()
                yield one, peer
            finally:
                one.stop()


def _free_port() -> int:
    """Free on both addresses."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        port = int(first.getsockname()[1])
        second.bind(("127.0.0.2", port))
        return port


def arrived(peer: Postfix, count: int) -> bytes:
    """The newest message of Postfix's people, once there are so many."""
    for _ in range(400):
        if len(peer.mail()) >= count:
            return peer.mail()[-1]
        time.sleep(0.05)
    raise AssertionError(peer.log())


def test_from_us_with_tls_and_a_report_of_success_from_there(both: tuple[Served, Postfix]) -> None:
    one, peer = both
    one.send(MESSAGE.format("first", "Grüße.").encode(), "you@post.test", notify="SUCCESS,FAILURE")
    got = arrived(peer, 1)
    assert b"Subject: first" in got
    assert "Grüße.".encode() in got
    assert b"(using TLSv1.3 with cipher" in got
    (report,) = one.new_messages(1)
    assert b"Action: delivered" in report
    assert b"Reporting-MTA: dns; mail.post.test" in report
    assert b"Original-Recipient" in report or b"Final-Recipient: rfc822; you@post.test" in report


def test_what_postfix_refuses_is_reported_by_us(both: tuple[Served, Postfix]) -> None:
    one, _ = both
    one.send(MESSAGE.format("lost", "x").encode(), "stranger@post.test")
    (report,) = one.new_messages(1)
    assert b"Final-Recipient: rfc822; stranger@post.test" in report
    assert b"Remote-MTA: dns; mail.post.test" in report
    assert b"Status: 5.1.1" in report


def test_unicode_both_ways(both: tuple[Served, Postfix]) -> None:
    one, peer = both
    before = len(peer.mail())
    message = MESSAGE.format("Grüße", "x").encode()
    one.send(message, "jürgen@post.test", options=("SMTPUTF8", "BODY=8BITMIME"))
    assert "Subject: Grüße".encode() in arrived(peer, before + 1)
    peer.send(
        "From: jürgen@post.test\nSubject: zurück\n\nx\n".encode(), "anna@one.test", sender="jürgen@post.test"
    )
    (got,) = one.new_messages(1)
    assert "Subject: zurück".encode() in got
    assert b"with UTF8SMTPS id" in got


def test_what_we_refuse_is_reported_by_postfix_and_so_is_success(both: tuple[Served, Postfix]) -> None:
    _one, peer = both
    before = len(peer.mail())
    peer.send(b"From: you@post.test\nSubject: x\n\nx\n", "stranger@one.test", sender="you@post.test")
    assert b"stranger@one.test" in arrived(peer, before + 1)
    peer.send(
        b"From: you@post.test\nSubject: x\n\nx\n",
        "anna@one.test",
        sender="you@post.test",
        options=("-N", "success"),
    )
    report = arrived(peer, before + 2)
    # RFC 3461 §5.2.2 (b): a server that is not offered DSN reports that it has relayed the message
    assert b"Action: relayed" in report
    assert b"Reporting-MTA: dns; mail.post.test" in report
    assert b"Final-Recipient: rfc822; anna@one.test" in report
