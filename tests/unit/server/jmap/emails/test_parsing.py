"""Email/parse: RFC 8621 §4.9."""

from typing import Any

import pytest

from pillarbox.protocol.jmap.limits import Limits
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, called, delivered, failed, get

INNER = PLAIN.replace(b"Hello", b"Inner")
OUTER = b"Subject: Outer\r\nContent-Type: message/rfc822\r\n\r\n" + INNER
LONG = OUTER + b"word " * 20_000


async def blob_of(client: JmapClient, octets: bytes) -> str:
    (found,) = await get(client, await delivered(client, octets), properties=["blobId"])
    return str(found["blobId"])


@pytest.mark.parametrize("outer", [OUTER, LONG])
@pytest.mark.rfc("8621 §4.9", "MUST")
def test_messages_and_attached_messages(outer: bytes) -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client, outer)
        missing = "B" + "0" * 64
        said = await called(
            client, "Email/parse", blobIds=[blob, f"{blob}-1", f"{blob}-9", missing, "nothing"]
        )
        assert {*said["parsed"]} == {blob, f"{blob}-1"}
        assert said["notFound"] == [f"{blob}-9", missing, "nothing"]
        assert said["notParsable"] is None
        assert said["parsed"][blob]["subject"] == "Outer"
        inner = said["parsed"][f"{blob}-1"]
        assert inner["subject"] == "Inner"
        assert inner["textBody"][0]["blobId"] == f"{blob}-1_1"
        assert "id" not in inner
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_properties() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client, OUTER)
        names = ["id", "mailboxIds", "keywords", "receivedAt", "threadId", "blobId", "size", "bodyValues"]
        said = await called(
            client, "Email/parse", blobIds=[f"{blob}-1"], properties=names, fetchTextBodyValues=True
        )
        (found,) = said["parsed"].values()
        (text,) = found.pop("bodyValues").values()
        assert text["value"] == "How are you?\n"
        assert found == {
            **dict.fromkeys(["id", "mailboxIds", "keywords", "receivedAt", "threadId"]),
            "blobId": f"{blob}-1",
            "size": len(INNER),
        }

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.9", "MUST")
def test_what_is_no_message() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client, PLAIN)
        said = await called(client, "Email/parse", blobIds=[f"{blob}-1"])
        assert said["notParsable"] == [f"{blob}-1"]
        assert said["parsed"] is None
        assert said["notFound"] is None

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"properties": ["header:From:asDate"]}, "invalidArguments"),
        ({"properties": ["colour"]}, "invalidArguments"),
        ({"bodyProperties": ["colour"]}, "invalidArguments"),
        ({"blobIds": "x"}, "invalidArguments"),
        ({"blobIds": ["a", "b", "c"]}, "requestTooLarge"),
    ],
)
@pytest.mark.rfc("8621 §4.9", "MUST")
def test_errors(arguments: dict[str, Any], kind: str) -> None:
    async def test(client: JmapClient) -> None:
        assert (await failed(client, "Email/parse", **{"blobIds": [], **arguments}))["type"] == kind

    run_with_jmap(test, limits=Limits(max_objects_in_get=2))


def test_a_response_that_would_be_too_long() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client, PLAIN + b"word " * 20_000)
        arguments = {"blobIds": [blob], "fetchTextBodyValues": True}
        assert (await failed(client, "Email/parse", **arguments))["type"] == "requestTooLarge"
        assert (await called(client, "Email/parse", **arguments, maxBodyValueBytes=100))["parsed"]

    run_with_jmap(test, limits=Limits(max_response_octets=50_000))


def test_not_more_is_read_than_one_call_may_cause() -> None:
    async def test(client: JmapClient) -> None:
        long = [await blob_of(client, b"X: %d\r\n" % number + LONG) for number in range(3)]
        assert (await failed(client, "Email/parse", blobIds=long))["type"] == "requestTooLarge"
        parts = [f"{long[0]}-1", f"{long[1]}-1", f"{long[2]}-1"]
        assert (await failed(client, "Email/parse", blobIds=parts))["type"] == "requestTooLarge"
        assert (await called(client, "Email/parse", blobIds=long[:1]))["parsed"], "one of any size"

    run_with_jmap(test, limits=Limits(max_parsed_octets=len(LONG) // 2))
