"""Emails as they are returned, and what it takes to make them."""

import base64
import json
from typing import Any

import pytest

from pillarbox.mail.identifiers import EmailId, MailboxId, ThreadId
from pillarbox.mail.summary import summarize
from pillarbox.protocol.jmap.email.body_values import MAX_VALUE_OCTETS, Room
from pillarbox.protocol.jmap.email.email_row import EmailRow, Known
from pillarbox.protocol.jmap.email.message import BodyArguments, Source
from pillarbox.protocol.jmap.email.plan import Plan, body_arguments
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.types.email import EMAIL, EmailGetArguments
from tests.kit.mail.messages import multipart, part

LISTING = [
    "id",
    "threadId",
    "mailboxIds",
    "keywords",
    "from",
    "to",
    "subject",
    "receivedAt",
    "size",
    "preview",
    "hasAttachment",
]
FIELDS = (
    b"From: =?utf-8?q?J=C3=B6?= <joe@one.example>\r\nTo: Friends: a@b, c@d;\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Thu, 15 Feb 2007 01:02:03 +0200\r\nMessage-ID: <1@one.example>\r\nReferences: <a@b> <c>\r\n"
    b"Received: from a\r\nReceived: from b\r\nX-Other: 1\r\nList-Unsubscribe: <mailto:u@x>\r\nComments: a\r\n b\r\n"
)
MESSAGE = FIELDS + multipart(
    "mixed",
    multipart(
        "alternative", part("text/plain; charset=utf-8", body="häh".encode()), part("text/html", body=b"<p>h")
    ),
    part(
        "application/pdf; name=b.pdf",
        "Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf",
        "Content-ID: (x) <id@x>",
        "Content-Language: de, en",
        "Content-Location: http://x/\r\n long",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(b"PDF"),
    ),
    boundary="outer",
)


def row(octets: bytes, **others: Any) -> EmailRow:
    """As the store would have it."""
    made = summarize(octets)
    values: dict[str, Any] = {
        "email": EmailId(7),
        "thread": ThreadId(8),
        "mailboxes": (MailboxId(3), MailboxId(4)),
        "flags": "\\Seen $Forwarded",
        "received_at_ms": 1_700_000_000_999,
        "lines": made.cached_fields,
        "preview": made.preview,
        "has_attachment": made.has_attachment,
    }
    return EmailRow("Babc", len(octets), **{**values, **others})


def wanted(body_properties: list[str] | None = None, **arguments: Any) -> BodyArguments:
    return body_arguments(EmailGetArguments(account_id="A1", body_properties=body_properties, **arguments))


def get(octets: bytes, *properties: str, room: Room | None = None, **arguments: Any) -> dict[str, Any]:
    plan = Plan.of_get(properties, wanted(**arguments))
    given = (b"", octets[: summarize(octets).header_size], octets)
    found = plan.render(row(octets), given[plan.source], room)
    return json.loads(found)  # type: ignore[no-any-return]


@pytest.mark.rfc("8621 §4.2", "SHOULD")
def test_a_listing_needs_rows_alone() -> None:
    plan = Plan.of_get(LISTING, BodyArguments())

    assert plan.source is Source.ROW
    assert plan.known == {*Known} - {Known.SNOOZE, Known.SIGNATURE}, "which are of extensions"
    assert json.loads(plan.render(row(MESSAGE))) == {
        "id": "M7",
        "threadId": "T8",
        "mailboxIds": {"F3": True, "F4": True},
        "keywords": {"$seen": True, "$forwarded": True},
        "from": [{"name": "Jö", "email": "joe@one.example"}],
        "to": [{"name": None, "email": "a@b"}, {"name": None, "email": "c@d"}],
        "subject": "Grüße",
        "receivedAt": "2023-11-14T22:13:20Z",
        "size": len(MESSAGE),
        "preview": "häh",
        "hasAttachment": True,
    }


@pytest.mark.rfc("8621 §4.2", "SHOULD")
def test_all_that_should_be_fast_needs_rows_alone() -> None:
    fast = [
        name for name in EMAIL.by_default if name not in ("bodyValues", "textBody", "htmlBody", "attachments")
    ]

    assert Plan.of_get(fast, BodyArguments()).source is Source.ROW


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("id", Source.ROW), ("header:List-Id:asText", Source.ROW), ("header:list-unsubscribe:asURLs:all", Source.ROW),
        ("header:Subject", Source.HEADER), ("header:Received:all", Source.HEADER),
        ("header:X-Other:asText", Source.HEADER), ("headers", Source.HEADER), ("bodyStructure", Source.BODY),
        ("textBody", Source.BODY), ("attachments", Source.BODY), ("bodyValues", Source.ROW),
    ],
)  # fmt: skip
def test_what_a_property_is_made_of(name: str, source: Source) -> None:
    assert Plan.of_get([name], BodyArguments()).source is source


