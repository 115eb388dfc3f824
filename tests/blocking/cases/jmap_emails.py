"""Emails by JMAP: read with everything that can be asked for, and set, imported, copied, parsed as many as can be."""

import base64
from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import MAX_OBJECTS, Call, Client
from tests.blocking.target import Target

FORMS: Final = ("asRaw", "asAddresses", "asGroupedAddresses", "asText", "asMessageIds", "asDate", "asURLs")
_EVERYTHING: Final = {
    "fetchAllBodyValues": True,
    "properties": [
        "headers", "bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments", "preview", "hasAttachment",
        "from", "to", "cc", "bcc", "sender", "replyTo", "messageId", "inReplyTo", "references", "sentAt", "subject",
    ],
    "bodyProperties": ["partId", "blobId", "size", "headers", "name", "type", "charset", "disposition", "cid",
                       "language", "location", "subParts"],
}  # fmt: skip
_FIELDS: Final = b"".join(b"X-%d: v\r\n" % number for number in range(1_000))
_PARTS: Final = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2_000 + b"--b--\r\n"
)
_ADDRESSES: Final = b"Subject: x\r\nTo: " + b"a <b@c.example>,\r\n " * 10_000 + b"d@e.example\r\n\r\nx\r\n"
_BRACKETS: Final = b"Subject: x\r\nTo: " + b"(<" * 3_900 + b"\r\n\r\nx\r\n"
_FEW_PARTS: Final = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 780 + b"--b--\r\n"
)
_LONG_TEXT: Final = b"Content-Type: text/html\r\n\r\n" + b"<b>lorem &amp; ipsum</b> dolor\r\n" * 30_000
_NESTED: Final = (
    b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
        for depth in range(90)
    )
    + b"Content-Type: message/rfc822\r\n\r\n" * 90
    + b"Subject: x\r\n\r\nx\r\n"
)
_GROUPS: Final = b"To: " + b"a: b@c.example, d@e.example;, " * 250 + b"x@y.example\r\n\r\nx\r\n"


def _forms(number: int = 490) -> list[str]:
    """Header properties: each form of fields that are there."""
    names = [f"header:X-{number}:{form}" for number in range(999) for form in FORMS]
    addresses = [f"header:{name}:{form}:all" for name in ("To", "Cc", "From") for form in FORMS[:3]]
    return [*addresses, *names][:number]


def reading(target: Target) -> str:
    """All that can be asked for of messages with very many fields, parts and addresses."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    answers = []
    for octets, number in (
        (_FIELDS + b"\r\nx\r\n", 20),
        (_FIELDS[:8000] + b"\r\nx\r\n", 200),
        (_PARTS, 20),
        (_FEW_PARTS, 100),
        (_ADDRESSES, 20),
        (_BRACKETS, 200),
        (_GROUPS, 200),
        (_LONG_TEXT, 20),
        (_NESTED, 100),
    ):
        emails = client.put(octets, mailbox, number)
        calls: list[Call] = [
            ("Email/get", {**_EVERYTHING, "ids": emails}),
            ("Email/get", {"properties": _forms(), "ids": emails}),
        ]
        answers.append(client.flood(client.body(calls)))
    return target.all_of(answers)


def snippets(target: Target) -> str:
    """Snippets of very long texts, for very many words."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    short = b"Subject: " + b"a " * 400 + b"\r\n\r\n" + b"lorem ipsum " * 500 + b"\r\n"
    long, several = client.put(_LONG_TEXT, mailbox, 20), client.put(short, mailbox, 500)
    words = [{"text": " ".join(f"{one:x}{number}" for number in range(1_400))} for one in range(250)]
    letters = [{"text": " ".join("abcdefghijklmnopqrstuvwxyz")}, {"text": '"' + "a " * 4000 + '"'}]
    return target.all_of(
        [
            client.flood(client.body([("SearchSnippet/get", {"filter": wanted, "emailIds": emails})] * 4))
            for wanted in ({"operator": "OR", "conditions": words}, {"operator": "OR", "conditions": letters})
            for emails in (several, long)
        ]
    )


def _drafts(client: Client, **properties: Any) -> dict[str, Any]:
    (mailbox,) = client.mailboxes()
    return {
        f"c{number}": {"mailboxIds": {mailbox: True}, "subject": str(number), **properties}
        for number in range(MAX_OBJECTS)
    }


def _body(text: str) -> dict[str, Any]:
    return {"bodyStructure": {"type": "text/plain", "partId": "1"}, "bodyValues": {"1": {"value": text}}}


def _nest(depth: int) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "text/plain", "partId": "1"}
    for _ in range(depth):
        part = {"type": "multipart/mixed", "subParts": [part]}
    return part


