"""Email/get: RFC 8621 §4.2."""

import json
from typing import Any

import pytest

from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap.emails.get import Listing
from pillarbox.world.blobs import BlobDamaged, DatabaseBlobs
from pillarbox.world.database import Transaction
from pillarbox.world.memory import MemoryShare
from tests.kit.jmap.client import ALL, BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, box, called, delivered, failed, get, state

LISTED = [
    "threadId",
    "mailboxIds",
    "keywords",
    "from",
    "subject",
    "receivedAt",
    "size",
    "preview",
    "hasAttachment",
]
LONG = PLAIN + b"word " * 40_000


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_what_is_returned_by_default() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, flags="\\Seen")
        (found,) = await get(client, email)
        assert found["id"] == email
        assert found["threadId"] == email.replace("M", "T")
        assert found["mailboxIds"] == {box(client): True}
        assert found["keywords"] == {"$seen": True}
        assert found["size"] == len(PLAIN)
        assert found["from"] == [{"name": "Bea", "email": "bea@two.example"}]
        assert found["preview"] == "How are you?"
        assert found["textBody"][0]["blobId"] == found["blobId"] + "-1"
        assert found["bodyValues"] == {}
        assert "headers" not in found
        assert "bodyStructure" not in found

    run_with_jmap(test)


@pytest.mark.parametrize("octets", [PLAIN, LONG])
@pytest.mark.rfc("8621 §4.2", "MUST")
def test_each_source_says_the_same(octets: bytes) -> None:
    """Rows, the header alone, and the whole message."""

    async def test(client: JmapClient) -> None:
        email = await delivered(client, octets)
        (of_rows,) = await get(client, email, properties=LISTED)
        (of_header,) = await get(client, email, properties=[*LISTED, "headers", "header:X-None"])
        (of_all,) = await get(
            client, email, properties=[*LISTED, "textBody", "bodyValues"], fetchTextBodyValues=True
        )
        assert [header["name"] for header in of_header.pop("headers")] == [
            "From",
            "To",
            "Subject",
            "Message-ID",
        ]
        assert of_header.pop("header:X-None") is None
        (text,) = of_all.pop("bodyValues").values()
        assert text["value"].startswith("How are you?\n")
        assert len(text["value"]) == len(octets.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"))
        assert of_all.pop("textBody")
        assert of_rows == of_header == of_all

    run_with_jmap(test)


def test_a_long_message_is_reserved_in_the_memory_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    reserved: list[int] = []
    reserve = MemoryShare.reserve

    async def counted(share: MemoryShare, octets: int, *arguments: Any, **keywords: Any) -> Any:
        reserved.append(octets)
        return await reserve(share, octets, *arguments, **keywords)

    async def test(client: JmapClient) -> None:
        long, short = await delivered(client, LONG), await delivered(client)
        monkeypatch.setattr(MemoryShare, "reserve", counted)
        await get(client, long, short, properties=["bodyStructure"])
        assert reserved == [len(LONG)]
        await get(client, long, short, properties=["headers"])
        assert reserved == [len(LONG)], "of the header, and that is short"
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_null_is_all_and_an_empty_array_is_none() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        await delivered_and_gone(client)
        assert [email["id"] for email in await get(client, properties=["id"])] == emails
        said = await called(client, "Email/get", ids=[])
        assert (said["list"], said["notFound"]) == ([], [])

    async def delivered_and_gone(client: JmapClient) -> None:
        await client.provider.deliver(0, PLAIN, flags="\\Deleted")

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_more_than_may_be_asked_for_at_once() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        assert (await failed(client, "Email/get", ids=emails))["type"] == "requestTooLarge"
        assert (await failed(client, "Email/get", ids=None))["type"] == "requestTooLarge"
        assert len(await get(client, *emails[:2])) == 2

    run_with_jmap(test, limits=Limits(max_objects_in_get=2))


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_ids_that_are_not_there() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        hidden = "M" + str(int(email[1:]) + 1)
        await client.provider.deliver(0, PLAIN, flags="\\Deleted")
        await client.provider.deliver(1, PLAIN)
        others = "M" + str((2 << 36) + 1)
        wanted = [others, email, "M0", "nobody", hidden, email, "F1", "#never"]
        said = await called(client, "Email/get", ids=wanted, properties=["subject"])
        assert said["list"] == [{"id": email, "subject": "Hello"}]
        assert said["notFound"] == [others, "M0", "nobody", hidden, "F1", "#never"]

    run_with_jmap(test)


def test_emails_come_in_the_order_of_their_ids_in_the_call() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(70)]
        for properties in (["id"], ["id", "textBody"]):
            found = await get(client, *reversed(emails), properties=properties)
            assert [email["id"] for email in found] == emails[::-1]

    run_with_jmap(test)


