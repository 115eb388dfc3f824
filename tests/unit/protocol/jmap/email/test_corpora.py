"""Emails of the public corpora: every property of every message, and what mail-parser says of them."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email.body_part import BodyPart, tree
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.plan import Plan, body_arguments
from pillarbox.protocol.jmap.types.email import EmailParseArguments
from tests.kit.corpora import mailing_list, needs_corpora, single_messages
from tests.kit.mail.emails import check_email
from tests.kit.paths import CORPORA

pytestmark = needs_corpora

Json = Any


def test_every_property_of_every_message() -> None:
    for _, octets in single_messages():
        check_email(octets)
        bare = octets.replace(b"\r\n", b"\n")
        check_email(bare)
        check_email(bare.replace(b"\n", b"\r\n"))


def test_every_property_of_messages_that_are_cut() -> None:
    for name, octets in single_messages():
        if len(octets) < 3_000 and "malformed" in name:
            for end in range(0, len(octets), 31):
                check_email(octets[:end])


def test_every_property_of_a_mailing_list() -> None:
    for place, entry in enumerate(mailing_list()):
        if place % 10 == 0:
            check_email(entry.octets)  # type: ignore[union-attr] # none is too large


# --- mail-parser: header fields, lists of parts, texts

EIGHT_BIT = "octets above 127 that are no UTF-8 are windows-1252 for us, U+FFFD for mail-parser"
MEDIA = (
    "media in textBody and htmlBody are no attachments (RFC 8621 §4.1.4); mail-parser has them in all three"
)
TREE = "the trees differ: tests/unit/mail/test_corpora_trees.py"
UNDECODED = (
    "mail-parser says nothing of an encoding that it does not know, or of a text that it does not decode"
)
BASE64 = "octets behind the padding of base64, or that are not of its alphabet, are left out"
ONE_WORD = "a word without an @ is taken for an address, not for a name; RFC 8621 §4.1.2.3 allows either"
OPEN = "a part that is not closed is shown as text; mail-parser has it as an attachment"
PREFIX = "mail-parser takes another boundary's line for a prefix"

DIFFERENCES: dict[str, tuple[str, str]] = {
    "legacy/010": ("to subject", EIGHT_BIT),
    "legacy/017": ("to", EIGHT_BIT),
    "legacy/020": ("to subject", EIGHT_BIT),
    "legacy/022": ("to subject", EIGHT_BIT),
    "legacy/026": ("isEncodingProblem value", EIGHT_BIT),
    "legacy/027": ("to subject", EIGHT_BIT),
    "legacy/030": ("attachments", MEDIA),
    "legacy/032": ("attachments", MEDIA),
    "legacy/033": (
        "isEncodingProblem",
        "octets that are not UTF-8 are one for us, and were shown as U+FFFD by both",
    ),
    "legacy/035": ("attachments", MEDIA),
    "legacy/037": ("attachments", MEDIA),
    "legacy/039": ("attachments", MEDIA),
    "legacy/044": ("attachments", MEDIA),
    "legacy/048": ("attachments", MEDIA),
    "legacy/049": ("value", "a lone CR at the end of the file belongs to our body"),
    "legacy/052": ("isEncodingProblem value to subject", EIGHT_BIT),
    "malformed/000": ("tree", TREE),
    "malformed/001": ("textBody htmlBody attachments isEncodingProblem value", PREFIX),
    "malformed/002": ("tree", OPEN),
    "malformed/003": ("textBody htmlBody attachments isEncodingProblem", OPEN),
    "malformed/004": ("textBody htmlBody attachments isEncodingProblem", OPEN),
    "malformed/005": ("value", TREE),
    "malformed/006": ("textBody htmlBody attachments isEncodingProblem", OPEN),
    "malformed/007": ("textBody htmlBody attachments isEncodingProblem", TREE),
    "malformed/008": ("textBody htmlBody attachments isEncodingProblem", PREFIX),
    "malformed/009": ("tree", TREE),
    "malformed/011": ("tree", TREE),
    "malformed/012": ("tree", TREE),
    "malformed/016": ("tree", TREE),
    "malformed/017": ("attachments", MEDIA),
    "malformed/019": (
        "isEncodingProblem value",
        "US-ASCII with octets above 127 is a problem for us; and " + TREE,
    ),
    "malformed/020": ("tree", TREE),
    "malformed/021": ("tree", TREE),
    "rfc/000": (
        "textBody htmlBody attachments",
        "media of a multipart/parallel are inline by RFC 8621's algorithm",
    ),
    "rfc/001": ("from to", ONE_WORD),
    "rfc/004": ("from to", ONE_WORD),
    "thirdparty/002": ("textBody htmlBody attachments value", BASE64),
    "thirdparty/004": ("isEncodingProblem", UNDECODED),
    "thirdparty/005": ("value", "a boundary in the middle of a line is text (RFC 2046 §5.1.1)"),
    "thirdparty/013": ("attachments", MEDIA),
    "thirdparty/015": ("tree", TREE),
}
"""Per message: what differs, and why. All else is equal."""

FIELDS = {
    "subject": "subject", "from": "from", "to": "to", "cc": "cc", "bcc": "bcc", "reply_to": "replyTo",
    "sender": "sender", "date": "sentAt", "message_id": "messageId", "in_reply_to": "inReplyTo",
    "references": "references",
}  # fmt: skip
LISTS = {"text_body": "textBody", "html_body": "htmlBody", "attachments": "attachments"}
PLAN = Plan.of_parse(
    [*FIELDS.values(), *LISTS.values(), "bodyValues"],
    body_arguments(
        EmailParseArguments(
            account_id="A1", blob_ids=[], body_properties=["partId"], fetch_all_body_values=True
        )
    ),
)


def test_emails_agree_with_mail_parser() -> None:
    found = {name: set(differences) for name, differences in _all_differences().items()}

    assert found == {name: set(what.split()) for name, (what, _) in DIFFERENCES.items()}


@cache
def _all_differences() -> dict[str, list[str]]:
    found = {}
    for name, octets in single_messages():
        if name.startswith("mail-parser"):
            theirs = json.loads((CORPORA / name).with_suffix(".json").read_text())
            if differences := list(_differences(octets.replace(b"\r\n", b"\n"), theirs)):
                found[name.removeprefix("mail-parser/eml/").removesuffix(".eml")] = differences
    return found


def _differences(octets: bytes, theirs: Json) -> Iterator[str]:
    email = json.loads(PLAN.render(EmailRow("B", len(octets)), octets))
    parts = list(_flat(tree(parse(octets))))
    if len(parts) != len(theirs["parts"]):
        yield "tree"
        return
    for name, ours in LISTS.items():
        if [parts[place].number for place in theirs[name]] != [part["partId"] for part in email[ours]]:
            yield ours
    for part, their_part in zip(parts, theirs["parts"], strict=True):
        if value := email["bodyValues"].get(part.number):
            if value["isEncodingProblem"] != their_part["is_encoding_problem"]:
                yield "isEncodingProblem"
            body = their_part["body"]
            text = body.get("Text", body.get("Html")) if isinstance(body, dict) else None
            if isinstance(text, str) and text.replace("\r\n", "\n") != value["value"]:
                yield "value"
    headers = {
        field["name"]: field["value"]
        for field in theirs["parts"][0]["headers"]
        if field["name"] in list(FIELDS)
    }
    for name, value in headers.items():
        if email[FIELDS[name]] != _expected(name, value):
            yield FIELDS[name]


def _flat(part: BodyPart) -> Iterator[BodyPart]:
    yield part
    for child in part.subparts:
        yield from _flat(child)


def _expected(name: str, value: Json) -> Json:
    """A value of mail-parser as JMAP has it."""
    if value == "Empty":
        return [] if name in ("from", "to", "cc") else None
    kind, content = next(iter(value.items()))
    match kind:
        case "Text":
            return content if name == "subject" else [content]
        case "DateTime":
            zone = f"{'-' if content['tz_before_gmt'] else '+'}{content['tz_hour']:02d}:{content['tz_minute']:02d}"
            day = f"{content['year']:04d}-{content['month']:02d}-{content['day']:02d}"
            clock = f"{content['hour']:02d}:{content['minute']:02d}:{content['second']:02d}"
            return f"{day}T{clock}{'Z' if zone[1:] == '00:00' else zone}"
        case "Address":
            addresses = content.get("List") or [
                one for group in content["Group"] for one in group["addresses"]
            ]
            return [{"name": one["name"], "email": one["address"] or ""} for one in addresses]
    return content
