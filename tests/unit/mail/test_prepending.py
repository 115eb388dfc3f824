"""What a message begins with never becomes part of a field that is put above it."""

import pytest

from pillarbox.mail.header import Header
from pillarbox.mail.prepending import prepend

FIELD = b"From: anna@one.example\r\n"
REST = b"Subject: x\r\n\r\nbody\r\n"


@pytest.mark.rfc("5322 §2.2.3", "MUST")
@pytest.mark.parametrize(
    "first",
    [
        b" <ceo@bank.example>\r\n",
        b"\t<ceo@bank.example>\r\n",
        b" \r\n",
        b" \r\n <ceo@bank.example>\r\n",
        b"\t\r\nFrom: ceo@bank.example\r\n",
        b"\r <ceo@bank.example>\r\n",
        b"\x0b<ceo@bank.example>\r\n",
        b"\x00 <ceo@bank.example>\r\n",
        b" ",
        b"",
    ],
)
def test_a_first_line_that_is_no_field_is_text(first: bytes) -> None:
    header, body_start = Header.parse(prepend(FIELD, first + REST))
    message = prepend(FIELD, first + REST)
    if first:
        assert header.octets == FIELD + b"\r\n"
        assert message[body_start:] == first + REST
    else:
        assert header.octets == FIELD + b"Subject: x\r\n\r\n"


@pytest.mark.parametrize(
    "message",
    [
        REST,
        b"\r\nbody",
        b"\nbody",
        b"\xef\xbb\xbf" + REST,
        b"From anna Mon Jan  1 00:00:00 2024\r\n" + REST,
        b"stray text\r\n" + REST,
        b"Subject : x\r\n\r\n",
    ],
)
def test_a_header_stays_a_header_and_an_empty_line_is_enough(message: bytes) -> None:
    assert prepend(FIELD, message) == FIELD + message


def test_text_is_set_apart() -> None:
    assert prepend(FIELD, b"hello\r\n\r\nworld") == FIELD + b"\r\nhello\r\n\r\nworld"
    assert prepend(FIELD, b"") == FIELD + b"\r\n"