def test_texts_need_the_message_where_they_are_wanted() -> None:
    assert Plan.of_get(["bodyValues"], wanted(fetch_all_body_values=True)).source is Source.BODY


def test_only_what_is_wanted_of_a_row_is_known() -> None:
    assert Plan.of_get(["size", "from"], BodyArguments()).known == {Known.IDS, Known.SIZE, Known.LINES}
    assert Plan.of_get(["size", "headers", "from"], BodyArguments()).known == {Known.IDS, Known.SIZE}


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_id_is_always_there_and_else_what_was_asked_for() -> None:
    assert get(MESSAGE, "size", "size") == {"id": "M7", "size": len(MESSAGE)}
    assert set(get(MESSAGE)) == {"id"}


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_what_is_returned_by_default() -> None:
    plan = Plan.of_get(None, BodyArguments())

    assert tuple(json.loads(plan.render(row(MESSAGE), MESSAGE))) == EMAIL.by_default


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_names_keep_their_capitalization() -> None:
    found = get(MESSAGE, "header:sUBJECT:asText", "header:Subject:asText", 'header:"\\:all')

    assert found == {
        "id": "M7",
        "header:sUBJECT:asText": "Grüße",
        "header:Subject:asText": "Grüße",
        'header:"\\:all': [],
    }


@pytest.mark.rfc("8621 §4.1.3", "MUST")
def test_header_properties() -> None:
    found = get(
        MESSAGE, "header:Received", "header:Received:all", "header:X-None", "header:X-None:all", "header:Comments",
        "header:Comments:asText", "references", "inReplyTo", "sentAt", "header:X-Other:asAddresses:all",
    )  # fmt: skip
    del found["id"]

    assert found == {
        "header:Received": " from b",
        "header:Received:all": [" from a", " from b"],
        "header:X-None": None,
        "header:X-None:all": [],
        "header:Comments": " a\r\n b",
        "header:Comments:asText": "a b",
        "references": ["a@b", "c"],
        "inReplyTo": None,
        "sentAt": "2007-02-15T01:02:03+02:00",
        "header:X-Other:asAddresses:all": [[{"name": None, "email": "1"}]],
    }


@pytest.mark.rfc("8621 §4.1.3", "MUST")
def test_all_headers_in_order() -> None:
    found = get(b"From x\r\nTo : a@b\r\nX: \0\xff\r\nto: \xc3\xa4\r\n\r\n", "headers")["headers"]

    assert found == [
        {"name": "To", "value": " a@b"},
        {"name": "X", "value": " \ufffd"},
        {"name": "to", "value": " ä"},
    ]


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_properties_of_parts() -> None:
    pdf = {
        "partId": "2", "blobId": "Babc-2", "size": 3, "name": "ä.pdf", "type": "application/pdf", "charset": None,
        "disposition": "attachment", "cid": "id@x", "language": ["de", "en"], "location": "http://x/long",
    }  # fmt: skip
    text = {
        "partId": "1.1", "blobId": "Babc-1_1", "size": 4, "name": None, "type": "text/plain", "charset": "utf-8",
        "disposition": None, "cid": None, "language": None, "location": None,
    }  # fmt: skip
    found = get(MESSAGE, "textBody", "attachments")

    assert found["attachments"] == [pdf]
    assert found["textBody"] == [text]


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_the_structure_has_its_parts_whatever_is_asked_of_them() -> None:
    found = get(MESSAGE, "bodyStructure", body_properties=["partId", "type", "blobId"])["bodyStructure"]

    assert found == {
        "partId": None, "type": "multipart/mixed", "blobId": None, "subParts": [
            {"partId": None, "type": "multipart/alternative", "blobId": None, "subParts": [
                {"partId": "1.1", "type": "text/plain", "blobId": "Babc-1_1"},
                {"partId": "1.2", "type": "text/html", "blobId": "Babc-1_2"},
            ]},
            {"partId": "2", "type": "application/pdf", "blobId": "Babc-2"},
        ],
    }  # fmt: skip


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_header_properties_of_parts() -> None:
    (found,) = get(
        MESSAGE,
        "attachments",
        body_properties=["header:Content-Type", "header:content-id:asMessageIds", "headers"],
    )["attachments"]

    assert found["header:Content-Type"] == " application/pdf; name=b.pdf"
    assert found["header:content-id:asMessageIds"] == ["id@x"]
    assert [field["name"] for field in found["headers"]][:2] == ["Content-Type", "Content-Disposition"]


