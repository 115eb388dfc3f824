"""Email/set create (RFC 8621 §4.6): what is written, and what is refused."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import msgspec
import pytest

from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.transfer import decode
from pillarbox.protocol.jmap.email.composing import DEFAULT_LIMITS, Draft, Made, compose, read
from pillarbox.protocol.jmap.email.composing_refusal import Refusal

MADE = Made(message_id="made@x.example", now_ms=1_700_000_000_000, boundary_seed="seed")


class Blob(msgspec.Struct):
    """A source in memory."""

    octets: bytes

    @property
    def size(self) -> int:
        return len(self.octets)

    def read(self, start: int, end: int) -> bytes:
        return self.octets[start:end]


BLOBS = {
    "B1": Blob(b"\x89PNG\0"),
    "B2": Blob(b"%PDF"),
    "B3": Blob(b"Subject: enclosed\r\n\r\nhi\r\n"),
    "B4": Blob("<p>grün".encode()),
}


def composed(properties: dict[str, Any]) -> ComposedMessage:
    draft = read(properties)
    assert isinstance(draft, Draft), draft
    message = compose(draft, BLOBS, MADE)
    assert isinstance(message, ComposedMessage), message
    return message


def octets_of(properties: dict[str, Any]) -> bytes:
    return b"".join(composed(properties).pieces())


def email_of(properties: dict[str, Any]) -> EmailMessage:
    return BytesParser(policy=default).parsebytes(octets_of(properties))


def refused(properties: dict[str, Any]) -> tuple[str, ...]:
    refusal = read(properties)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.type == "invalidProperties"
    assert all(name in refusal.description for name in refusal.properties[:20])
    assert refusal.extra() == {"properties": list(refusal.properties)}
    return refusal.properties


def header(properties: dict[str, Any], name: str) -> list[bytes]:
    return parse(octets_of(properties)).header.all(name)


def structure(part: Part) -> Any:
    return (
        [part.content_type, *map(structure, part.children)]
        if part.media_type == "multipart"
        else part.content_type
    )


TEXT = {"bodyValues": {"t": {"value": "hällo alle\n"}}, "textBody": [{"partId": "t", "type": "text/plain"}]}
HTML = {
    "bodyValues": {"t": {"value": "hello"}, "h": {"value": '<img src="cid:a%40b"><IMG SRC="CID:c&amp;d">'}},
    "textBody": [{"partId": "t"}],
    "htmlBody": [{"partId": "h"}],
}


@pytest.mark.rfc("8621 §4.6", "MUST")
def test_what_a_message_has_in_any_case() -> None:
    assert octets_of({"mailboxIds": {"F1": True}, "keywords": {"$draft": True}}) == (
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <made@x.example>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    )


def test_what_is_given_is_not_made() -> None:
    given = {"messageId": ["a@b"], "sentAt": "2014-10-30T14:12:00+08:00"}
    assert header(given, "Message-ID") == [b"<a@b>"]
    assert header(given, "Date") == [b"Thu, 30 Oct 2014 14:12:00 +0800"]
    raw = {"header:message-id": " <c@d>", "header:Date:asDate": "2014-10-30T06:12:00Z"}
    assert header(raw, "Message-ID") == [b"<c@d>"]
    assert header(raw, "Date") == [b"Thu, 30 Oct 2014 06:12:00 +0000"]
    on_root = {
        "bodyStructure": {
            "type": "text/plain",
            "partId": "t",
            "header:Message-ID": "<e@f>",
            "header:Date": " x",
        },
        "bodyValues": {"t": {"value": ""}},
    }
    assert header(on_root, "Message-ID") == [b"<e@f>"]
    assert header(on_root, "Date") == [b"x"]


def test_a_whole_message() -> None:
    message = email_of(
        {
            "from": [{"name": "Jörg", "email": "joerg@bücher.example"}],
            "to": [{"name": "Doe, John", "email": "john@example.com"}, {"email": "a@b"}],
            "cc": [{"name": None, "email": "c@d"}],
            "bcc": [{"email": "hidden@example.com"}],
            "replyTo": [{"email": "r@example.com"}],
            "sender": [{"email": "s@example.com"}],
            "inReplyTo": ["x@y"],
            "references": ["w@y", "x@y"],
            "subject": "Re: Grüße",
            "header:X-Mailer:asText": "Pillarbox",
            **TEXT,
        }
    )
    assert [(name, str(value)) for name, value in message.items()] == [
        ("Date", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ("From", "Jörg <joerg@xn--bcher-kva.example>"),
        ("Sender", "s@example.com"),
        ("Reply-To", "r@example.com"),
        ("To", '"Doe, John" <john@example.com>, a@b'),
        ("Cc", "c@d"),
        ("Bcc", "hidden@example.com"),
        ("Message-ID", "<made@x.example>"),
        ("In-Reply-To", "<x@y>"),
        ("References", "<w@y> <x@y>"),
        ("Subject", "Re: Grüße"),
        ("X-Mailer", "Pillarbox"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'text/plain; charset="utf-8"'),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ]
    assert message.get_content() == "hällo alle\r\n"


ADDRESSES = [{"name": "É", "email": "a@b"}]
GROUPS = [{"name": "G", "addresses": ADDRESSES}, {"name": None, "addresses": ADDRESSES}]


@pytest.mark.rfc("8621 §4.1.3", "MUST")
@pytest.mark.parametrize(
    ("key", "value", "fields"),
    [
        ("header:X-A", " raw  value", ["X-A: raw  value"]),
        ("header:X-A", "raw\r\n value", ["X-A:raw\r\n value"]),
        ("header:X-A:asRaw", " a", ["X-A: a"]),
        ("header:X-A:all", [" a", " b"], ["X-A: a", "X-A: b"]),
        ("header:X-A:asText", "é", ["X-A: =?utf-8?b?w6k=?="]),
        ("header:X-A:asText:all", ["a", "b"], ["X-A: a", "X-A: b"]),
        ("header:x-a:asText", "", ["x-a:"]),
        ("header:subject:asText", "a", ["subject: a"]),
        ("header:List-Id:asText", "a <b.c>", ["List-Id: a <b.c>"]),
        ("header:X-A:asAddresses", ADDRESSES, ["X-A: =?utf-8?b?w4k=?= <a@b>"]),
        ("header:Resent-To:asAddresses:all", [ADDRESSES, ADDRESSES], ["Resent-To: =?utf-8?b?w4k=?= <a@b>"] * 2),
        ("header:To:asGroupedAddresses", GROUPS, ["To: G: =?utf-8?b?w4k=?= <a@b>;, =?utf-8?b?w4k=?= <a@b>"]),
        ("header:References:asMessageIds", ["a@b", "c@d"], ["References: <a@b> <c@d>"]),
        ("header:X-A:asMessageIds:all", [["a@b"], ["c@d"]], ["X-A: <a@b>", "X-A: <c@d>"]),
        ("header:Resent-Date:asDate", "2014-10-30T06:12:00.12-00:30",
            ["Resent-Date: Thu, 30 Oct 2014 06:12:00 -0030"]),
        ("header:List-Post:asURLs", ["mailto:a@b"], ["List-Post: <mailto:a@b>"]),
        ("header:X-A:asURLs", ["a:b", "c:d"], ["X-A: <a:b>, <c:d>"]),
        ("header:Received", " x", ["Received: x"]),
        ("to", [], []),
        ("to", None, []),
        ("references", [], []),
        ("header:X-A:asURLs", [], []),
        ("header:X-A:all", [], []),
        ("header:X-A:asText", None, []),
        ("subject", "", ["Subject:"]),
        ("header:MIME-Version", " 2.0", []),
    ],
)  # fmt: skip
def test_every_form_of_a_header_field(key: str, value: Any, fields: list[str]) -> None:
    before = b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    header = octets_of({key: value}).partition(b"MIME-Version: 1.0\r\n")[0]
    for made in (before, b"Message-ID: <made@x.example>\r\n"):
        header = header.replace(made, b"")
    assert header == "".join(f"{field}\r\n" for field in fields).encode()


@pytest.mark.rfc("8621 §4.1.2", "MAY")
@pytest.mark.parametrize(
    ("allowed", "fields"),
    [
        ({"asText"}, "Subject Comments Keywords"),
        (
            {"asAddresses", "asGroupedAddresses"},
            "From Sender Reply-To To Cc Bcc Resent-From Resent-Sender Resent-Reply-To Resent-To Resent-Cc Resent-Bcc",
        ),
        ({"asMessageIds"}, "Message-ID In-Reply-To References Resent-Message-ID"),
        ({"asDate"}, "Date Resent-Date"),
        ({"asURLs"}, "List-Help List-Unsubscribe List-Subscribe List-Post List-Owner List-Archive"),
        (set(), "Received Return-Path"),
        (
            {"asText", "asAddresses", "asGroupedAddresses", "asMessageIds", "asDate", "asURLs"},
            "List-Id X-Any Disposition-Notification-To",
        ),
    ],
)
def test_which_forms_a_field_may_have(allowed: set[str], fields: str) -> None:
    values = {
        "asText": "a", "asAddresses": ADDRESSES, "asGroupedAddresses": GROUPS, "asMessageIds": ["a@b"],
        "asDate": "2014-10-30T06:12:00Z", "asURLs": ["a:b"],
    }  # fmt: skip
    for name in fields.split():
        for form, value in values.items():
            key = f"header:{name}:{form}"
            if form in allowed:
                octets_of({key: value})
            else:
                assert refused({key: value}) == (key,)


@pytest.mark.parametrize(
    "key",
    [
        "header:", "header:a b", "header:é", "header:X:asraw", "header:X:astext", "header:X:asText:ALL",
        "header:X:all:all",
        "header:X:all:asText", "header:X:asText:asText", "header:X::all", "header:X:", "header:X:asText:", "Header:X",
        "header:Content-Type", "header:content-disposition:asText", "header:Content-Transfer-Encoding", "header",
        "headers", "id", "blobId", "threadId", "size", "preview", "hasAttachment", "unknown", "#from", "keywords/a",
    ],
)  # fmt: skip
def test_properties_that_nobody_can_set(key: str) -> None:
    assert refused({key: "x", **TEXT}) == (key,)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("subject", [1, True, [], {}, "a\r\nBcc: x@y", "a\n b", "a\0", "a\r", "x" * 70_000]),
        ("header:X-A", [1, [], "a\r\nBcc: x@y", "a\n\n b", "\r\n", "a\0", "a\r b", "x" * 1200]),
        ("header:X-A:all", ["a", {}, [None], [1], ["a", None], ["a\nb"], ["a"] * 101]),
        (
            "from",
            [
                "a@b", {}, [None], ["a@b"], [{}], [{"name": "A"}], [{"email": None}], [{"email": 1}],
                [{"email": "a@b", "name": 1}], [{"email": "a@b", "x": 1}], [{"email": "a\r\nBcc: x@y"}],
                [{"email": "a@b", "name": "A\nBcc: x@y"}], [[]], [{"email": "a" * 800}], [{"email": "a@b"}] * 5000,
            ],
        ),
        (
            "header:X-A:asGroupedAddresses",
            [
                {}, ADDRESSES, [{"name": "G"}], [{"addresses": None}], [{"addresses": ["a@b"]}],
                [{"addresses": [], "name": "\n"}], [{"addresses": [], "name": 1}], [[]],
            ],
        ),
        ("messageId", ["a@b", ["a@b", "c@d"], [1], [None], ["a b"], ["<a@b>"], ["a@b>\r\nBcc: <x@y"], [""]]),
        ("references", ["a@b", {}, [["a@b"]], ["a\n@b"], ["x" * 1000]]),
        (
            "sentAt",
            [
                1, "", "x", "2014-10-30", "2014-10-30T06:12:00", "2014-13-30T06:12:00Z", "2014-02-30T06:12:00Z",
                "2014-10-30T24:12:00Z", "2014-10-30T06:60:00Z", "2014-10-30T06:12:61Z", "2014-10-30T06:12:00+24:00",
                "2014-10-30T06:12:00+01:60", "2014-10-30t06:12:00z", "0000-01-01T00:00:00Z", "٢٠١٤-10-30T06:12:00Z",
                "2014-10-30T06:12:00Z\n",
            ],
        ),
        ("header:List-Post:asURLs", ["a:b", [1], ["a b"], ["é"], [">"], ["a:b\r\n"]]),
        ("header:From:asAddresses:all", [[ADDRESSES, ADDRESSES]]),
        ("header:Subject:all", [["a", "b"]]),
        ("header:Message-ID:asMessageIds:all", [[["a@b", "c@d"]]]),
        ("bodyValues", [1, [], "x"]),
        ("textBody", [1, {}, "x", [{"partId": "t"}, {"partId": "t"}]]),
        ("htmlBody", [1, {}, "x"]),
        ("attachments", [1, {}, "x"]),
        ("bodyStructure", [1, [], "x"]),
    ],
)  # fmt: skip
def test_values_that_cannot_be_written(key: str, values: list[Any]) -> None:
    for value in values:
        assert refused({key: value}) == (key,), value


@pytest.mark.rfc("8621 §4.6", "MUST NOT")
@pytest.mark.parametrize(
    "names",
    [
        ("from", "header:From:asAddresses"),
        ("subject", "header:SUBJECT"),
        ("header:X-A", "header:x-a:asText"),
        ("header:X-A:asText", "header:X-A:asText:all"),
        ("header:X-A:all", "header:X-A"),
    ],
)
def test_two_properties_for_one_field(names: tuple[str, str]) -> None:
    values: dict[str, Any] = {"from": ADDRESSES, "header:From:asAddresses": ADDRESSES}
    given = {name: values.get(name, ["a"] if name.endswith(":all") else "a") for name in names}
    assert refused(given) == tuple(names)
    octets_of({**given, names[0]: None})


def test_all_faults_are_named_at_once() -> None:
    given = {
        "id": "M1",
        "headers": [{"name": "X", "value": " y"}],
        "from": ADDRESSES,
        "header:from": " a@b",
        "subject": "a\nb",
        "header:Content-Language": "en",
        "bodyValues": {
            "t": {"value": 1, "isTruncated": True},
            "u": {"value": "x", "isEncodingProblem": True, "y": 1},
            "v": "x",
        },
        "textBody": [
            {
                "partId": "t",
                "blobId": "B1",
                "size": 12,
                "charset": "utf-8",
                "type": "text/html",
                "headers": [],
            }
        ],
        "attachments": [
            {
                "blobId": "B1",
                "type": "x",
                "name": "\r\n",
                "cid": "<a>",
                "disposition": "a b",
                "location": "é",
            },
            {"type": "multipart/mixed", "subParts": [{"partId": "none", "language": "en"}, 1]},
        ],
    }
    assert set(refused(given)) == {
        "id", "headers", "from", "header:from", "subject", "header:Content-Language",
        "bodyValues/t/value", "bodyValues/t/isTruncated", "bodyValues/u/isEncodingProblem", "bodyValues/u/y",
        "bodyValues/v", "textBody/0/partId", "textBody/0/blobId", "textBody/0/size", "textBody/0/charset",
        "textBody/0/type", "textBody/0/headers", "attachments/0/type", "attachments/0/name", "attachments/0/cid",
        "attachments/0/disposition", "attachments/0/location", "attachments/1/subParts/0/partId",
        "attachments/1/subParts/0/language", "attachments/1/subParts/1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "faults"),
    [
        ({"blobId": "B1", "partId": "t"}, ["partId", "blobId"]),
        ({}, ["partId"]),
        ({"partId": "none"}, ["partId"]),
        ({"partId": 1}, ["partId"]),
        ({"blobId": 1}, ["blobId", "partId"]),
        ({"partId": "t", "charset": "utf-8"}, ["charset"]),
        ({"partId": "t", "size": 5}, ["size"]),
        ({"partId": "t", "type": "image/png"}, ["type"]),
        ({"partId": "t", "type": "text/plain; charset=x"}, ["type"]),
        ({"partId": "t", "subParts": []}, ["subParts"]),
        ({"partId": "t", "headers": []}, ["headers"]),
        ({"partId": "t", "unknown": 1}, ["unknown"]),
        ({"partId": "t", "header:Content-Transfer-Encoding": " 8bit"}, ["header:Content-Transfer-Encoding"]),
        ({"partId": "t", "header:X:asFoo": "x"}, ["header:X:asFoo"]),
        ({"partId": "t", "header:X": "a\nb"}, ["header:X"]),
        ({"partId": "t", "type": "text/plain", "header:Content-Type": " text/plain"}, ["type", "header:Content-Type"]),
        ({"partId": "t", "header:Content-Type": "text"}, ["header:Content-Type"]),
        ({"partId": "t", "header:Content-Type": "image/png"}, ["header:Content-Type"]),
        ({"partId": "t", "header:Content-Type:asAddresses": []}, ["header:Content-Type:asAddresses"]),
        ({"partId": "t", "header:Content-Type": "text/plain; é=x"}, ["header:Content-Type"]),
        ({"partId": "t", "disposition": "inline", "header:Content-Disposition": " x"},
            ["disposition", "header:Content-Disposition"]),
        ({"partId": "t", "name": "x", "header:content-disposition": " x"}, ["name", "header:content-disposition"]),
        ({"partId": "t", "cid": "x", "header:Content-ID": " <x>"}, ["cid", "header:Content-ID"]),
        ({"partId": "t", "language": ["en"], "header:Content-Language": " x"}, ["language", "header:Content-Language"]),
        ({"partId": "t", "location": "a:b", "header:Content-Location": " x"}, ["location", "header:Content-Location"]),
        ({"partId": "t", "name": 1}, ["name"]),
        ({"partId": "t", "name": "x" * 3000}, ["name"]),
        ({"partId": "t", "language": ["en", 1]}, ["language"]),
        ({"partId": "t", "language": ["e n"]}, ["language"]),
        ({"partId": "t", "language": ["en"] * 51}, ["language"]),
        ({"blobId": "B1", "size": -1}, ["size"]),
        ({"blobId": "B1", "size": True}, ["size"]),
        ({"blobId": "B1", "charset": "a b"}, ["charset"]),
        ({"blobId": "B1", "header:Content-Type": " text/plain", "charset": "x"}, ["header:Content-Type", "charset"]),
        ({"type": "multipart/mixed"}, ["subParts"]),
        ({"type": "multipart/mixed", "subParts": []}, ["subParts"]),
        ({"type": "multipart/mixed", "subParts": {}}, ["subParts"]),
        (
            {"type": "multipart/mixed", "subParts": [{"partId": "t"}], "partId": "t", "blobId": "B1", "size": 1,
                "charset": "x"},
            ["partId", "blobId", "size", "charset"],
        ),
    ],
)  # fmt: skip
def test_parts_that_cannot_be_written(part: dict[str, Any], faults: list[str]) -> None:
    values = {"bodyValues": {"t": {"value": "x"}}}
    assert set(refused({**values, "bodyStructure": part})) == {f"bodyStructure/{name}" for name in faults}
    inner = {"type": "multipart/mixed", "subParts": [{"partId": "t"}, part]}
    assert set(refused({**values, "bodyStructure": inner})) == {
        f"bodyStructure/subParts/1/{name}" for name in faults
    }


@pytest.mark.rfc("8621 §4.6", "MUST NOT")
def test_a_structure_excludes_lists() -> None:
    given = {"bodyStructure": {"partId": "t"}, **TEXT, "attachments": []}
    assert refused(given) == ("bodyStructure", "textBody", "attachments")


@pytest.mark.rfc("8621 §4.6", "MUST NOT")
def test_the_root_has_no_field_that_the_message_has() -> None:
    values = {"bodyValues": {"t": {"value": "x"}}}
    root = {"partId": "t", "header:subject:asText": "b"}
    for body in ({"bodyStructure": root}, {"textBody": [root]}, {"htmlBody": [root]}):
        (name,) = body
        path = "bodyStructure" if name == "bodyStructure" else f"{name}/0"
        assert refused({"subject": "a", **values, **body}) == ("subject", f"{path}/header:subject:asText")
        assert header({**values, **body}, "Subject") == [b"b"]
    octets_of({"subject": "a", **values, "textBody": [root], "attachments": [{"blobId": "B1"}]})
    octets_of({"subject": "a", **values, "textBody": [root], "htmlBody": [{"partId": "t"}]})
    inner = {"type": "multipart/mixed", "subParts": [root]}
    assert header({"subject": "a", **values, "bodyStructure": inner}, "Subject") == [b"a"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (TEXT, "text/plain"),
        ({"bodyValues": HTML["bodyValues"], "htmlBody": [{"partId": "h"}]}, "text/html"),
        (HTML, ["multipart/alternative", "text/plain", "text/html"]),
        ({"attachments": [{"blobId": "B2", "type": "application/pdf"}]}, ["multipart/mixed", "application/pdf"]),
        (
            {**TEXT, "attachments": [{"blobId": "B2", "type": "application/pdf"}]},
            ["multipart/mixed", "text/plain", "application/pdf"],
        ),
        (
            {
                **HTML,
                "attachments": [
                    {"blobId": "B2", "type": "application/pdf"},
                    {"blobId": "B1", "type": "image/png", "cid": "a@b"},
                    {"blobId": "B1", "type": "image/gif", "cid": "c&d", "disposition": "attachment"},
                    {"blobId": "B1", "type": "image/jpeg", "cid": "not-used", "disposition": "inline"},
                ],
            },
            [
                "multipart/mixed",
                ["multipart/alternative", "text/plain", ["multipart/related", "text/html", "image/png", "image/gif"]],
                "application/pdf",
                "image/jpeg",
            ],
        ),
        (
            {
                "htmlBody": [{"blobId": "B4", "type": "text/html"}],
                "attachments": [{"blobId": "B1", "type": "image/png", "cid": "a@b", "disposition": "inline"}],
            },
            ["multipart/related", "text/html", "image/png"],
        ),
        ({**TEXT, "htmlBody": [], "attachments": []}, "text/plain"),
        ({"attachments": [{"blobId": "B3", "type": "message/rfc822"}]}, ["multipart/mixed", "message/rfc822"]),
        ({"attachments": [{"blobId": "B3"}]}, ["multipart/mixed", "application/octet-stream"]),
    ],
)  # fmt: skip
def test_structures_of_lists(properties: dict[str, Any], expected: Any) -> None:
    assert structure(parse(octets_of(properties))) == expected


def test_where_attachments_are_shown() -> None:
    given = {
        **HTML,
        "attachments": [
            {"blobId": "B1", "type": "image/png", "cid": "a@b"},
            {"blobId": "B1", "type": "image/png", "name": "x.png"},
            {"blobId": "B1", "type": "image/png", "header:Content-Disposition": " special; a=b"},
            {"blobId": "B1", "type": "image/png", "disposition": "inline"},
        ],
    }
    root = parse(octets_of(given))
    _, related = root.children[0].children
    assert related.parameters["type"] == "text/html"
    shown = [part.disposition and part.disposition.type for part in (related.children[1], *root.children[1:])]
    assert shown == ["inline", "attachment", "special", "inline"]


def test_what_a_part_says_of_itself() -> None:
    part = {
        "blobId": "B1", "type": "Image/PNG", "charset": "x-lies", "size": 99, "name": "grün.png",
        "disposition": "attachment", "cid": "a@b", "language": ["en", "de"], "location": "https://a/b",
        "header:X-A:asText": "é", "partId": None, "subParts": None,
    }  # fmt: skip
    octets = octets_of({"bodyStructure": {"type": "multipart/mixed", "subParts": [part]}})
    (found,) = parse(octets).children
    assert found.content_type == "image/png"
    assert found.parameters == {"charset": "x-lies", "name": "grün.png"}
    assert found.filename == "grün.png"
    assert found.disposition
    assert found.disposition.parameters == {"filename": "grün.png"}
    assert found.content_id == b"<a@b>"
    assert found.language == (b"en", b"de")
    assert found.location == b"https://a/b"
    assert found.header.first("X-A") == b"=?utf-8?b?w6k=?="
    assert decode(octets[found.body_start : found.end], found.encoding) == BLOBS["B1"].octets


def test_a_name_alone_is_no_disposition() -> None:
    octets = octets_of({"bodyStructure": {"blobId": "B1", "type": "image/png", "name": "a b.png"}})
    part = parse(octets)
    assert (part.disposition, part.filename) == (None, "a b.png")


def test_a_content_type_as_a_field() -> None:
    values = {"bodyValues": {"t": {"value": "é"}}}
    text = {"partId": "t", "header:Content-Type": " text/plain; format=flowed; charset=x; boundary=y"}
    part = parse(octets_of({**values, "bodyStructure": text}))
    assert (part.content_type, part.parameters) == ("text/plain", {"charset": "utf-8", "format": "flowed"})
    signed = {
        "header:Content-Type:asText:all": ['multipart/signed; boundary=b; protocol="a/b"'],
        "subParts": [{"partId": "t"}],
    }
    root = parse(octets_of({**values, "bodyStructure": signed}))
    assert root.content_type == "multipart/signed"
    assert root.parameters["protocol"] == "a/b"
    assert root.parameters["boundary"] != "b"
    blob = parse(
        octets_of({"bodyStructure": {"blobId": "B4", "header:Content-Type": "text/html; charset=x"}})
    )
    assert (blob.content_type, blob.charset) == ("text/html", "x")


@pytest.mark.rfc("8621 §4.6", "MUST")
def test_blobs_that_are_not_there() -> None:
    part = {"type": "multipart/mixed", "subParts": [{"blobId": name} for name in ("B9", "B1", "B8", "B9")]}
    draft = read({"bodyStructure": part})
    assert isinstance(draft, Draft)
    assert draft.blob_ids == ("B9", "B1", "B8")
    refusal = compose(draft, BLOBS, MADE)
    assert isinstance(refusal, Refusal)
    assert (refusal.type, refusal.extra()) == ("blobNotFound", {"notFound": ["B9", "B8"]})


@pytest.mark.parametrize(
    ("properties", "needed"),
    [
        ({"from": [{"name": "Jörg", "email": "j@bücher.example"}], "subject": "grün"}, False),
        ({"to": [{"email": "jörg@x.example"}]}, True),
        ({"header:X-A": " grün"}, True),
        ({"references": ["é@x"]}, True),
        ({"bodyStructure": {"blobId": "B1", "header:X-A": "é"}}, True),
        ({"attachments": [{"blobId": "B4", "name": "é"}]}, False),
    ],
)
def test_whether_smtputf8_is_needed(properties: dict[str, Any], needed: bool) -> None:
    message = composed(properties)
    assert message.needs_smtputf8 is needed
    assert b"".join(message.pieces()).isascii() is not needed


def nested(depth: int) -> dict[str, Any]:
    part: dict[str, Any] = {"blobId": "B1"}
    for _ in range(depth):
        part = {"type": "multipart/mixed", "subParts": [part]}
    return part


@pytest.mark.parametrize(
    "properties",
    [
        {"bodyStructure": nested(DEFAULT_LIMITS.depth)},
        {"attachments": [{"blobId": "B1"}] * (DEFAULT_LIMITS.parts + 1)},
        {f"header:X-{n}": "x" for n in range(DEFAULT_LIMITS.properties + 1)},
        {f"header:X-{n}": " x" * 450 for n in range(300)},
        {"bodyValues": {f"{n}": {"value": ""} for n in range(DEFAULT_LIMITS.properties + 1)}},
        {"bodyValues": {"a": {"value": "x" * (DEFAULT_LIMITS.text_characters + 1)}}},
    ],
)
def test_what_is_too_large(properties: dict[str, Any]) -> None:
    refusal = read(properties)
    assert isinstance(refusal, Refusal)
    assert (refusal.type, refusal.extra()) == ("tooLarge", {})


def test_at_its_limits() -> None:
    octets_of({"bodyStructure": nested(DEFAULT_LIMITS.depth - 1)})
    octets_of({"attachments": [{"blobId": "B1"}] * DEFAULT_LIMITS.parts})


def test_blobs_that_are_too_large_together() -> None:
    draft = read({"attachments": [{"blobId": "B1"}] * 3})
    assert isinstance(draft, Draft)
    limits = msgspec.structs.replace(DEFAULT_LIMITS, blob_octets=14)
    refusal = compose(draft, BLOBS, MADE, limits)
    assert isinstance(refusal, Refusal)
    assert refusal.type == "tooLarge"
    assert isinstance(
        compose(draft, BLOBS, MADE, msgspec.structs.replace(limits, blob_octets=15)), ComposedMessage
    )


@pytest.mark.rfc("8621 §4.6", "MUST")
def test_a_text_that_is_whole_may_say_so() -> None:
    value = {"value": "x", "isEncodingProblem": False, "isTruncated": False}
    octets_of({"textBody": [{"partId": "t"}], "bodyValues": {"t": value}})
    octets_of({"textBody": [{"partId": "t"}], "bodyValues": {"t": value | {"isTruncated": None}}})
    for name in ("isEncodingProblem", "isTruncated"):
        assert refused({"bodyValues": {"t": value | {name: True}}}) == (f"bodyValues/t/{name}",)


def test_a_text_is_in_as_many_parts_as_name_it() -> None:
    part = {"type": "multipart/mixed", "subParts": [{"partId": "t"}, {"partId": "t"}]}
    octets = octets_of({"bodyStructure": part, "bodyValues": {"t": {"value": "x"}, "unused": {"value": "y"}}})
    assert [octets[each.body_start : each.end] for each in parse(octets).children] == [b"x", b"x"]
