"""Email/import: RFC 8621 §4.8."""

from typing import Any

import pytest

from pillarbox.directory import quota
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.blobs import whole
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, box, called, delivered, draft, failed, get, state

RECEIVED = b"Received: from a by b; Mon, 6 May 2024 07:08:09 +0000\r\nReceived: from x by a; Sun, 5 May 2024 07:08:09 +0000\r\n"  # noqa: E501


async def blob_of(client: JmapClient, octets: bytes = PLAIN) -> str:
    """The id of these octets, as a message of the client's."""
    (found,) = await get(client, await delivered(client, octets), properties=["blobId"])
    return str(found["blobId"])


async def part_of(client: JmapClient, octets: bytes) -> str:
    """The id of these octets, as a part of a message of the client's."""
    outer = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        b"binary" if b"\0" in octets else b"7bit",
        octets,
    )
    return await blob_of(client, outer) + "-1"


@pytest.mark.parametrize("source", [blob_of, part_of])
@pytest.mark.parametrize("octets", [RECEIVED + PLAIN, RECEIVED + PLAIN + b"word " * 80_000])
@pytest.mark.rfc("8621 §4.8", "MUST")
def test_a_blob_becomes_an_email(source: Any, octets: bytes) -> None:
    async def test(client: JmapClient) -> None:
        blob = await source(client, octets)
        before = await state(client)
        where = {box(client, "Archive"): True, box(client, "Sent"): True}
        emails = {"k": {"blobId": blob, "mailboxIds": where, "keywords": {"$seen": True}}}
        said = await called(client, "Email/import", emails=emails)
        assert said["oldState"] == before
        assert said["newState"] == await state(client)
        assert said["notCreated"] is None
        told = said["created"]["k"]
        assert {*told} == {"id", "blobId", "threadId", "size"}
        (found,) = await get(client, told["id"])
        assert {name: found[name] for name in told} == told
        assert told["size"] == len(octets)
        assert found["mailboxIds"] == where
        assert found["keywords"] == {"$seen": True}
        assert found["receivedAt"] == "2024-05-06T07:08:09Z"
        assert found["preview"].startswith("How are you?")
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.8", "MUST")
def test_pitfall_12_a_message_that_is_imported_twice_is_two_emails() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client)
        emails = {
            "a": {"blobId": blob, "mailboxIds": {box(client): True}},
            "b": {"blobId": blob, "mailboxIds": {box(client, "Sent"): True}},
        }
        said = await called(client, "Email/import", emails=emails)
        first, second = (said["created"][key] for key in "ab")
        assert first["id"] != second["id"]
        assert first["blobId"] == second["blobId"] == blob
        await called(client, "Email/set", update={first["id"]: {"keywords/$seen": True}})
        found = await get(client, second["id"])
        assert found[0]["keywords"] == {}
        # The octets outlast each but the last
        await called(client, "Email/set", destroy=[first["id"]])
        assert (await get(client, second["id"]))[0]["textBody"]

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("wrong", "kind", "properties"),
    [
        ({"blobId": "B" + "0" * 64}, "invalidProperties", ["blobId"]),
        ({"blobId": "nothing"}, "invalidProperties", ["blobId"]),
        ({"blobId": 5}, "invalidProperties", ["blobId"]),
        ({"mailboxIds": {}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": {"F99": True}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": {"F1": False}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": {"#never": True}}, "invalidProperties", ["mailboxIds"]),
        ({"keywords": {"a b": True}, "colour": 1}, "invalidProperties", ["keywords", "colour"]),
        ({"keywords": {"\\Seen": True}}, "invalidProperties", ["keywords"]),
        ({"receivedAt": "2024-02-30T00:00:00Z"}, "invalidProperties", ["receivedAt"]),
    ],
)
@pytest.mark.rfc("8621 §4.8", "MUST")
def test_what_is_wrong(wrong: dict[str, Any], kind: str, properties: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client)
        good = {"blobId": blob, "mailboxIds": {box(client): True}}
        said = await called(client, "Email/import", emails={"good": good, "bad": {**good, **wrong}})
        assert [*said["created"]] == ["good"], "each by itself"
        error = said["notCreated"]["bad"]
        assert error["type"] == kind
        assert error["properties"] == properties

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.8", "MAY")
def test_what_is_no_message() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client)
        emails = {"k": {"blobId": f"{blob}-1", "mailboxIds": {box(client): True}}}
        said = await called(client, "Email/import", emails=emails)
        assert said["notCreated"]["k"]["type"] == "invalidEmail"
        assert said["created"] is None

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.8", "MAY")
def test_a_message_with_nul_is_kept_as_text_under_another_blob() -> None:
    binary = (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\na\0b"
    )

    async def test(client: JmapClient) -> None:
        blob = await part_of(client, binary)
        emails = {"k": {"blobId": blob, "mailboxIds": {box(client): True}}}
        said = await called(client, "Email/import", emails=emails)
        told = said["created"]["k"]
        assert told["blobId"] != blob
        (found,) = await get(client, told["id"], properties=["attachments", "size"])
        assert found["attachments"][0]["size"] == 3
        assert found["size"] == told["size"] > len(binary)

    run_with_jmap(test)


