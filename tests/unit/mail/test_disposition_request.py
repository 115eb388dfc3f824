"""Who may be told what became of a message (RFC 8098 §2)."""

import pytest

from pillarbox.mail.disposition_request import MAX_ADDRESSES, read, why_not
from pillarbox.mail.header import Header

ASKS = b"Disposition-Notification-To: Ann <ann@two.example>\r\n"


def header(fields: bytes) -> Header:
    return Header.parse(fields + b"\r\n")[0]


def refused(fields: bytes, *, automatically: bool = False) -> bool:
    request = read(header(fields + ASKS))
    assert request is not None
    return why_not(header(fields + ASKS), request, automatically=automatically) is not None


def test_who_asks() -> None:
    found = read(header(b"Disposition-Notification-To: a@b.example, A <c@d.example>, a@B.example\r\n"))
    assert found is not None
    assert [str(each) for each in found.to] == ["a@b.example", "c@d.example"]
    assert found.original_recipient is None


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Disposition-Notification-To:\r\n",
        b"Disposition-Notification-To: nobody\r\n",
        b"Disposition-Notification-To: a@b.example, nobody\r\n",
        ASKS * 2,
        b"Disposition-Notification-To: "
        + b",".join(b"a%d@b.example" % number for number in range(MAX_ADDRESSES + 1))
        + b"\r\n",
        b"Disposition-Notification-To: " + b"(x)" * 3000 + b" a@b.example\r\n",
    ],
)
def test_what_is_no_request(fields: bytes) -> None:
    assert read(header(fields)) is None


@pytest.mark.rfc("8098 §2.3", "SHOULD")
def test_the_original_recipient_as_the_server_wrote_it() -> None:
    found = read(header(b"Original-Recipient: RFC822; (x) ann@one.example\r\n" + ASKS))
    assert found is not None
    assert found.original_recipient == "rfc822; ann@one.example"


@pytest.mark.rfc("8098 §2.1", "MUST NOT")
def test_a_report_is_not_answered() -> None:
    assert refused(b"Content-Type: multipart/report; report-type=disposition-notification\r\n")
    assert not refused(b"Content-Type: text/plain\r\n")


@pytest.mark.parametrize("path", [b"<>", b"", b"< >", b"(x) <>"])
def test_nothing_is_sent_where_nothing_may_be_answered(path: bytes) -> None:
    assert refused(b"Return-Path: " + path + b"\r\n")


def test_options_that_are_demanded_are_not_known() -> None:
    assert refused(b"Disposition-Notification-Options: x=Required,y\r\n")
    assert not refused(b"Disposition-Notification-Options: x=optional,y\r\n")


@pytest.mark.rfc("8098 §2.1", "MUST NOT")
@pytest.mark.parametrize(
    ("fields", "may_be"),
    [
        (b"Return-Path: <ann@two.example>\r\n", True),
        (b"Return-Path: <ann@TWO.example>\r\n", True),
        (b'Return-Path: <"ann"@two.example>\r\n', True),
        (b"Return-Path: <bob@two.example>\r\n", False),
        (b"", False),
        (b"Return-Path: <ann@two.example>\r\nAuto-Submitted: auto-generated\r\n", False),
        (b"Return-Path: <ann@two.example>\r\nList-Id: <x.example>\r\n", False),
        (b"Return-Path: <ann@two.example>\r\nPrecedence: bulk\r\n", False),
    ],
)
def test_what_is_sent_without_asking_a_person(fields: bytes, may_be: bool) -> None:
    assert refused(fields, automatically=True) is not may_be
    assert not refused(fields), "a person may agree"


def test_several_who_ask_need_a_person() -> None:
    fields = header(
        b"Return-Path: <a@b.example>\r\nDisposition-Notification-To: a@b.example, c@d.example\r\n"
    )
    request = read(fields)
    assert request is not None
    assert why_not(fields, request, automatically=True)
    assert why_not(fields, request, automatically=False) is None
