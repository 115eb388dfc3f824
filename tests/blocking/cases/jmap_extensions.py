"""What extends JMAP: undoing, snoozing, saved searches, traces, receipts, signatures, push subscriptions."""

from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import MAX_CALLS, MAX_OBJECTS, Client
from tests.blocking.target import Target

EMAILS: Final = 2_000
_SHORT: Final = b"Message-ID: <%d@a>\r\nSubject: x\r\n\r\nlorem ipsum\r\n"
_HOP: Final = (
    b"Received: from a.example (b.example [192.0.2.1]) (using TLSv1.3 with cipher x (1/2 bits))\r\n"
    b" by c.example with ESMTPS id 1 for <a@b.example>; Tue, 1 Dec 2026 12:00:00 +0000\r\n"
)
_ODD_HOP: Final = b"Received: " + b"(((from by with; " * 400 + b"\r\n"
_RECEIPT: Final = (
    b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
    b"--b\r\n\r\nx\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
    + b"Disposition: manual-action/MDN-sent-manually; displayed\r\nX-A: b\r\n" * 3_000
    + b"\r\n--b--\r\n"
)
_SIGNED: Final = (
    b"From: a@b.example\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n"
    b"--b\r\n\r\n" + b"x" * 70 + b"\r\n" * 100_000 + b"--b\r\nContent-Type: application/pkcs7-signature\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b"MIAGCSqGSIb3DQEHAqCAMIACAQExADCABgkqhkiG9w0BBwEAADGA" * 2_000
    + b"\r\n--b--\r\n"
)  # fmt: skip


def undoing(target: Target) -> str:
    """500 emails are moved, flagged and destroyed again and again, and each time that is undone."""
    client = Client(target)
    boxes = client.mailboxes(10)
    emails = client.put(_SHORT, boxes[0], MAX_OBJECTS)
    keywords = {"keywords": {f"k{number}": True for number in range(80)}}
    moved = {"mailboxIds": dict.fromkeys(boxes, True)}
    changes: list[dict[str, Any]] = [
        {"update": dict.fromkeys(emails, moved)},
        {"update": dict.fromkeys(emails, keywords)},
        {"destroy": emails},
    ]
    answers = []
    for change in changes:
        token = client.answer("Email/set", {**change, "undoable": True}).get("undoToken")
        answers.append(client.calls("Email/undo", {"undoToken": token}, 8))
    return target.all_of(answers)


def snoozing(target: Target) -> str:
    """500 emails are snoozed with all keywords that one may have, and queries are ordered by it."""
    client = Client(target)
    made = client.answer("Mailbox/set", {"create": {"a": {"name": "Later", "role": "snoozed"}}})
    emails = client.put(_SHORT, made["created"]["a"]["id"], EMAILS)
    keywords = {f"k{number}": number % 2 == 0 for number in range(90)}
    snoozed = {"snoozed": {"until": "2030-01-01T00:00:00Z", "setKeywords": keywords}}
    queries = [
        ("Email/query", {"filter": {"minSize": number}, "sort": [{"property": "snoozedUntil"}] * 16})
        for number in range(MAX_CALLS)
    ]
    answers = [
        client.flood(
            client.body([("Email/set", {"update": dict.fromkeys(emails[at : at + MAX_OBJECTS], snoozed)})])
        )
        for at in range(0, EMAILS, MAX_OBJECTS)
    ]
    answers.append(client.flood(client.body(queries)))
    awake = {"update": {email: {"snoozed": None} for email in emails[:MAX_OBJECTS]}}
    return target.all_of([*answers, client.calls("Email/set", awake, 1)])


def saved_searches(target: Target) -> str:
    """As many saved searches as can be, with the longest filters, counted in every call."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    client.put(_SHORT, mailbox, EMAILS)

    def search(number: int) -> dict[str, Any]:
        several = [{"notKeyword": f"k{number}-{one}"} for one in range(240)]
        texts = [{"text": f"a{number} b{one}"} for one in range(30)]
        return {"name": "x", "filter": {"operator": "AND", "conditions": several if number % 2 else texts}}

    created = {f"c{number}": search(number) for number in range(100)}
    return target.all_of(
        [
            client.calls("SavedSearch/set", {"create": created}, 1),
            client.calls("SavedSearch/get", {"ids": None}, 16),
            client.calls("SavedSearch/changes", {"sinceState": "0"}),
        ]
    )


def traces(target: Target) -> str:
    """Traces of messages that have come very long ways."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    answers = []
    for octets in (_HOP * 5_000, _HOP * 30, _ODD_HOP * 100, b"Received: x\r\n" * 2_500):
        emails = client.put(octets + b"\r\nx\r\n", mailbox, 20)
        answers.append(client.calls("MessageTrace/get", {"ids": emails}, 2))
    return target.all_of(answers)


def receipts_and_signatures(target: Target) -> str:
    """Receipts of very many fields, and signatures of large messages that are none."""
    client = Client(target)
    (mailbox,) = client.mailboxes()
    receipt = client.upload(_RECEIPT)
    signed = client.put(_SIGNED, mailbox, 20)
    properties = ["smimeStatus", "smimeErrors", "smimeVerifiedAt", "smimeStatusAtDelivery"]
    return target.all_of(
        [
            client.calls("MDN/parse", {"blobIds": [receipt, *[f"{receipt}-{part}" for part in range(100)]]}),
            client.calls("Email/get", {"ids": signed, "properties": properties}, 2),
        ]
    )


def subscriptions(target: Target) -> str:
    """As many subscriptions as can be asked for, with the longest filters for what is pushed."""
    client = Client(target)
    conditions = [{"text": f"a{number}"} for number in range(60)]
    email_push = {
        client.account: {"filter": {"operator": "OR", "conditions": conditions}, "properties": ["from"]}
    }
    created = {
        f"c{number}": {
            "deviceClientId": f"{number}",
            "url": "https://push.example/" + "x" * 1_900,
            "types": [f"T{one}" for one in range(60)],
            "emailPush": email_push,
        }
        for number in range(100)
    }
    calls = [("PushSubscription/set", {"create": created})] * 2
    return client.flood(client.body(calls, with_account=False))


CASES: Final = (
    Case("Email/undo of 500 changes: moves, keywords, what was destroyed", "in slices of 100", undoing),
    Case(f"{EMAILS:,} snoozed emails with 90 keywords each, ordered by it", "300 changes, then in a thread", snoozing),
    Case("100 saved searches with 240 conditions or 60 words each, counted", "so much in a call; in threads",
         saved_searches),
    Case("MessageTrace/get of 20 messages with 5,000 Received fields", "100 hops, 32 KiB", traces),
    Case("MDN/parse of 6,000 fields; signatures of large messages that are none", "in threads",
         receipts_and_signatures),
    Case("PushSubscription/set of 100 subscriptions, with filters", "20 of an account", subscriptions),
)  # fmt: skip
