"""MDN/parse (RFC 9007 §2.2)."""

import json
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CORE, MAIL
from pillarbox.protocol.jmap.limits import Limits
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import own_identity, store, submit
from tests.unit.mail.test_disposition_reading import FIELDS, mail

NOTIFICATION = mail(FIELDS + b"Original-Message-ID: <sent@one.example>\r\n")


async def stored(client: JmapClient, octets: bytes) -> str:
    """The blob of an email."""
    header, _, body = octets.partition(b"\r\n\r\n")
    email = await store(client, header + b"\r\n\r\n" + body, to="INBOX")
    _, said = await client.call("Email/get", ids=[email], properties=["blobId"])
    return str(said["list"][0]["blobId"])


async def parse(client: JmapClient, *blobs: str) -> Any:
    return (await client.call("MDN/parse", blobIds=blobs))[1]


@pytest.mark.rfc("9007 §2.2", "MUST")
def test_what_it_says_and_which_email_it_is_about() -> None:
    async def test(client: JmapClient) -> None:
        blob = await stored(client, NOTIFICATION)
        said = await parse(client, blob)
        expected = {
            "forEmailId": None,
            "subject": "Gelesen: x",
            "textBody": "Shown.",
            "includeOriginalMessage": False,
            "reportingUA": None,
            "disposition": {
                "actionMode": "manual-action",
                "sendingMode": "mdn-sent-manually",
                "type": "displayed",
            },
            "mdnGateway": None,
            "originalRecipient": None,
            "finalRecipient": "rfc822; joerg@one.example",
            "originalMessageId": "<sent@one.example>",
            "error": None,
            "extensionFields": None,
        }
        assert said == {
            "accountId": client.account_id, "parsed": {blob: expected}, "notParsable": None, "notFound": None,
        }  # fmt: skip
        sent = await store(
            client,
            b"From: u0@one.example\r\nTo: u1@one.example\r\nMessage-ID: <sent@one.example>\r\n",
            to="Sent",
        )
        assert "id" in await submit(client, sent)
        assert (await parse(client, blob))["parsed"][blob]["forEmailId"] == sent
        await client.call("Email/set", destroy=[sent])
        assert (await parse(client, blob))["parsed"][blob]["forEmailId"] is None

    run_with_jmap(test)


def test_what_is_no_notification_and_what_is_not_there() -> None:
    async def test(client: JmapClient) -> None:
        plain = await stored(client, b"Subject: x\r\n\r\nhello")
        said = await parse(client, plain, "nothing", plain)
        assert said["parsed"] is None
        assert (said["notParsable"], said["notFound"]) == ([plain], ["nothing"])

    run_with_jmap(test)


def test_what_was_sent_is_read_again() -> None:
    async def test(client: JmapClient) -> None:
        asked = (
            b"Return-Path: <u0@one.example>\r\nFrom: u0@one.example\r\nMessage-ID: <x@one.example>\r\n"
            b"Disposition-Notification-To: u0@one.example\r\n"
        )
        record = {
            "forEmailId": await store(client, asked, to="Sent"),
            "subject": "Gelesen: ü",
            "textBody": "Grüße\n",
            "reportingUA": "x; y",
            "disposition": {
                "actionMode": "automatic-action",
                "sendingMode": "mdn-sent-manually",
                "type": "deleted",
            },
            "extensionFields": {"X-A": "ä"},
        }
        arguments = {
            "accountId": client.account_id,
            "identityId": await own_identity(client),
            "send": {"k": record},
            "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": True}},
        }
        await client.request(["MDN/send", arguments, "c"])
        _, found = await client.call("Email/query", filter={"subject": "Gelesen"})
        _, said = await client.call("Email/get", ids=found["ids"], properties=["blobId"])
        blob = said["list"][0]["blobId"]
        read = (await parse(client, blob))["parsed"][blob]
        for name in ("subject", "reportingUA", "disposition", "extensionFields"):
            assert read[name] == record[name]
        assert read["textBody"] == "Grüße\n"

    run_with_jmap(test)


def test_limits_and_capabilities() -> None:
    async def test(client: JmapClient) -> None:
        name, said = await client.call("MDN/parse", blobIds=["a", "b", "c"])
        assert (name, said["type"]) == ("error", "requestTooLarge")
        blobs = [await stored(client, NOTIFICATION + bytes([65 + number])) for number in range(2)]
        name, said = await client.call("MDN/parse", blobIds=blobs)
        assert (name, said["type"]) == ("error", "requestTooLarge")
        call = ["MDN/parse", {"accountId": "A99", "blobIds": []}, "c"]
        answer = await client.request(call)
        assert answer["methodResponses"][0][1]["type"] == "invalidArguments"
        answer = await client.request(call, using=(CORE, MAIL))
        assert answer["methodResponses"][0][1]["type"] == "unknownMethod"

    run_with_jmap(test, limits=Limits(max_objects_in_get=2, max_parsed_octets=600))


def test_the_session_lists_it() -> None:
    async def test(client: JmapClient) -> None:
        session = json.loads((await client.service.session(client.account, "https://x.example")).octets)
        urn = "urn:ietf:params:jmap:mdn"
        assert session["capabilities"][urn] == {}
        assert session["accounts"][client.account_id]["accountCapabilities"][urn] == {}

    run_with_jmap(test)