def creating(target: Target) -> str:
    """As many new emails as can be, with texts and attachments as large as can be, and some with very many fields."""
    client = Client(target)
    blob = client.upload(bytes(range(256)) * 80_000, "application/octet-stream")
    attached = {"attachments": [{"blobId": blob, "type": "a/b"}]}
    address = {"name": "ä" * 20, "email": "a@b.example"}
    fields = {f"header:X-{number}:asText": "ä" * 20 for number in range(2_000)}
    drafts = [
        _drafts(client, **_body("x " * 9_000)),
        _drafts(client, **_body("ä" * 4_000)),
        _drafts(client, to=[address] * 20),
        dict([*_drafts(client, to=[address] * 8_000).items()][:2]),
        dict([*_drafts(client, **fields).items()][:10]),
        dict([*_drafts(client, **_body("ä" * 4_000_000)).items()][:1]),
        dict([*_drafts(client, **_body("x" * 9_000_000)).items()][:1]),
        dict([*_drafts(client, **attached).items()][:5]),
        dict([*_drafts(client, bodyStructure=_nest(50), bodyValues={"1": {"value": "x"}}).items()][:200]),
    ]
    return target.all_of([client.flood(client.body([("Email/set", {"create": one})])) for one in drafts])


def updating(target: Target) -> str:
    """As many changes as can be, of as much of each email as can be; then all are destroyed."""
    client = Client(target)
    boxes = client.mailboxes(200)
    emails = client.put(b"Subject: x\r\n\r\nx\r\n", boxes[0], 2_000)
    keywords = {f"keywords/k{number}": True for number in range(400)}
    unset = {f"keywords/k{number}": None for number in range(400)}
    moved = {f"mailboxIds/{box}": True for box in boxes}
    fixed = {f"header:X-{number}:asText": "x" for number in range(400)}
    some = emails[:MAX_OBJECTS]
    updates: list[dict[str, Any]] = [
        dict.fromkeys(some[:100], unset),
        dict.fromkeys(some[:100], keywords),
        {email: {"keywords": {f"k{number}": True for number in range(400)}} for email in some[:100]},
        dict.fromkeys(some[:100], fixed),
        {email: {f"header:X-{number}:asText": "x" for number in range(90)} for email in some},
        {email: {"keywords/$seen": True, "keywords/a": True} for email in some},
        dict.fromkeys(some[:200], moved),
        {email: {"mailboxIds": dict.fromkeys(boxes[:99], True)} for email in some},
    ]
    answers = [client.flood(client.body([("Email/set", {"update": one})])) for one in updates]
    destroyed = [
        ("Email/set", {"destroy": emails[at : at + MAX_OBJECTS]}) for at in range(0, len(emails), MAX_OBJECTS)
    ]
    return target.all_of([*answers, client.flood(client.body(destroyed))])


def importing(target: Target) -> str:
    """As many imports as can be, of short messages and long ones, into many mailboxes."""
    client = Client(target)
    boxes = client.mailboxes(60)
    short, large = client.upload(b"Subject: x\r\n\r\nx\r\n"), client.upload(_LONG_TEXT * 10)
    odd = client.upload(_NESTED)
    several = dict.fromkeys(boxes, True)

    def emails(blob: str, mailboxes: dict[str, bool], number: int = MAX_OBJECTS) -> dict[str, Any]:
        given = {"blobId": blob, "mailboxIds": mailboxes, "keywords": {"a": True}}
        return {"emails": {f"e{one}": given for one in range(number)}}

    one = {boxes[0]: True}
    return target.all_of(
        [
            client.calls("Email/import", emails(short, one), 2),
            client.calls("Email/import", emails(short, several, 50), 2),
            client.calls("Email/import", emails(large, one, 10), 2),
            client.calls("Email/import", emails(odd, one, 250), 1),
            client.calls(
                "Email/copy", {"fromAccountId": client.account, "create": emails(short, one)["emails"]}, 8
            ),
        ]
    )


def parsing(target: Target) -> str:
    """Messages within messages, and all of a message that has very much."""
    client = Client(target)
    encoded = base64.encodebytes(_NESTED * 20).replace(b"\n", b"\r\n")
    within = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
    answers = []
    for octets in (
        _NESTED,
        within,
        _PARTS,
        _FEW_PARTS,
        _ADDRESSES,
        _BRACKETS,
        _GROUPS,
        _FIELDS + b"\r\n",
        _LONG_TEXT,
    ):
        blob = client.upload(octets)
        named = [blob, *[f"{blob}-{part}" for part in range(1, 400)]]
        answers.append(client.calls("Email/parse", {**_EVERYTHING, "blobIds": named}, 2))
    return target.all_of(answers)


CASES: Final = (
    Case("Email/get of all of 500 emails with 1,000 fields, 2,000 parts, 10,000 addresses", "8 KiB, then in a thread",
         reading, memory_mib=768),
    Case("SearchSnippet/get of 500 emails for very many words", "32 terms; 8 KiB, then in a thread", snippets),
    Case("Email/set of 500 new emails; with 9 MB of text; with 100 MB of attachments", "16 KiB, then in a thread",
         creating, memory_mib=512),
    Case("Email/set of 500 emails; with 400 pointers each; all destroyed", "300 changes, then in a thread", updating),
    Case("Email/import and Email/copy of 500 emails; into 60 mailboxes", "50 in one transaction", importing,
         memory_mib=512),
    Case("Email/parse of 400 parts of a message, and of what is within 90 others", "8 KiB, then in a thread", parsing),
)  # fmt: skip
