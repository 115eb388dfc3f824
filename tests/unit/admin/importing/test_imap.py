"""Imports from other servers: what is pure in them."""

import pytest

from pillarbox.admin.importing.imap.identity import fingerprint, fingerprint_of_header
from pillarbox.admin.importing.imap.patience import MAX_WAIT_S, Patience, asked_s, is_busy
from pillarbox.protocol.imap.client.responses import Status, StatusResponse


def said(text: str, code: str = "") -> StatusResponse:
    return StatusResponse(Status.NO, code, "", text)


@pytest.mark.rfc("5530 §3", "MAY")
@pytest.mark.parametrize(
    ("response", "busy"),
    [
        (said("x", "UNAVAILABLE"), True),
        (said("x", "THROTTLED"), True),
        (said("Account exceeded command or bandwidth limits."), True),
        (said("Server Unavailable. 15"), True),
        (said("No such mailbox", "NONEXISTENT"), False),
        (said("Invalid credentials"), False),
    ],
)
def test_what_means_later(response: StatusResponse, busy: bool) -> None:
    assert is_busy(response) is busy


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("backoff time: 20 seconds", 20),
        ("Backoff Time: 999999999", MAX_WAIT_S),
        ("later", 0),
    ],
)
def test_how_long_a_server_asks_to_wait(text: str, seconds: float) -> None:
    assert asked_s(said(text)) == seconds


def test_waits_grow_to_a_limit() -> None:
    patience = Patience()
    waits = [patience.wait_s(attempt, throttled=False) for attempt in range(1, 14)]
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == patience.longest_s
    assert patience.wait_s(1, throttled=True) == 30
    assert patience.wait_s(3, throttled=True, asked_s=7) == 7


def test_a_message_is_recognized_by_some_fields_and_its_size() -> None:
    message = b"Date: today\r\nMessage-ID:\r\n <1@x>\r\nSubject: a\r\n\r\nwords"
    fields = b"Message-Id: <1@x>\r\nDATE:  today\r\n\r\n"
    assert fingerprint_of_header(fields, len(message)) == fingerprint(message)
    assert fingerprint_of_header(fields, len(message) + 1) != fingerprint(message)
    assert fingerprint_of_header(b"Date: today\r\n\r\n", 5) is None
    assert fingerprint(b"Subject: a\r\n\r\n") != fingerprint(b"Subject: b\r\n\r\n")
