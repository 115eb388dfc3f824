"""Emails as JMAP has them: all properties of any octets, checked for their types (RFC 8621 §4.1)."""

import json
from typing import Any

from pillarbox.mail.date import parse_any
from pillarbox.mail.identifiers import EmailId, MailboxId, ThreadId
from pillarbox.mail.summary import summarize
from pillarbox.protocol.jmap.email.body_part import blob_id, decoded, find
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.message import BodyArguments, Source
from pillarbox.protocol.jmap.email.parsing import is_parsable, parse_blob
from pillarbox.protocol.jmap.email.plan import Plan, body_arguments
from pillarbox.protocol.jmap.types.email import BODY_PART, EMAIL, EmailGetArguments

FORMS = (
    "asRaw", "asText", "asAddresses", "asGroupedAddresses", "asMessageIds", "asDate", "asURLs",
)  # fmt: skip
ANY_FORM = tuple(f"header:X-A:{form}{every}" for form in FORMS for every in ("", ":all"))
BODY = body_arguments(
    EmailGetArguments(
        account_id="A1",
        body_properties=[*BODY_PART.properties, "header:Content-Type", "header:Content-ID:asMessageIds:all"],
        fetch_all_body_values=True,
    )
)
OF_MESSAGE = ("headers", "bodyStructure", "header:Subject", "header:Received:all", *ANY_FORM)
EVERYTHING = Plan.of_get((*EMAIL.by_default, *OF_MESSAGE), BODY)
PARSED = Plan.of_parse((*EMAIL.by_default, *OF_MESSAGE), BODY)
ROWS = Plan.of_get(
    (*(name for name in EMAIL.by_default if not name.endswith(("Body", "Values", "attachments"))),
     "header:List-Id:asText:all", "header:To:asGroupedAddresses:all", "header:List-Post:asURLs"),
    BodyArguments(),
)  # fmt: skip
assert ROWS.source is Source.ROW


def check_email(octets: bytes) -> dict[str, Any]:
    """Every property, with what always holds asserted."""
    row = _row(octets)
    email: dict[str, Any] = json.loads(EVERYTHING.render(row, octets))
    assert tuple(email) == tuple(dict.fromkeys((*EMAIL.by_default, *OF_MESSAGE)))
    _check_header(email)
    _check_parts(octets, email)
    _check_rows(row, octets, email)
    parsed = parse_blob(octets, "Babc", PARSED)
    assert (parsed is not None) is is_parsable(octets)
    if parsed is not None:
        nothing = dict.fromkeys(("id", "threadId", "mailboxIds", "keywords", "receivedAt"))
        assert json.loads(parsed) == {**email, **nothing}
    return email


def _row(octets: bytes) -> EmailRow:
    made = summarize(octets)
    return EmailRow(
        "Babc", len(octets), EmailId(1), ThreadId(2), (MailboxId(3),), "\\Seen", 0, made.cached_fields, made.preview,
        made.has_attachment,
    )  # fmt: skip


def _check_rows(row: EmailRow, octets: bytes, email: dict[str, Any]) -> None:
    """What is made of a row or of the header is what is made of the message."""
    header = octets[: summarize(octets).header_size]
    of_header = Plan.of_get((*[one.before[1:-2].decode() for one in ROWS.wanted], "headers"), BodyArguments())
    assert of_header.source is Source.HEADER
    expected = json.loads(of_header.render(row, header))
    del expected["headers"]
    assert json.loads(ROWS.render(row)) == expected
    header_only = Plan.of_get([name for name in OF_MESSAGE if name != "bodyStructure"], BodyArguments())
    assert header_only.source is Source.HEADER
    assert json.loads(header_only.render(row, header)).items() <= email.items()


def _check_header(email: dict[str, Any]) -> None:
    for name in ("from", "to", "cc", "bcc", "sender", "replyTo", "header:X-A:asAddresses"):
        for address in email[name] or ():
            _check_address(address)
    for name in ("messageId", "inReplyTo", "references", "header:X-A:asMessageIds", "header:X-A:asURLs"):
        assert email[name] is None or (
            email[name] and all(each and isinstance(each, str) for each in email[name])
        )
    for group in email["header:X-A:asGroupedAddresses"] or ():
        assert set(group) == {"name", "addresses"}
        list(map(_check_address, group["addresses"]))
    for name in ("sentAt", "header:X-A:asDate", "receivedAt"):
        assert email[name] is None or (email[name][10] == "T" and parse_any(email[name].encode()) is not None)
    for name in ("subject", "header:X-A:asText", "header:X-A:asRaw", "header:Subject"):
        assert email[name] is None or (isinstance(email[name], str) and "\0" not in email[name])
    for form in FORMS:
        every = email[f"header:X-A:{form}:all"]
        assert (every[-1] if every else None) == email[f"header:X-A:{form}"]
    for field in email["headers"]:
        assert set(field) == {"name", "value"}
        assert field["name"]


def _check_address(address: dict[str, Any]) -> None:
    assert set(address) == {"name", "email"}
    assert isinstance(address["email"], str)
    assert address["name"] is None or isinstance(address["name"], str)


def _check_parts(octets: bytes, email: dict[str, Any]) -> None:
    leaves: dict[str, Any] = {}
    _check_part(octets, email["bodyStructure"], leaves)
    shown: dict[str, set[str]] = {}
    for name in ("textBody", "htmlBody", "attachments"):
        shown[name] = {part["partId"] for part in email[name]}
        assert all(leaves[part["partId"]] == part for part in email[name])
    assert set().union(*shown.values()) == set(leaves)
    for number in shown["attachments"]:
        media = leaves[number]["type"].partition("/")[0]
        assert number not in shown["textBody"] & shown["htmlBody"]
        assert media in ("image", "audio", "video") or number not in shown["textBody"] | shown["htmlBody"]
    assert set(email["bodyValues"]) == {
        number for number, part in leaves.items() if part["type"][:5] == "text/"
    }
    for value in email["bodyValues"].values():
        assert [type(each) for each in value.values()] == [str, bool, bool]


def _check_part(octets: bytes, part: dict[str, Any], leaves: dict[str, Any]) -> None:
    assert isinstance(part["size"], int)
    assert part["type"].count("/") >= 1
    if part["type"].startswith("multipart/"):
        assert part["partId"] is None
        assert part["blobId"] is None
        assert part["subParts"]
        for child in part["subParts"]:
            _check_part(octets, child, leaves)
        return
    assert part["subParts"] is None
    assert part["partId"] not in leaves
    assert part["blobId"] == blob_id("Babc", part["partId"])
    place = find(octets, part["partId"])
    assert place is not None
    assert sum(map(len, decoded(*place))) == part["size"]
    leaves[part["partId"]] = part
