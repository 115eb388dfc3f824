"""MessageTrace/get: how a message came, what was found of it, and what became of it."""

from typing import Any

import pytest

from pillarbox.delivery.trace import Hop, received
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.summary import summarize
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, TRACE
from pillarbox.queue import attempts
from pillarbox.queue.attempts import Peer
from pillarbox.server.jmap.traces import hops
from pillarbox.store import mailboxes
from pillarbox.store.append import Message, append
from pillarbox.world.blobs import prepare
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, box_number, called, delivered, failed
from tests.kit.jmap.receiving import from_outside, last_email
from tests.kit.jmap.submitting import envelope, release, store, submit
from tests.kit.stored_mail import NOW_MS

CLAIMS = (
    b"Received: from evil.example ([198.51.100.1])\r\n\tby mail.one.example with ESMTPS id x\r\n"
    b"\ttls TLS_AES_256_GCM_SHA384;\r\n\tTue, 14 Nov 2023 22:13:10 +0000\r\n"
    b"Received: from oldest.example (oldest.example [203.0.113.9]) by evil.example (Postfix) with ESMTP id y\r\n"
    b"\tfor <anna@one.example>; Tue, 14 Nov 2023 22:12:50 +0000\r\n"
)
"""Fields that name us as their writer."""
LETTER = b"From: joe@example.org\r\nList-Id: News <news.example.org>\r\nSubject: x\r\n\r\nHello\r\n"


async def traced(client: JmapClient, email: str, *properties: str) -> Any:
    said = await called(client, "MessageTrace/get", ids=[email], properties=properties or None)
    (found,) = said["list"]
    assert found["id"] == email
    return found


def test_the_way_of_a_message_and_only_our_own_field_is_ours() -> None:
    async def test(client: JmapClient) -> None:
        email = await from_outside(client, CLAIMS + LETTER, tls=True)
        found = await traced(client, email)
        assert found["receivedAt"] == "2023-11-14T22:13:20Z"
        assert found["client"] == {"ip": "192.0.2.7", "name": None, "helo": "client.example"}
        assert found["tls"] == {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}
        assert found["returnPath"] == "<joe@example.org>"
        assert found["listId"] == "News <news.example.org>"
        assert found["submissions"] == []
        texts = [hop.pop("text") for hop in found["hops"]]
        assert all(text.startswith("from ") and "\n" not in text for text in texts)
        first, claimed, ours = found["hops"]
        assert first == {
            "from": {"ip": "203.0.113.9", "name": "oldest.example", "helo": "oldest.example"},
            "by": "evil.example",
            "with": "ESMTP",
            "tls": None,
            "for": "anna@one.example",
            "date": "2023-11-14T22:12:50Z",
            "delay": None,
            "ours": False,
            "understood": True,
        }
        assert (claimed["by"], claimed["ours"], claimed["delay"]) == ("mail.one.example", False, 20)
        assert claimed["tls"] == {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}
        assert (ours["by"], ours["ours"], ours["delay"]) == ("mail.one.example", True, 10)
        assert ours["from"] == found["client"] | {"name": None}
        assert ours["for"] == "u0@one.example"

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_a_client_cannot_call_itself_another_address_or_tls() -> None:
    async def test(client: JmapClient) -> None:
        email = await from_outside(client, LETTER, helo="[198.51.100.1]")
        found = await traced(client, email, "client", "tls")
        assert found["client"] == {"ip": "192.0.2.7", "name": None, "helo": "[198.51.100.1]"}
        assert found["tls"] is None

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_what_a_client_has_stored_was_not_received_whatever_it_says() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, CLAIMS + b"Return-Path: <x@y.example>\r\n" + LETTER)
        found = await traced(client, email)
        assert [hop["ours"] for hop in found["hops"]] == [False, False]
        assert found["client"] is found["tls"] is found["returnPath"] is found["authentication"] is None

    run_with_jmap(test)


