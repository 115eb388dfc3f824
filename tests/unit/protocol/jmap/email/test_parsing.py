"""Email/parse."""

import json
from typing import Any

import pytest

from pillarbox.protocol.jmap.email import body_part
from pillarbox.protocol.jmap.email.message import BodyArguments, Source
from pillarbox.protocol.jmap.email.parsing import parse_blob
from pillarbox.protocol.jmap.email.plan import Plan
from pillarbox.protocol.jmap.types.email import PARSE_PROPERTIES
from tests.kit.mail.messages import multipart, part

INNER = b"From: a@b\r\nSubject: inner\r\n\r\ntext"
MESSAGE = multipart(
    "mixed", part("text/plain"), part("message/rfc822", body=INNER), fields=b"Subject: outer\r\n"
)


def parsed(octets: bytes, *properties: str, blob_id: str = "Babc") -> dict[str, Any] | None:
    found = parse_blob(octets, blob_id, Plan.of_parse(properties or None, BodyArguments()))
    return None if found is None else json.loads(found)


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_what_is_not_stored_is_null() -> None:
    names = ("id", "mailboxIds", "keywords", "receivedAt", "threadId", "blobId", "size")

    assert parsed(INNER, *names) == {
        "id": None, "mailboxIds": None, "keywords": None, "receivedAt": None, "threadId": None, "blobId": "Babc",
        "size": len(INNER),
    }  # fmt: skip


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_what_is_returned_by_default() -> None:
    found = parsed(MESSAGE)

    assert found is not None
    assert tuple(found) == PARSE_PROPERTIES
    assert (found["subject"], found["hasAttachment"], found["preview"]) == ("outer", True, "x")


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_an_attached_message_has_parts_of_its_own() -> None:
    place = body_part.find(MESSAGE, "2")
    assert place is not None
    octets = b"".join(body_part.decoded(*place))
    found = parsed(octets, "subject", "textBody", blob_id="Babc-2")

    assert found is not None
    assert found["subject"] == "inner"
    assert found["textBody"][0]["blobId"] == "Babc-2_1"
    inner = body_part.find(MESSAGE, "2.1")
    assert inner is not None
    assert b"".join(body_part.decoded(*inner)) == b"text"


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_headers_in_utf_8() -> None:
    found = parsed("From: Jö <jö@ö.example>\r\nSubject: ä\r\n\r\n".encode(), "from", "subject")

    assert found == {"from": [{"name": "Jö", "email": "jö@ö.example"}], "subject": "ä"}


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n", b"\x89PNG\r\n\x1a\n\0\0", b"just a text\r\n", b"From x\r\n\r\n"]
)
def test_what_has_no_header_cannot_be_parsed(octets: bytes) -> None:
    assert parsed(octets) is None


def test_all_is_made_of_the_octets() -> None:
    assert Plan.of_parse(["subject"], BodyArguments()).source is Source.BODY
    assert not Plan.of_parse(None, BodyArguments()).known


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_a_preview_has_what_is_seen() -> None:
    html = (
        "<style>p { color: red }</style><div>"
        + "\u200c\u00a0" * 100
        + "</div><p>Dear reader, "
        + "news " * 100
    )
    message = part("text/html; charset=utf-8", body=html.encode())
    found = parsed(message, "preview")

    assert found is not None
    assert found["preview"].startswith("Dear reader, news")
    assert len(found["preview"]) <= 256
