import pytest

from pillarbox.mail import bodystructure, envelope
from pillarbox.mail.address_field import MAX_SORT_CHARACTERS
from pillarbox.mail.header import MAX_FIELDS
from pillarbox.mail.part_parser import parse
from pillarbox.mail.summary import (
    CACHED_FIELDS,
    MAX_SUBJECT_CHARACTERS,
    Summary,
    summarize,
)

MESSAGE = b"""\
Received: from x by y; Thu, 15 Feb 2007 00:00:00 +0000
From: =?utf-8?q?J=C3=BCrgen?= Doe <j.doe@one.example>
to: "Else, Some" <u1@one.example>, u2@one.example
Cc: friends: c@two.example;
Subject: Re: [list] =?utf-8?B?R3LDvMOfZQ==?=
 from the sea
Date: Thu, 15 Feb 2007 01:02:03 +0200
Message-ID: <m@one.example>
In-Reply-To: <z@one.example>
References: <y@one.example>
\t<z@one.example>
X-Other: not among the cached fields
Content-Type: text/plain; charset=utf-8

Gr\xc3\xbc\xc3\x9fe!
"""


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarize(MESSAGE)


def test_sizes(summary: Summary) -> None:
    assert summary.size == len(MESSAGE)
    assert MESSAGE[: summary.header_size].endswith(b"charset=utf-8\n\n")


def test_rendered_octets(summary: Summary) -> None:
    root = parse(MESSAGE)
    assert summary.envelope == envelope.render(root.header)
    assert (summary.body, summary.bodystructure) == bodystructure.render(root)
    assert summary.preview == "Grüße!"


@pytest.mark.rfc("5256 §2.1", "MUST")
def test_subject_is_decoded_before_its_base_is_sought(summary: Summary) -> None:
    assert summary.subject == "Re: [list] Grüße from the sea"
    assert summary.base_subject == "GRU\u0308ßE FROM THE SEA"
    assert summary.is_reply


@pytest.mark.rfc("5256 §3", "MUST")
def test_links_to_other_messages(summary: Summary) -> None:
    assert summary.message_id == "m@one.example"
    assert summary.references == ("y@one.example", "z@one.example")
    assert summary.in_reply_to == ("z@one.example",)


@pytest.mark.rfc("5256 §3", "MUST")
def test_in_reply_to_stands_in_for_references() -> None:
    octets = b"In-Reply-To: <a@b> <c@d>\r\nReferences: none\r\n\r\n"
    assert summarize(octets).references == ("a@b",)
    assert summarize(octets).in_reply_to == ("a@b", "c@d")


def test_dates(summary: Summary) -> None:
    assert summary.sent_at_ms == 1_171_494_123_000
    assert summary.sent_day == 13_559
    assert summarize(b"Date: soon\r\n\r\n").sent_at_ms is None
    assert summarize(b"").sent_day is None


@pytest.mark.rfc("5256 §3", "MUST")
def test_sort_keys_are_mailboxes(summary: Summary) -> None:
    assert (summary.sort_from, summary.sort_to, summary.sort_cc) == ("J.DOE", "U1", "FRIENDS")
    assert summarize(b"X: y\r\n\r\n").sort_from == ""


@pytest.mark.rfc("5957 §3", "MUST")
def test_display_sort_keys(summary: Summary) -> None:
    assert summary.sort_display_from == "JU\u0308RGEN DOE"
    assert summary.sort_display_to == "ELSE, SOME"
    assert summarize(b"From: a@b\r\nTo: g:;\r\n\r\n").sort_display_from == "A@B"
    assert summarize(b"From: root\r\nTo: g:;\r\n\r\n").sort_display_to == "G"
    assert summarize(b"From: root\r\n\r\n").sort_display_from == "ROOT@"


def test_sort_keys_are_limited() -> None:
    octets = b"Subject: %b\r\nFrom: %b@x\r\n\r\n" % (b"s" * 1000, b"f" * 1000)
    assert len(summarize(octets).base_subject) == MAX_SORT_CHARACTERS
    assert len(summarize(octets).sort_from) == MAX_SORT_CHARACTERS


def test_texts_hold_no_nul_and_have_a_limit() -> None:
    odd = summarize(b"Subject: a\0=?utf-8?q?=00?=\r\nFrom: =?utf-8?q?=00?= <a@b>\r\n\r\n")
    assert odd.subject == "a\ufffd\ufffd"
    assert odd.sort_display_from == "\ufffd"
    assert len(summarize(b"Subject: %b\r\n\r\n" % (b"s" * 9000)).subject) == MAX_SUBJECT_CHARACTERS


