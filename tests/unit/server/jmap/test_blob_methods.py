"""Blob/get, /upload, /lookup and /copy: bounds, and what the mail has to do with it."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.capabilities import BLOB, QUOTA
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.session_object import Access
from pillarbox.server.jmap import blob_upload
from pillarbox.server.jmap.blobs import find_of
from pillarbox.server.jmap.context import Context
from tests.kit.jmap.blobs import id_of, message, upload, whole
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap

TEXT, BASE64 = "data:asText", "data:asBase64"
MESSAGE = message(("text/plain", "7bit", b"plain"), ("a/b", "base64", b"YWJj"))


# --- Blob/get


def test_data_of_one_call_is_bounded_before_it_is_read() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, b"x" * 1000)
        name, said = await client.call("Blob/get", ids=[text], length=600)
        assert said["list"][0][TEXT] == "x" * 600
        for arguments in ({"length": 601}, {"offset": 399}, {}):
            name, said = await client.call("Blob/get", ids=[text], **arguments)
            assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE)
        other = await upload(client, b"y" * 1000)
        name, said = await client.call("Blob/get", ids=[text, other], length=301)
        assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE), "all of them together"
        name, said = await client.call("Blob/get", ids=[text, other], length=300)
        assert name == "Blob/get"
        name, said = await client.call("Blob/get", ids=[text, other], properties=["size"])
        assert [one["size"] for one in said["list"]] == [1000, 1000]

    run_with_jmap(test, limits=Limits(max_blob_data_octets=600))


@pytest.mark.rfc("9404 §5", "SHOULD")
def test_digests_of_one_call_are_bounded() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, b"x" * 1000)
        both = ["digest:sha", "digest:sha-256"]
        for properties, length, refused in (
            (both, 300, False),
            (both, 301, True),
            (["digest:sha"], 600, False),
            (["digest:sha"], 601, True),
            (["digest:sha-256"], 1000, False),  # its name
            (["digest:sha-256"], 999, True),
        ):
            name, said = await client.call("Blob/get", ids=[text], properties=properties, length=length)
            assert (name == "error") is refused, (properties, length)
            assert not refused or said["type"] == errors.REQUEST_TOO_LARGE

    run_with_jmap(test, limits=Limits(max_digest_octets=600))


def test_text_is_whole_over_pieces() -> None:
    async def test(client: JmapClient) -> None:
        octets = ("a" + "€" * 40_000).encode()
        text = await upload(client, octets)
        _, said = await client.call("Blob/get", ids=[text], properties=[TEXT, BASE64])
        assert said["list"][0][TEXT].encode() == octets
        assert base64.b64decode(said["list"][0][BASE64], validate=True) == octets
        _, said = await client.call("Blob/get", ids=[text], length=3)
        assert said["list"][0] == {
            "id": text,
            "size": len(octets),
            "isEncodingProblem": True,
            BASE64: base64.b64encode(octets[:3]).decode(),
        }

    run_with_jmap(test)


def test_parts_of_messages_are_read_within_bounds() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, MESSAGE)
        first, second = (f"{id_of(MESSAGE)}-{number}" for number in (1, 2))
        _, said = await client.call("Blob/get", ids=[first])
        assert said["list"] == [{"id": first, "size": 5, TEXT: "plain"}]
        name, said = await client.call("Blob/get", ids=[first, second])
        assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE)
        name, said = await client.call("Blob/lookup", typeNames=["Email"], ids=[first, second])
        assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE)
        made = {"a": {"data": [{"blobId": first}, {"blobId": first}]}, "b": {"data": [{"blobId": second}]}}
        _, said = await client.call("Blob/upload", create=made)
        assert said["created"]["a"]["size"] == 10
        assert said["notCreated"]["b"]["type"] == "rateLimit"

    run_with_jmap(test, limits=Limits(max_parsed_octets=len(MESSAGE) + 10))


# --- Blob/upload


@pytest.mark.rfc("9404 §4.1", "MUST")
def test_what_is_made_is_bounded() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, b"x" * 90)

        async def make(*data: dict[str, Any]) -> str | None:
            _, said = await client.call("Blob/upload", create={"a": {"data": list(data)}})
            return None if said["created"] else said["notCreated"]["a"]["type"]

        assert await make({"blobId": text}, {TEXT: "y" * 10}) is None
        assert await make({"blobId": text}, {TEXT: "y" * 11}) == "tooLarge"
        assert await make({TEXT: "ä" * 51}) == "tooLarge", "found out as it is encoded"
        assert await make(*[{"blobId": text}] * 64) == "tooLarge"
        assert await make({"blobId": text, "length": 2**53 - 1}) == "invalidProperties"
        assert await make({"blobId": text, "offset": 1_000_000_000, "length": 1}) == "invalidProperties"
        name, said = await client.call("Blob/upload", create={str(n): {"data": []} for n in range(501)})
        assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE)
        four = {name: {"data": [{TEXT: name * 60}]} for name in "abcd"}
        _, said = await client.call("Blob/upload", create=four)
        assert [*said["created"]] == ["a", "b", "c"]
        assert said["notCreated"]["d"]["type"] == "rateLimit"

    run_with_jmap(test, limits=Limits(max_size_upload=100, max_created_blob_octets=200))


def test_what_could_not_be_made_leaves_nothing() -> None:
    async def test(client: JmapClient) -> None:
        broken = {TEXT: "x" * 300_000}, {BASE64: "!"}
        _, said = await client.call("Blob/upload", create={"a": {"data": broken}})
        assert said["notCreated"]["a"]["type"] == "invalidProperties"
        assert await client.provider.world.database.read(lambda tx: tx.rows("SELECT * FROM blobs")) == []
        assert client.provider.world.memory.accounts.buffers.used_octets == 0
        assert client.provider.world.memory.accounts.received.used_octets == 0

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("order", "error"), [(("new", "lost"), "serverPartialFail"), (("lost", "new"), "serverFail")]
)
def test_what_was_made_before_a_failure_is_made(order: tuple[str, str], error: str) -> None:
    async def test(client: JmapClient) -> None:
        lost = await upload(client, b"lost")
        await client.provider.world.database.write(lambda tx: tx.execute("DELETE FROM blob_octets"))
        sources = {"new": {"data": [{TEXT: "new"}]}, "lost": {"data": [{"blobId": lost}]}}
        name, said = await client.call(
            "Blob/upload", create={creation: sources[creation] for creation in order}
        )
        assert (name, said["type"]) == ("error", error)

    run_with_jmap(test)


# --- Blob/lookup


@pytest.mark.rfc("9404 §4.3", "MUST")
def test_which_records_have_a_blob() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, MESSAGE)
        await client.provider.deliver(0, MESSAGE, mailbox="Archive")
        await client.provider.deliver(1, b"Subject: others\r\n\r\n")
        ids = [
            id_of(MESSAGE),
            f"{id_of(MESSAGE)}-1",
            f"{id_of(MESSAGE)}-9",
            id_of(b"Subject: others\r\n\r\n"),
        ]
        _, said = await client.call("Blob/lookup", typeNames=["Mailbox", "Thread", "Email"], ids=ids)
        whole_, part, none, others = (one["matchedIds"] for one in said["list"])
        assert [len(whole_[kind]) for kind in ("Mailbox", "Email")] == [2, 2]
        assert [kind[0][0] for kind in (whole_["Mailbox"], whole_["Thread"], whole_["Email"])] == [
            "F",
            "T",
            "M",
        ]
        assert part == whole_
        assert none == others == {"Mailbox": [], "Thread": [], "Email": []}
        assert said["notFound"] == ids[2:]
        await client.provider.expunge(0)
        _, said = await client.call("Blob/lookup", typeNames=["Mailbox", "Email"], ids=ids[:1])
        assert [len(found) for found in said["list"][0]["matchedIds"].values()] == [1, 1]

    run_with_jmap(test)


def test_not_more_emails_are_listed_than_a_query_lists() -> None:
    async def test(client: JmapClient) -> None:
        other = b"Subject: other\r\n\r\n"
        for octets in (MESSAGE, MESSAGE, other, other):
            await client.provider.deliver(0, octets)
        name, said = await client.call("Blob/lookup", typeNames=["Email"], ids=[id_of(MESSAGE)])
        assert len(said["list"][0]["matchedIds"]["Email"]) == 2
        name, said = await client.call("Blob/lookup", typeNames=["Email"], ids=[id_of(MESSAGE), id_of(other)])
        assert (name, said["type"]) == ("error", errors.REQUEST_TOO_LARGE)

    run_with_jmap(test, limits=Limits(max_query_results=3))


# --- Blob/copy


@pytest.mark.rfc("8620 §6.3", "MUST")
def test_copies_between_accounts() -> None:
    async def test(client: JmapClient) -> None:
        """Nobody has access to another's account yet, so the handler is given one."""
        world, other = client.provider.world, client.provider.accounts[1]
        await client.provider.deliver(0, MESSAGE)
        part, none = f"{id_of(MESSAGE)}-2", "U" + "0" * 64

        async def copy(context: Context, given: dict[str, Any]) -> dict[str, Any]:
            shared = Access(id=f"A{other}", name="other", capabilities=(BLOB,))
            return await blob_upload.copy(
                replace(context, accesses={**context.accesses, shared.id: shared}), given
            )

        client.service._handlers = {**client.service._handlers, "Blob/copy": copy}
        given = {"fromAccountId": client.account_id, "accountId": f"A{other}"}
        answer = await client.request(["Blob/copy", {**given, "blobIds": [id_of(MESSAGE), part, none]}, "0"])
        ((_, said, _),) = answer["methodResponses"]
        assert said["notCopied"] == {none: {"type": "notFound"}}
        for origin, octets in ((id_of(MESSAGE), MESSAGE), (part, b"abc")):
            new = said["copied"][origin]
            found = await find_of(world, AccountId(other), new)
            assert found is not None
            assert await found.whole(found.size) == octets
            assert await whole(client, new) is None

    run_with_jmap(test)


@pytest.mark.rfc("9404 §3.1", "MUST")
def test_what_the_session_says() -> None:
    async def test(client: JmapClient) -> None:
        session = json.loads((await client.service.session(client.account, BASE_URL)).octets)
        assert session["capabilities"][BLOB] == session["capabilities"][QUOTA] == {}
        said = session["accounts"][client.account_id]["accountCapabilities"]
        assert said[QUOTA] == {}
        assert said[BLOB] == {
            "maxSizeBlobSet": 50_000_000,
            "maxDataSources": 64,
            "supportedTypeNames": ["Mailbox", "Thread", "Email", "ContactCard"],
            "supportedDigestAlgorithms": ["sha-256", "sha"],
        }

    run_with_jmap(test)