def test_what_checks_have_found_is_told_in_sentences() -> None:
    async def test(client: JmapClient) -> None:
        email = await from_outside(client, LETTER)
        found = (await traced(client, email, "authentication"))["authentication"]
        assert found.keys() == {"spf", "dkim", "dmarc", "arc", "iprev", "bimi"}
        assert found["spf"]["result"] == "none"
        assert found["spf"]["text"] == (
            "The owner of example.org does not say which servers may send its mail."
        )
        assert found["spf"]["examined"] == {"smtp.mailfrom": "example.org"}
        (dkim,) = found["dkim"]
        assert (dkim["result"], dkim["domain"], dkim["text"]) == ("none", None, "This message is not signed.")
        assert found["bimi"] is None

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_results_that_are_kept_are_shown_as_they_are() -> None:
    kept = (
        b'[{"method":"dkim","result":"pass","domain":"a.example","reason":"","properties":[]},'
        b'{"method":"dkim","result":"fail","domain":"b.example","reason":"body changed","properties":'
        b'[{"kind":"header","name":"s","value":"k1"}]},'
        b'{"method":"iprev","result":"pass","domain":"out.example","reason":"","properties":[]}]'
    )

    async def test(client: JmapClient) -> None:
        inbox = box_number(client)

        def put(tx: Transaction, found: bytes) -> str:
            message = Message(prepare(CLAIMS + LETTER), summarize(CLAIMS + LETTER), found)
            stored = append(
                tx, client.account.id, inbox, message, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS
            )
            return object_id.of_email(EmailId(stored.email_id))

        database = client.provider.world.database
        found = await traced(client, await database.write(put, kept))
        assert [one["result"] for one in found["authentication"]["dkim"]] == ["pass", "fail"]
        assert found["authentication"]["dkim"][1]["reason"] == "body changed"
        assert found["authentication"]["dkim"][1]["examined"] == {"header.s": "k1"}
        assert found["client"]["name"] == "out.example", "by the DNS, not by the field"
        for damaged in (b"{", b"[1]", b'[{"method":"spf","result":"good"}]'):
            found = await traced(client, await database.write(put, damaged))
            assert found["authentication"] is None
            assert not any(hop["ours"] for hop in found["hops"]), "nothing is known of it"

    run_with_jmap(test)


def test_mail_that_was_sent_says_what_became_of_it() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        to = envelope("u0@one.example", "x@elsewhere.example")
        submission = (await submit(client, email, envelope=to))["id"]

        def attempted(tx: Transaction) -> None:
            recipient = tx.value("SELECT id FROM queue_recipients")
            peer = Peer("mx.elsewhere.example", "203.0.113.9", "TLSv1.3")
            attempts.record(tx, recipient, 1, ("4.2.0", "450 4.2.0 later"), peer, now_ms=NOW_MS)

        await client.provider.world.database.write(attempted)
        (told,) = (await traced(client, email, "submissions"))["submissions"]
        assert told["id"] == submission
        assert told["undoStatus"] == "final"
        assert told["hasMoreRecipients"] is False
        here, there = told["recipients"]
        assert (here["address"], here["delivered"], here["attempts"]) == ("u0@one.example", "yes", [])
        assert (there["address"], there["delivered"]) == ("x@elsewhere.example", "queued")
        assert there["attempts"] == [
            {
                "at": "2023-11-14T22:13:20Z",
                "status": "4.2.0",
                "reply": "450 4.2.0 later",
                "host": "mx.elsewhere.example",
                "ip": "203.0.113.9",
                "tls": "TLSv1.3",
            }
        ]
        # What came of it here was received, though nothing is checked of what our accounts send
        received = await client.provider.world.database.read(last_email, client.account.id)
        assert received != email
        found = await traced(client, received)
        assert [hop["ours"] for hop in found["hops"]] == [True]
        assert found["authentication"] is None
        said = await called(client, "Email/set", update={email: {f"mailboxIds/F{box_number(client)}": True}})
        assert said["updated"] == {email: None}
        copied = await client.provider.world.database.write(_copy, client)
        assert (await traced(client, copied, "submissions"))["submissions"] == [told], "the same octets"

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def _copy(tx: Transaction, client: JmapClient) -> str:
    """The draft once more, as an email of its own."""
    digest = tx.value("SELECT blob FROM emails WHERE id = (SELECT email FROM submissions)")
    octets = client.provider.world.blobs.read(tx, digest)
    drafts = mailboxes.by_name(tx, client.account.id, "Drafts").id
    message = Message(prepare(octets), summarize(octets))
    stored = append(tx, client.account.id, drafts, message, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS)
    return object_id.of_email(EmailId(stored.email_id))


