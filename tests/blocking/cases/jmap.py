"""JMAP beside emails and queries: requests as large as can be, references, and types of which records hold much."""

import json
from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import MAX_CALLS, MAX_OBJECTS, Client
from tests.blocking.target import Target

MEGABYTES: Final = 10_000_000
RECIPIENTS: Final = 1_000
_CONTENT: Final = b"From: u0@one.example\r\nTo: a@b.example\r\nSubject: x\r\n\r\nx\r\n"


def echoes(target: Target) -> str:
    """10 MB that are sent back: one text, many values, and as deep as can be."""
    client = Client(target)
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    return client.flood(
        client.body([("Core/echo", {"a": "x" * (MEGABYTES - 2_000)})]),
        client.body([("Core/echo", {"a": "\N{SNOWMAN}" * 1_600_000})]),
        client.body([("Core/echo", {"a": ["x" * 100] * 49_000})]),
        client.body([("Core/echo", {str(number): "x" * 180 for number in range(49_000)})]),
        client.body([("Core/echo", {"a": deep, "b": "x" * 100_000})] * MAX_CALLS),
        client.body([("Core/echo", {"a": [1] * 49_000})]),
    )


def requests(target: Target) -> str:
    """What is no request: too many calls and values, members that are there twice, code points that are none."""
    client = Client(target)
    many = b'{"a":[' + b"[]," * 3_000_000 + b"[]]}"
    members = b"{" + b'"a":0,' * 40_000 + b'"b":0}'
    odd = json.dumps({"a": "\N{SNOWMAN}" * 3_000_000 + "\ufdd0"}, ensure_ascii=False).encode()
    return client.flood(
        many,
        members,
        odd,
        b"[" * MEGABYTES,
        b'"' * MEGABYTES,
        b"\\" * MEGABYTES,
        client.body([("Core/echo", {})] * 10_000),
        client.body([], createdIds={f"c{number}": "x" for number in range(40_000)}),
        client.body([], using=["urn:x"] * 40_000),
    )


def references(target: Target) -> str:
    """References whose paths lead through as much as they may, of results that double."""
    client = Client(target)
    wide = ("Core/echo", {"list": [{"ids": ["x" * 20] * 40} for _ in range(700)]})
    paths = ("/list/*/ids", "/list/*", "/list", "", "/list/0/ids/0", "/list/*/ids/39", "/list" + "/0" * 31)
    named = [
        (
            "Core/echo",
            {f"#a{number}": {"resultOf": "0", "name": "Core/echo", "path": path} for number in range(40)},
        )
        for path in paths
    ]
    doubled: list[tuple[str, dict[str, Any]]] = [("Core/echo", {"a": ["x"] * 1_000})]
    for number in range(1, MAX_CALLS):
        before = {"resultOf": str(number - 1), "name": "Core/echo", "path": ""}
        doubled.append(("Core/echo", {"#a": before, "#b": before}))
    return client.flood(client.body([wide, *(named * 9)[:63]]), client.body(doubled))


def mailboxes(target: Target) -> str:
    """As many new mailboxes as can be, each within the one before, with the longest names; renamed, and destroyed."""
    client = Client(target)
    several: list[tuple[str, dict[str, Any]]] = []
    for start in range(0, 4_000, MAX_OBJECTS):
        created = {
            f"c{number}": {"name": f"ä{number}", "parentId": None if number % 10 == 0 else f"#c{number - 1}"}
            for number in range(start, start + MAX_OBJECTS)
        }
        several.append(("Mailbox/set", {"create": created}))
    client.post(client.body(several))
    found = client.ids("Mailbox/query")
    renamed = {
        one: {"name": f"b{number}", "sortOrder": number} for number, one in enumerate(found[:MAX_OBJECTS])
    }
    turned = {one: {"parentId": other} for one, other in zip(found[:400], reversed(found[:400]), strict=True)}
    whole = {one: {"totalEmails": 0, "isSubscribed": True} for one in found[:MAX_OBJECTS]}
    answers = [client.calls("Mailbox/set", {"update": update}, 4) for update in (renamed, turned, whole)]
    destroyed = [
        ("Mailbox/set", {"destroy": found[at : at + MAX_OBJECTS], "onDestroyRemoveEmails": True})
        for at in range(0, len(found), MAX_OBJECTS)
    ]
    return target.all_of([*answers, client.flood(client.body(destroyed))])