@pytest.mark.rfc("8621 §4.1.4", "MUST")
@pytest.mark.parametrize(
    ("message", "charset"),
    [
        (b"\r\nx", "us-ascii"), (part("text/plain"), "us-ascii"), (part("text/plain; charset=X"), "X"),
        (part("image/png"), None), (part("image/png; charset=X"), "X"), (b"Content-Type: \r\n\r\n", "us-ascii"),
    ],
)  # fmt: skip
def test_the_charset_of_a_part(message: bytes, charset: str | None) -> None:
    structure = get(message, "bodyStructure", body_properties=["charset"])["bodyStructure"]

    assert structure == {"charset": charset}


@pytest.mark.parametrize("name", ["invoice\u202egpj.exe", "a\u2066b\u2069", "\u061cx", "a\nb", "lone \ufffd"])
def test_names_of_parts_are_told_as_they_are(name: str) -> None:
    encoded = "".join(f"%{octet:02X}" for octet in name.encode())
    message = part("application/pdf", f"Content-Disposition: attachment; filename*=utf-8''{encoded}")

    assert get(message, "attachments")["attachments"][0]["name"] == name


OF_TEXT, OF_HTML, OF_ALL = (f"fetch_{name}_body_values" for name in ("text", "html", "all"))


@pytest.mark.rfc("8621 §4.2", "MUST")
@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ([], []), ([OF_TEXT], ["1.1"]), ([OF_HTML], ["1.2"]), ([OF_TEXT, OF_HTML], ["1.1", "1.2"]),
        ([OF_ALL], ["1.1", "1.2"]),
    ],
)  # fmt: skip
def test_which_texts_are_returned(arguments: list[str], numbers: list[str]) -> None:
    chosen: dict[str, Any] = dict.fromkeys(arguments, True)

    assert list(get(MESSAGE, "bodyValues", **chosen)["bodyValues"]) == numbers


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_texts_are_truncated() -> None:
    found = get(MESSAGE, "bodyValues", fetch_text_body_values=True, max_body_value_bytes=2)["bodyValues"]

    assert found == {"1.1": {"value": "h", "isEncodingProblem": False, "isTruncated": True}}


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_how_long_texts_may_be() -> None:
    assert wanted(max_body_value_bytes=0).max_octets == MAX_VALUE_OCTETS
    assert wanted(max_body_value_bytes=2**40).max_octets == MAX_VALUE_OCTETS
    assert wanted(max_body_value_bytes=1).max_octets == 1


def test_several_texts_share_the_room_of_the_response() -> None:
    message = multipart("mixed", *[part("text/plain", body=b"x" * 10)] * 3)
    room = Room(15)
    found = get(message, "bodyValues", fetch_all_body_values=True, room=room)["bodyValues"]

    assert [value["value"] for value in found.values()] == ["x" * 10, "x" * 5, ""]
    assert [value["isTruncated"] for value in found.values()] == [False, True, True]
    assert room.octets == 0


@pytest.mark.rfc("8621 §4.2", "MUST")
@pytest.mark.parametrize("name", ["", "Subject", "header:From:asDate", "header:", "text", "partId", "é"])
def test_properties_that_do_not_exist(name: str) -> None:
    with pytest.raises(MethodError):
        Plan.of_get(["id", name], BodyArguments())
    with pytest.raises(MethodError):
        Plan.of_parse([name], BodyArguments())


@pytest.mark.parametrize("name", ["", "Size", "header:From:asDate", "subject", "bodyStructure"])
def test_properties_of_parts_that_do_not_exist(name: str) -> None:
    with pytest.raises(MethodError):
        wanted(["partId", name])


def test_properties_are_limited() -> None:
    names = [f"header:X-{number}" for number in range(DEFAULT_LIMITS.max_properties + 1)]
    with pytest.raises(MethodError):
        Plan.of_get(names, BodyArguments())
    with pytest.raises(MethodError):
        wanted(names)


def test_work_is_done_in_slices() -> None:
    message = multipart("mixed", *[part("text/plain", body=b"x" * 100_000)] * 5)
    slices: list[int] = []
    plan = Plan.of_get(["bodyValues", "bodyStructure"], wanted(fetch_all_body_values=True))
    plan.render(row(message), message, None, lambda: slices.append(1))

    assert len(slices) >= 5 * 100_000 // (16 * 1024)