def test_over_quota() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client)
        await client.provider.world.database.write(
            quota.set_account_quota, client.account.id, len(PLAIN) + 10
        )
        emails = {"k": {"blobId": blob, "mailboxIds": {box(client): True}}}
        said = await called(client, "Email/import", emails=emails)
        assert said["notCreated"]["k"]["type"] == "overQuota"

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.8", "MUST")
def test_only_in_a_state() -> None:
    async def test(client: JmapClient) -> None:
        emails = {"k": {"blobId": await blob_of(client), "mailboxIds": {box(client): True}}}
        said = await failed(client, "Email/import", emails=emails, ifInState="1")
        assert said["type"] == "stateMismatch"
        assert len(await get(client)) == 1
        await called(client, "Email/import", emails=emails, ifInState=await state(client))
        assert len(await get(client)) == 2

    run_with_jmap(test)


def test_creations_are_known_in_the_whole_request() -> None:
    async def test(client: JmapClient) -> None:
        emails = {"k": {"blobId": await blob_of(client), "mailboxIds": {box(client): True}}}
        answer = await client.request(
            ["Email/import", {"accountId": client.account_id, "emails": emails}, "0"],
            ["Email/get", {"accountId": client.account_id, "ids": ["#k"], "properties": ["id"]}, "1"],
        )
        said = [arguments for _, arguments, _ in answer["methodResponses"]]
        assert said[1]["list"] == [{"id": said[0]["created"]["k"]["id"]}]

    run_with_jmap(test)


def test_a_blob_that_goes_meanwhile_is_not_found() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client)
        database = client.provider.world.database
        write = database.write

        async def late(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            await write(lambda tx: tx.execute("DELETE FROM blobs"))
            return await write(verb, *arguments, **keywords)

        database.write = late  # type: ignore[method-assign]
        emails = {"k": {"blobId": blob, "mailboxIds": {box(client): True}}}
        said = await called(client, "Email/import", emails=emails)
        assert said["notCreated"]["k"]["properties"] == ["blobId"]

    run_with_jmap(test)


def test_the_database_fails() -> None:
    async def test(client: JmapClient) -> None:
        emails = {"k": {"blobId": await blob_of(client), "mailboxIds": {box(client): True}}}

        async def fail(*_: Any, **__: Any) -> Any:
            raise DatabaseUnavailable("no disk")

        client.provider.world.database.write = fail  # type: ignore[method-assign]
        assert (await failed(client, "Email/import", emails=emails))["type"] == "serverUnavailable"

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_more_than_may_be_set_at_once() -> None:
    async def test(client: JmapClient) -> None:
        emails: dict[str, Any] = {f"k{number}": {} for number in range(3)}
        assert (await failed(client, "Email/import", emails=emails))["type"] == "requestTooLarge"

    run_with_jmap(test, limits=Limits(max_objects_in_set=2))


def test_a_draft_of_which_the_octets_are_imported() -> None:
    """What was created can be imported as what was delivered."""

    async def test(client: JmapClient) -> None:
        said = await called(client, "Email/set", create={"k": draft(client)})
        blob = said["created"]["k"]["blobId"]
        emails = {"k": {"blobId": blob, "mailboxIds": {box(client): True}}}
        told = (await called(client, "Email/import", emails=emails))["created"]["k"]
        assert told["blobId"] == blob

    run_with_jmap(test)


@pytest.mark.parametrize("octets", [PLAIN, PLAIN + b"word " * 80_000])
@pytest.mark.rfc("8621 §4.8", "MUST")
def test_an_upload_is_imported_and_attached(octets: bytes) -> None:
    async def test(client: JmapClient) -> None:
        create = {"u": {"data": [{"data:asText": octets.decode()}]}}
        blob = (await called(client, "Blob/upload", create=create))["created"]["u"]["id"]
        assert blob.startswith("U")
        emails = {"k": {"blobId": blob, "mailboxIds": {box(client): True}}}
        told = (await called(client, "Email/import", emails=emails))["created"]["k"]
        assert (await get(client, told["id"]))[0]["size"] == len(octets)
        assert await whole(client, told["blobId"]) == octets
        part = {"blobId": blob, "type": "message/rfc822"}
        said = await called(client, "Email/set", create={"k": draft(client, attachments=[part])})
        (found,) = await get(client, said["created"]["k"]["id"], properties=["attachments"])
        assert await whole(client, found["attachments"][0]["blobId"]) == octets
        await called(client, "Email/set", destroy=[told["id"]])
        assert await whole(client, blob) == octets, "the upload is there all the same"

    run_with_jmap(test)


def test_parts_of_many_messages_are_not_read_for_one_call() -> None:
    async def test(client: JmapClient) -> None:
        blob = await blob_of(client, PLAIN + b"word " * 40_000)
        emails = {
            f"k{number}": {"blobId": f"{blob}-1", "mailboxIds": {box(client): True}} for number in range(3)
        }
        said = await called(client, "Email/import", emails=emails)
        assert {error["type"] for error in said["notCreated"].values()} == {"invalidEmail", "rateLimit"}

    run_with_jmap(test, limits=Limits(max_parsed_octets=300_000))