@pytest.mark.parametrize(
    "arguments",
    [
        {"properties": ["colour"]},
        {"properties": ["header:From:asDate"]},
        {"properties": ["header:"]},
        {"properties": [f"header:X-{number}" for number in range(600)]},
        {"bodyProperties": ["colour"]},
        {"maxBodyValueBytes": -1},
        {"fetchTextBodyValues": "true"},
        {"colour": 1},
        {"ids": "M1"},
    ],
)
@pytest.mark.rfc("8621 §4.2", "MUST")
def test_invalid_arguments(arguments: dict[str, Any]) -> None:
    async def test(client: JmapClient) -> None:
        given = {"ids": ["M1"], **arguments}
        assert (await failed(client, "Email/get", **given))["type"] == "invalidArguments"

    run_with_jmap(test)


def test_a_response_that_would_be_too_long_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = Listing.take

    def counted(listing: Listing, octets: bytes) -> Any:
        taken.append(len(octets))
        return take(listing, octets)

    async def test(client: JmapClient) -> None:
        emails = [await delivered(client, LONG) for _ in range(10)]
        monkeypatch.setattr(Listing, "take", counted)
        arguments: dict[str, Any] = {"properties": ["bodyValues"], "fetchAllBodyValues": True}
        said = await failed(client, "Email/get", ids=emails, **arguments)
        assert said["type"] == "requestTooLarge"
        assert len(taken) < 5
        assert len(await get(client, *emails[:1], **arguments)) == 1
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test, limits=Limits(max_response_octets=500_000))


@pytest.mark.rfc("8620 §3.7", "MUST")
def test_references_lead_into_what_is_returned() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        account = client.account_id

        def reference(path: str) -> dict[str, str]:
            return {"resultOf": "0", "name": "Email/get", "path": path}

        answer = await client.request(
            ["Email/get", {"accountId": account, "ids": emails, "properties": ["threadId", "textBody"]}, "0"],
            ["Email/get", {"accountId": account, "#ids": reference("/list/*/id"), "properties": []}, "1"],
            ["Email/parse", {"accountId": account, "#blobIds": reference("/list/*/textBody/0/blobId")}, "2"],
            ["Core/echo", {"#x": reference("/list/1")}, "3"],
        )
        said = [arguments for _, arguments, _ in answer["methodResponses"]]
        assert said[1]["list"] == [{"id": email} for email in emails]
        assert len(said[2]["notParsable"]) == 1, "the texts are the same"
        assert said[3]["x"] == said[0]["list"][1]

    run_with_jmap(test)


def test_a_message_that_is_damaged_fails_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: Any, **__: Any) -> bytes:
        raise BlobDamaged("x", "is cut short")

    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        monkeypatch.setattr(DatabaseBlobs, "read", damaged)
        assert len(await get(client, email, properties=LISTED)) == 1
        said = await failed(client, "Email/get", ids=[email])
        assert said == {"type": "serverFail", "description": "Message is damaged"}

    run_with_jmap(test)


def test_emails_whose_rows_are_long_come_page_by_page() -> None:
    header = b"".join(b"To: x%d@two.example\r\n" % number for number in range(1_500))

    async def test(client: JmapClient) -> None:
        emails = [await delivered(client, header + PLAIN) for _ in range(8)]
        found = await get(client, *reversed(emails), properties=["to", "subject"])
        assert [email["id"] for email in found] == emails[::-1]
        assert all(email["to"] == [{"name": None, "email": "u0@one.example"}] for email in found)

    run_with_jmap(test)


def test_an_email_that_has_lost_its_row_is_not_found() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)

        def lose(tx: Transaction) -> None:
            tx.execute("DELETE FROM emails")

        await client.provider.world.database.write(lose)
        said = await called(client, "Email/get", ids=[email])
        assert said["notFound"] == [email]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_the_state_is_that_of_before_the_first_page() -> None:
    """What changes while an answer is made comes with the next Email/changes."""

    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(60)]
        before = await state(client)

        async def give_way() -> None:
            await client.provider.deliver(0, PLAIN)

        call = ["Email/get", {"accountId": client.account_id, "ids": emails, "properties": ["id"]}, "0"]
        octets = json.dumps({"using": ALL, "methodCalls": [call]})
        answer = await client.service.call(client.account, octets.encode(), BASE_URL, give_way=give_way)
        ((_, said, _),) = json.loads(answer.octets)["methodResponses"]
        assert said["state"] == before
        assert len(said["list"]) == 60
        assert await state(client) != before

    run_with_jmap(test)