def test_what_was_held_was_received_too() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        await submit(client, email, envelope=envelope("u0@one.example", HOLDFOR="60"))
        clock: Any = client.provider.world.clock
        await clock.advance(61)
        await release(client)
        received = await client.provider.world.database.read(last_email, client.account.id)
        assert received != email
        assert [hop["ours"] for hop in (await traced(client, received))["hops"]] == [True]

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_errors_and_bounds() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)

        def put(tx: Transaction) -> str:
            other = client.provider.accounts[1]
            where = mailboxes.by_name(tx, other, "INBOX").id
            message = Message(prepare(PLAIN), summarize(PLAIN))
            stored = append(tx, other, where, message, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS)
            return object_id.of_email(EmailId(stored.email_id))

        others = await client.provider.world.database.write(put)
        said = await called(client, "MessageTrace/get", ids=[others, "M1", "x", email], properties=["hops"])
        assert said["list"] == [{"id": email, "hops": []}]
        assert said["notFound"] == [others, "M1", "x"]
        got = await called(client, "Email/get", ids=[])
        assert said["state"] == got["state"]
        for arguments, error in (
            ({}, "invalidArguments"),
            ({"ids": None}, "invalidArguments"),
            ({"ids": [email], "properties": ["colour"]}, "invalidArguments"),
            ({"ids": [email], "hops": 1}, "invalidArguments"),
            ({"ids": [f"M{number}" for number in range(1, 52)]}, "requestTooLarge"),
        ):
            assert (await failed(client, "MessageTrace/get", **arguments))["type"] == error, arguments
        call = ["MessageTrace/get", {"accountId": client.account_id, "ids": []}, "0"]
        answer = await client.request(call, using=(CORE, MAIL))
        assert answer["methodResponses"][0][1]["type"] == "unknownMethod"
        answer = await client.request(call, using=(CORE, TRACE))
        assert answer["methodResponses"][0][0] == "MessageTrace/get"
        answer = await client.request(["MessageTrace/get", {"accountId": "A99", "ids": []}, "0"])
        assert answer["methodResponses"][0][1]["type"] == "accountNotFound"

    run_with_jmap(test)


@pytest.mark.parametrize("hops", [150, 1_000])
def test_of_many_hops_the_last_are_told(hops: int) -> None:
    async def test(client: JmapClient) -> None:
        way = b"".join(
            b"Received: from a by b%d with SMTP; Tue, 14 Nov 2023 22:13:10 +0000\r\n" % number
            for number in range(hops)
        )
        email = await delivered(client, way + LETTER)
        found = await traced(client, email, "hops")
        assert [hop["by"] for hop in found["hops"]] == [f"b{number}" for number in range(99, -1, -1)]
        assert [hop["delay"] for hop in found["hops"]] == [None, *[0] * 99]

    run_with_jmap(test)


def test_text_has_no_controls_and_an_end() -> None:
    async def test(client: JmapClient) -> None:
        odd = b"Received: \x1b[31m \xff" + b"x" * 5_000 + b"\r\nReceived: nothing\r\n"
        found = await traced(client, await delivered(client, odd + LETTER), "hops")
        nothing, long = found["hops"]
        assert (nothing["understood"], nothing["from"], nothing["date"]) == (False, None, None)
        assert len(long["text"]) == 1_000
        assert "\x1b" not in long["text"]

    run_with_jmap(test)


def test_long_fields_below_many_are_shown_and_not_read() -> None:
    async def test(client: JmapClient) -> None:
        field = (
            b"Received: from a (" + b"x" * 1_900 + b") by b with SMTP; Tue, 14 Nov 2023 22:13:10 +0000\r\n"
        )
        found = await traced(client, await delivered(client, field * 30 + LETTER), "hops")
        understood = [hop["understood"] for hop in found["hops"]]
        assert understood == [False] * 14 + [True] * 16
        assert all(hop["text"].startswith("from a (xxx") for hop in found["hops"])

    run_with_jmap(test)


def test_what_a_client_calls_itself_is_no_tls_of_ours() -> None:
    hop = Hop(
        client_name="using TLSv1.3 with cipher FAKE-X",
        client_address="192.0.2.7",
        hostname="mail.one.example",
        protocol="ESMTP",
        trace_id="x",
        recipient=None,
        cipher=None,
        at_ms=NOW_MS,
    )
    (found,) = hops.told(received(hop) + LETTER, is_received=True)["hops"]
    assert found["tls"] is None
    assert found["from"]["ip"] == "192.0.2.7"
    (claimed,) = hops.told(received(hop) + LETTER, is_received=False)["hops"]
    assert claimed["tls"] == {"version": "TLSv1.3", "cipher": "FAKE-X"}, "as the field has it"
