"""Automatic replies (RFC 3834)."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import msgspec
import pytest

from pillarbox.mail.automatic_reply import AutomaticReply, compose
from pillarbox.mail.composing.addresses import Mailbox
from pillarbox.mail.composing.folding import NotWritable
from pillarbox.mail.composing.replying import MAX_REFERENCES, reply_fields
from pillarbox.mail.header import Header

ANSWERED = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <a@b>\r\nReferences: <r@b>\r\n\r\n"


def header(octets: bytes) -> Header:
    return Header.parse(octets)[0]


REPLY = AutomaticReply(
    sender=Mailbox("Jörg", "joerg@one.example"),
    to="ann@two.example",
    answered=header(ANSWERED),
    text="Ich bin im Urlaub.\n",
    message_id="made@one.example",
    now_ms=0,
    boundary_seed="seed",
)


def read(reply: AutomaticReply) -> EmailMessage:
    return BytesParser(policy=default).parsebytes(compose(reply).octets())


@pytest.mark.rfc("3834 §3.1.7", "SHOULD")
@pytest.mark.rfc("3834 §3.1.6", "SHOULD")
def test_what_it_says_of_itself() -> None:
    assert [(name, str(value)) for name, value in read(REPLY).items()] == [
        ("Date", "Thu, 01 Jan 1970 00:00:00 +0000"),
        ("From", "Jörg <joerg@one.example>"),
        ("To", "ann@two.example"),
        ("Message-ID", "<made@one.example>"),
        ("In-Reply-To", "<a@b>"),
        ("References", "<r@b> <a@b>"),
        ("Subject", "Auto: Grüße"),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'text/plain; charset="utf-8"'),
        ("Content-Transfer-Encoding", "7bit"),
    ]


def test_its_body() -> None:
    both = read(msgspec.structs.replace(REPLY, html="<p>Urlaub"))
    assert [part.get_content_type() for part in both.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert read(msgspec.structs.replace(REPLY, text=None, html="<p>")).get_content_type() == "text/html"
    assert read(msgspec.structs.replace(REPLY, text=None)).get_content() == ""


@pytest.mark.rfc("3834 §3.1.5", "SHOULD")
@pytest.mark.parametrize(
    ("answered", "subject"),
    [
        (b"\r\n", "Auto:"),
        (b"Subject: \r\n\r\n", "Auto:"),
        (b"Subject: a\r\n b\r\n\r\n", "Auto: a b"),
        (b"Subject: " + b"x" * 5000 + b"\r\n\r\n", "Auto: " + "x" * 200),
        (b"Subject: =?utf-8?q?a=0Ab=00?=\r\n\r\n", "Auto: a\\x0ab\\x00"),
    ],
)
def test_its_subject(answered: bytes, subject: str) -> None:
    assert read(msgspec.structs.replace(REPLY, answered=header(answered)))["Subject"] == subject
    own = msgspec.structs.replace(REPLY, answered=header(answered), subject="Weg")
    assert read(own)["Subject"] == "Weg"


def test_no_line_end_gets_into_its_header() -> None:
    with pytest.raises(NotWritable):
        compose(msgspec.structs.replace(REPLY, subject="a\r\nBcc: x@y"))


@pytest.mark.rfc("5322 §3.6.4", "SHOULD")
@pytest.mark.parametrize(
    ("fields", "references"),
    [
        (b"X: y", b""),
        (b"References: <r@b>", b""),
        (b"Message-ID: <a@b>", b"<a@b>"),
        (b"Message-ID: <a@b>\r\nIn-Reply-To: <p@b>", b"<p@b> <a@b>"),
        (b"Message-ID: <a@b>\r\nIn-Reply-To: <p@b> <q@b>", b"<a@b>"),
        (b"Message-ID: <a@b>\r\nIn-Reply-To: <p@b>\r\nReferences: <r@b> <p@b>", b"<r@b> <p@b> <a@b>"),
        (b"Message-ID: <a@b>\r\nReferences: <a@b> <r@b>", b"<r@b> <a@b>"),
        ("Message-ID: <é@b>".encode(), b""),
        ("Message-ID: <a@b>\r\nReferences: <é@b>".encode(), b"<a@b>"),
    ],
)
def test_what_it_refers_to(fields: bytes, references: bytes) -> None:
    written = header(reply_fields(header(fields + b"\r\n\r\n")) + b"\r\n")
    assert (written.first("References") or b"") == references
    assert ("In-Reply-To" in written) == bool(references)


def test_of_many_references_the_first_and_the_last_are_kept() -> None:
    many = b"".join(b"\r\n <%d@b>" % n for n in range(100))
    written = header(reply_fields(header(b"Message-ID: <a@b>\r\nReferences:" + many + b"\r\n\r\n")) + b"\r\n")
    ids = (written.first("References") or b"").split()
    assert len(ids) == MAX_REFERENCES
    assert (ids[0], ids[1], ids[-1]) == (b"<0@b>", b"<52@b>", b"<a@b>")