def test_cached_fields_hold_the_lines_as_they_came(summary: Summary) -> None:
    assert summary.cached_fields.startswith(b"From: =?utf-8?q?J=C3=BCrgen?= Doe <j.doe@one.example>\r\nto: ")
    assert b"References: <y@one.example>\r\n\t<z@one.example>\r\nContent-Type: " in summary.cached_fields
    assert summary.cached_fields.endswith(b"charset=utf-8\r\n")
    assert b"X-Other" not in summary.cached_fields
    assert b"Received" not in summary.cached_fields
    assert all(name == name.lower() for name in CACHED_FIELDS)


def test_digest_of_a_header_cut_short() -> None:
    assert summarize(b"Subject : a\r\n b\r\nTo: c").cached_fields == b"Subject : a\r\n b\r\nTo: c\r\n"
    assert summarize(b"").cached_fields == b""


def test_digest_of_a_header_with_too_many_fields() -> None:
    octets = b"To: a@b\r\n" * 2 + b"X: y\r\n" * MAX_FIELDS + b"Cc: c@d\r\n\r\n"
    assert summarize(octets).cached_fields == b"To: a@b\r\n" * 2


@pytest.mark.parametrize(
    ("has_attachment", "head"),
    [
        (False, b"Content-Type: text/plain"),
        (True, b"Content-Type: text/plain\r\nContent-Disposition: attachment"),
        (True, b"Content-Type: application/pdf"),
        (True, b"Content-Type: image/png"),
        (False, b"Content-Type: image/png\r\nContent-ID: <a@b>"),
        (False, b"Content-Type: image/png\r\nContent-Disposition: inline"),
        (True, b"Content-Type: message/rfc822"),
        (False, b"Content-Type: message/delivery-status"),
        (False, b"Content-Type: application/pgp-signature"),
    ],
)
def test_what_is_an_attachment(has_attachment: bool, head: bytes) -> None:
    text = b"--x\r\n\r\nhello\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n%b--x\r\n%b\r\n\r\nz\r\n--x--\r\n" % (
        text,
        head,
    )
    assert summarize(octets).has_attachment is has_attachment


@pytest.mark.parametrize(
    ("octets", "crlf_size"),
    [
        (b"", 0),
        (b"a: b\r\n\r\nc\r\n", 11),
        (b"a: b\n\nc\n", 11),
        (b"a: b\r\n\nc\r\n", 11),
        (b"a: b\r\n\r\nc", 11),
        (b"a: b\r\n\r\nc\r", 12),
        (b"a: b\r\n\r\nc\rd\r\n", 13),
        (b"a: b\r\n\r\nc\n\r\r\n", 14),
        (b"a: b\r\n\r\n" + b"c\r\n" * 40_000, 8 + 120_000),
        (b"a: b\r\n\r\n" + b"c\n" * 40_000, 8 + 120_000),
        # longer than what is looked at together, which may be cut anywhere
        (b"a: b\r\n\r\n" + b"c" * 100_000 + b"\r\n", 8 + 100_002),
        *(
            (b"a: b\r\n\r\n" + b"c" * (2**15 + cut) + b"\r\n" * 3, 8 + 2**15 + cut + 6)
            for cut in range(-10, 2)
        ),
        (b"a: b\r\n\r\n" + b"c" * 50_000 + b"\r" + b"c" * 50_000 + b"\r\n", 8 + 100_003),
        (b"a: b\r\n\r\n" + b"c" * 50_000 + b"\n" + b"c" * 50_000 + b"\r\n", 8 + 100_004),
    ],
)
def test_size_with_every_line_end_a_crlf(octets: bytes, crlf_size: int) -> None:
    assert summarize(octets).crlf_size == crlf_size


def test_cached_fields_of_any_line_ends() -> None:
    assert summarize(b"To: a\n b\r\nCc: c\r\n\r\nd\r\n").cached_fields == b"To: a\r\n b\r\nCc: c\r\n"
    assert summarize(b"To: a\r\r\n\r\nd\r\n").cached_fields == b"To: a\r\r\n"


def test_the_same_people_again_are_the_same_people() -> None:
    octets = b'From: "A, b" <a@one.example>\r\nSender: a@one.example\r\nTo: g: c@d;\r\n\r\n'
    first = summarize(octets)

    assert summarize(octets) == first
    assert summarize(octets.replace(b"A, b", b"E, f")).sort_display_from == "E, F"
    assert summarize(octets.replace(b"From", b"X")).sort_from == ""
