"""A DSN has the results for people and for programs, and only what was requested."""

import email
from email.message import Message
from email.policy import SMTP

import pytest

from pillarbox.mail.dsn import RETURNED_OCTETS, Action, Dsn, DsnRecipient, compose, requested
from tests.kit.mail.parts import parts_of, text_of

MESSAGE = b"From: me@one.example\r\nSubject: Secret plan\r\n\r\nThe body.\r\n"


def dsn(
    *recipients: DsnRecipient,
    envelope_id: str | None = None,
    headers_only: bool = False,
    retry_until_ms: int | None = None,
) -> Dsn:
    return Dsn(
        to="me@one.example",
        hostname="mx.one.example",
        recipients=recipients,
        identity="abc123",
        now_ms=1_800_000_000_000,
        arrived_at_ms=1_799_999_000_000,
        retry_until_ms=retry_until_ms,
        envelope_id=envelope_id,
        headers_only=headers_only,
    )


FAILED = DsnRecipient(
    "you@two.example",
    Action.FAILED,
    "5.1.1",
    "550 5.1.1 no\r\nsuch: user\x1b",
    "rfc822;old+2B@x",
    "mx.two.example",
)


def parse(octets: bytes) -> tuple[Message, list[Message]]:
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    message = email.message_from_bytes(octets, policy=SMTP)
    assert message.defects == []
    return message, parts_of(message)


@pytest.mark.rfc("6522 §3", "MUST")
@pytest.mark.rfc("3834 §5.2", "SHOULD")
@pytest.mark.rfc("3464 §2.1", "MUST")
def test_a_failure_dsn_has_text_fields_and_the_message() -> None:
    message, (words, fields, returned) = parse(compose(dsn(FAILED, envelope_id="id+3D1"), MESSAGE))
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    assert "<you@two.example>" in text_of(words)
    about, recipient = parts_of(fields)
    assert about["Reporting-MTA"] == "dns; mx.one.example"
    assert about["Original-Envelope-Id"] == "id=1"
    assert recipient["Original-Recipient"] == "rfc822; old+@x"
    assert recipient["Final-Recipient"] == "rfc822; you@two.example"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert recipient["Remote-MTA"] == "dns; mx.two.example"
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such: user\\x1b"
    assert returned.get_content_type() == "message/rfc822"
    assert parts_of(returned)[0]["Subject"] == "Secret plan"


@pytest.mark.rfc("6522 §4", "MUST")
@pytest.mark.parametrize("large", [False, True])
def test_only_the_header_goes_back_where_that_was_asked_for_or_the_message_is_large(large: bool) -> None:
    message = MESSAGE + (b"x" * 70 + b"\r\n") * (RETURNED_OCTETS // 72 + 1 if large else 1)
    _, (_, _, returned) = parse(compose(dsn(FAILED, headers_only=not large), message))
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Secret plan" in text_of(returned)
    assert "The body" not in text_of(returned)


def test_a_delay_dsn_has_will_retry_until() -> None:
    delayed = DsnRecipient("you@two.example", Action.DELAYED, "4.4.1", "no answer")
    message, (words, fields, returned) = parse(
        compose(dsn(delayed, retry_until_ms=1_800_400_000_000), MESSAGE)
    )
    assert "delayed" in message["Subject"]
    assert "need not send it again" in text_of(words)
    recipient = parts_of(fields)[1]
    assert recipient["Action"] == "delayed"
    assert recipient["Will-Retry-Until"].endswith("+0000")
    assert "Diagnostic-Code" not in recipient
    assert returned.get_content_type() == "text/rfc822-headers"


@pytest.mark.rfc("6533 §3", "MUST")
def test_addresses_in_unicode_make_an_international_report() -> None:
    who = DsnRecipient("jürgen@zwei.example", Action.FAILED, "5.6.7", "no SMTPUTF8")
    octets = compose(dsn(who), "Subject: Grüße\r\n\r\nx\r\n".encode())
    assert b"Content-Type: message/global-delivery-status" in octets
    assert "Final-Recipient: utf-8; jürgen@zwei.example".encode() in octets
    assert b"Content-Type: message/global\r\n" in octets


@pytest.mark.rfc("3461 §4.1", "MUST")
@pytest.mark.parametrize(
    ("notify", "actions"),
    [
        ("", {Action.FAILED, Action.DELAYED}),
        ("NEVER", set()),
        ("FAILURE", {Action.FAILED}),
        ("SUCCESS,DELAY", {Action.DELIVERED, Action.RELAYED, Action.EXPANDED, Action.DELAYED}),
    ],
)
def test_only_what_was_requested_is_reported(notify: str, actions: set[Action]) -> None:
    assert {action for action in Action if requested(notify, action)} == actions