def identities(target: Target) -> str:
    """Identities and a vacation response with texts as long as can be, in all calls."""
    client = Client(target)
    html = "<b>&amp;" * 1_000_000
    record = {"email": target.victim.address, "textSignature": "x" * 8_000, "htmlSignature": html[:8_000]}
    created = {f"c{number}": record for number in range(MAX_OBJECTS)}
    long = {"name": "x", "email": target.victim.address, "htmlSignature": html}
    addresses = [{"email": "a@b.example", "name": "ä" * 20}] * 10_000
    found = [one["id"] for one in client.answer("Identity/get", {"ids": None})["list"]]
    longest = {"singleton": {"isEnabled": True, "textBody": "x" * 3_000_000, "htmlBody": html[:3_000_000]}}
    large = {"singleton": {"isEnabled": True, "textBody": "x" * 30_000, "htmlBody": html[:30_000]}}
    return target.all_of(
        [
            client.calls("Identity/set", {"create": created}, 1),
            client.calls("Identity/set", {"create": {"a": long}}, 1),
            client.calls("Identity/set", {"create": {"a": {**record, "bcc": addresses}}}, 1),
            client.calls("Identity/set", {"update": dict.fromkeys(found, record)}, 40),
            client.calls("Identity/get", {"ids": None}),
            client.calls("VacationResponse/set", {"update": longest}, 1),
            client.calls("VacationResponse/set", {"update": large}, MAX_CALLS),
            client.calls("VacationResponse/get", {"ids": None}),
        ]
    )


def submissions(target: Target) -> str:
    """Messages that are sent to as many recipients as can be, in every call; what is asked of them, and undone."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    (email,) = client.put(_CONTENT.replace(b"u0@one.example", target.victim.address.encode()), mailbox)
    identity = client.answer("Identity/get", {"ids": None})["list"][0]["id"]
    recipients = [{"email": f"a{number}@elsewhere.example"} for number in range(RECIPIENTS)]
    given = {
        "identityId": identity,
        "emailId": email,
        "envelope": {
            "mailFrom": {"email": target.victim.address, "parameters": {"HOLDFOR": "3000"}},
            "rcptTo": recipients[:750],
        },
    }
    odd = [{"email": f"a {number}", "parameters": {"x" * 20: "y" * 20}} for number in range(RECIPIENTS)]
    wrong = {**given, "envelope": {**given["envelope"], "rcptTo": odd * 6}}
    many = {f"c{number}": {**given, "envelope": None} for number in range(MAX_OBJECTS)}
    answers = [
        client.calls("EmailSubmission/set", {"create": {"a": given}}, 20),
        client.calls("EmailSubmission/set", {"create": {"a": wrong}}, 2),
        client.calls("EmailSubmission/get", {"ids": None}, 20),
        client.calls("EmailSubmission/set", {"create": many}, 1),
        client.calls("EmailSubmission/query", {"filter": {"emailIds": [email] * 500}}),
    ]
    sent = client.ids("EmailSubmission/query")
    gone = [
        ("EmailSubmission/set", {"destroy": sent[at : at + MAX_OBJECTS]})
        for at in range(0, 2_000, MAX_OBJECTS)
    ]
    canceled = [("EmailSubmission/set", {"update": {one: {"undoStatus": "canceled"} for one in sent[:80]}})]
    return target.all_of([*answers, client.flood(client.body(canceled), client.body(gone))])


def blobs(target: Target) -> str:
    """As many blobs as can be in each call: made, read and looked up."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    client.put(_CONTENT, mailbox, 5_000)
    created = {
        f"c{number}": {"data": [{"data:asText": f"{number}"}] * 40, "type": "a/b"}
        for number in range(MAX_OBJECTS)
    }
    encoded = {f"c{number}": {"data": [{"data:asBase64": "QUJD" * 200_000}]} for number in range(10)}
    blob = client.answer("Email/get", {"ids": client.ids("Email/query", limit=1)})["list"][0]["blobId"]
    made = client.answer("Blob/upload", {"create": created})["created"]
    uploads = [one["id"] for one in made.values()]
    text = client.upload("\N{SNOWMAN}".encode() * 1_000_000)
    return target.all_of(
        [
            client.calls("Blob/upload", {"create": encoded}, 1),
            client.calls("Blob/get", {"ids": [text], "properties": ["data:asText", "data:asBase64"]}, 8),
            client.calls("Blob/get", {"ids": uploads, "properties": ["digest:sha", "size"]}, 8),
            client.calls("Blob/lookup", {"ids": uploads, "typeNames": ["Email", "Thread", "Mailbox"]}, 8),
            client.calls("Blob/lookup", {"ids": [blob], "typeNames": ["Email", "Thread", "Mailbox"]}, 20),
        ]
    )


CASES: Final = (
    Case("Core/echo of 10 MB: a text, 49,000 values", "10 MB; 50,000 values; pieces of 64 KiB", echoes, memory_mib=512),
    Case("JMAP requests of 10 MB that are none", "64 deep; 50,000 values", requests),
    Case("References to all of results that are large, or that double", "20,000 values; 2 MB", references),
    Case("Mailbox/set of 500 mailboxes, 10 deep, eight times", "20 mailboxes, then in a thread", mailboxes),
    Case("Identity/set and VacationResponse/set with texts of megabytes", "100 identities; 64 Ki characters",
         identities, memory_mib=1024),
    Case("EmailSubmission/set of 500; with 1,000 recipients, in 64 calls", "1,000 recipients; 500 held",
         submissions, memory_mib=1024),
    Case("Blob/upload of 500 blobs, Blob/get and Blob/lookup of as many", "64 sources; 4 MB", blobs, memory_mib=1024),
)  # fmt: skip
