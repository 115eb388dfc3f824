"""Delivery reports and receipts of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.dsn import Action, Dsn, DsnRecipient, compose
from pillarbox.mail.notification import Notification, NotifiedRecipient, may_be_notification, read


def message(status: str, *, kind: str = "delivery-status", returned: str = "") -> bytes:
    end = f"--b\n{returned}\n" if returned else ""
    text = (
        f"Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/{kind}\n\n"
        f"{status}\n{end}--b--\n"
    )
    return text.replace("\n", "\r\n").encode()


def test_a_report_of_our_own_is_read() -> None:
    recipients = (
        DsnRecipient(
            "x@x.example", Action.FAILED, "5.1.1", "550 5.1.1 no", "rfc822;y@x.example", "mx.x.example"
        ),
        DsnRecipient("z@x.example", Action.DELAYED, "4.2.1", "later"),
    )
    dsn = Dsn("a@one.example", "mx.one.example", recipients, "id", 0, 0, envelope_id="a+2Bb")
    octets = compose(dsn, b"From: a@one.example\r\nMessage-ID: <m@one.example>\r\n\r\nText\r\n")
    assert may_be_notification(octets)
    assert read(octets) == Notification(
        is_receipt=False,
        envelope_id="a+b",
        message_id="m@one.example",
        recipients=(
            NotifiedRecipient(("y@x.example", "x@x.example"), "failed", "5.1.1", "550 5.1.1 no"),
            NotifiedRecipient(("z@x.example",), "delayed", "4.2.1", ""),
        ),
    )


@pytest.mark.parametrize(
    ("returned", "message_id"),
    [
        ("Content-Type: text/rfc822-headers\n\nMessage-ID: <a@x>\n", "a@x"),
        ("Content-Type: message/rfc822\n\nMessage-ID: <a@x>\n\ntext", "a@x"),
        ("Content-Type: text/plain\n\nMessage-ID: none", None),
        ("", None),
    ],
)
def test_which_message_it_is_about(returned: str, message_id: str | None) -> None:
    found = read(message("Reporting-MTA: dns; x", returned=returned))
    assert found is not None
    assert (found.message_id, found.envelope_id, found.recipients) == (message_id, None, ())


def test_a_receipt() -> None:
    status = "Final-Recipient: rfc822; x@x\nOriginal-Message-ID: <a@x>\nDisposition: automatic-action/x; Deleted/error"
    found = read(message(status, kind="disposition-notification"))
    assert found == Notification(True, None, "a@x", (NotifiedRecipient(("x@x",), "deleted"),))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Subject: multipart/report\r\n\r\nText\r\n",
        message("x: y", kind="rfc822"),
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nalone\r\n--b--\r\n",
    ],
)
def test_what_is_none(octets: bytes) -> None:
    assert read(octets) is None


def test_what_says_nothing_about_a_recipient_is_left_out() -> None:
    found = read(
        message(
            "x: y\n\nAction: failed\n\nFinal-Recipient: rfc822; x@x\n\nFinal-Recipient: x\nAction: failed"
        )
    )
    assert found is not None
    assert found.recipients == ()


@given(st.text(alphabet="abAction:; \n@<>rfc822Final-Recipient", max_size=300))
def test_whatever_it_says_reading_it_never_fails(status: str) -> None:
    read(message(status))
    read(message(status, kind="disposition-notification"))


def test_reading_is_bounded() -> None:
    many = "\n\n".join("Final-Recipient: rfc822; x@x\nAction: failed" for _ in range(20_000))
    found = read(message("x: y\n\n" + many))
    assert found is not None
    assert len(found.recipients) <= 1_000
