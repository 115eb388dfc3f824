"""Images and sounds of cards (RFC 9610 §3, §3.5)."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from pillarbox.contacts.limits import LIMITS
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.store import uploads
from tests.kit.contacts import PNG
from tests.kit.jmap.blobs import message, whole
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import OWN, called, card, create, failed, update

PNG_ID = "U" + sha256(PNG).hexdigest()


def data(octets: bytes, type_: str = "image/png") -> str:
    return f"data:{type_};base64,{b64encode(octets).decode()}"


async def upload(client: JmapClient, octets: bytes, type_: str = "image/png") -> str:
    async def pieces() -> Any:
        for at in range(0, len(octets), 65536):
            yield octets[at : at + 65536]

    made = await client.uploads.upload(client.account, client.account_id, type_, pieces())
    return str(made.blob_id)  # type: ignore[union-attr]


async def forget_uploads(client: JmapClient) -> None:
    database = client.provider.world.database
    await database.write(uploads.delete_account, client.account.id)
    await database.write(uploads.sweep, now_ms=uploads.KEPT_MS)


def photo(**medium: Any) -> dict[str, Any]:
    return {"media": {"m": {"kind": "photo", **medium}}}


@pytest.mark.rfc("9610 §3", "SHOULD")
def test_a_data_uri_becomes_a_blob_that_lives_as_long_as_the_card() -> None:
    async def test(client: JmapClient) -> None:
        made = await create(client, **photo(uri=data(PNG, "image/whatever"), pref=1))
        kept = {"kind": "photo", "pref": 1, "blobId": PNG_ID, "mediaType": "image/png"}
        assert made["media"] == {"m": kept}
        assert (await card(client, made["id"]))["media"] == {"m": kept}
        await forget_uploads(client)
        assert await whole(client, PNG_ID) == PNG
        assert (await update(client, made["id"], {"media/m/label": "x"})).keys() == {"updated"}
        assert await whole(client, PNG_ID) == PNG
        await called(client, "ContactCard/set", destroy=[made["id"]])
        assert await whole(client, PNG_ID) is None

    run_with_jmap(test)


@pytest.mark.rfc("9610 §3.5", "MUST")
def test_an_upload_becomes_a_photo() -> None:
    async def test(client: JmapClient) -> None:
        blob = await upload(client, PNG)
        made = await create(client, **photo(blobId=blob, mediaType="image/png"))
        assert "media" not in made, "it is as the client has sent it"
        another = await create(client, **photo(blobId=blob))
        assert another["media"]["m"]["mediaType"] == "image/png"
        await forget_uploads(client)
        await update(client, made["id"], {"media": None})
        assert await whole(client, blob) == PNG, "the other card has it"
        await update(client, another["id"], {"media/m": None})
        assert await whole(client, blob) is None
        counted = await client.provider.world.database.read(lambda tx: tx.value("SELECT count(*) FROM blobs"))
        assert counted == 0

    run_with_jmap(test)


@pytest.mark.rfc("9610 §3.5", "MUST")
@pytest.mark.parametrize(
    ("medium", "pointer"),
    [
        ({"blobId": "Unone"}, "blobId"),
        ({"blobId": 5}, "blobId"),
        ({"blobId": "#none"}, "blobId"),
        ({"blobId": "text"}, "blobId"),
        ({"blobId": "large"}, "blobId"),
        ({"blobId": PNG_ID, "uri": "https://x.example/"}, "uri"),
        ({"uri": data(b"<svg/>", "image/svg+xml")}, "uri"),
        ({"uri": "data:image/png;base64,%%%"}, "uri"),
        ({"uri": "data:image/png"}, "uri"),
        ({"uri": data(PNG + bytes(LIMITS.media_octets), "image/png")}, "uri"),
        ({"uri": 5}, "uri"),
        ({}, "uri"),
    ],
)
def test_what_is_no_photo(medium: dict[str, Any], pointer: str) -> None:
    async def test(client: JmapClient) -> None:
        named = medium.get("blobId")
        if named == "text":
            medium["blobId"] = await upload(client, b"GIF, but not quite", "image/gif")
        if named == "large":
            medium["blobId"] = await upload(client, PNG + bytes(LIMITS.media_octets))
        said = await create(client, **photo(**medium))
        assert (said["type"], said["properties"]) == ("invalidProperties", [f"media/m/{pointer}"])

    run_with_jmap(test, limits=Limits(max_size_request=30_000_000))


def test_sounds_and_links_may_be_anything() -> None:
    async def test(client: JmapClient) -> None:
        blob = await upload(client, b"a sound", "audio/x")
        made = await create(
            client,
            media={
                "a": {"kind": "sound", "blobId": blob},
                "b": {"kind": "sound", "blobId": blob, "mediaType": "audio/y"},
                "c": {"kind": "photo", "uri": "https://x.example/p.png"},
                "d": {"kind": "sound", "uri": "data:,hello"},
            },
        )
        media = made["media"]
        assert (media["a"]["mediaType"], media["b"]["mediaType"]) == ("audio/x", "audio/y")
        assert media["c"] == {"kind": "photo", "uri": "https://x.example/p.png"}
        assert media["d"]["mediaType"] == "text/plain"
        many = {
            f"m{number}": {"kind": "sound", "uri": f"data:,{number}"} for number in range(LIMITS.media + 1)
        }
        assert (await create(client, media=many))["type"] == "tooLarge"
        assert (await create(client, media=[]))["properties"] == ["media"]

    run_with_jmap(test)


def test_a_part_of_a_message_becomes_a_photo() -> None:
    async def test(client: JmapClient) -> None:
        octets = message(("text/plain", "8bit", b"x"), ("image/png", "base64", b64encode(PNG)))
        await client.provider.deliver(0, octets)
        part = f"B{sha256(octets).hexdigest()}-2"
        made = await create(client, **photo(blobId=part))
        assert made["media"]["m"]["blobId"] == PNG_ID
        assert await whole(client, PNG_ID) == PNG

    run_with_jmap(test)


@pytest.mark.rfc("9404 §4.3", "MUST")
def test_lookup_finds_cards() -> None:
    async def test(client: JmapClient) -> None:
        made = await create(client, **photo(uri=data(PNG)))
        other = await upload(client, b"other")
        said = await called(client, "Blob/lookup", typeNames=["ContactCard", "Email"], ids=[PNG_ID, other])
        assert said["list"] == [
            {"id": PNG_ID, "matchedIds": {"ContactCard": [made["id"]], "Email": []}},
            {"id": other, "matchedIds": {"ContactCard": [], "Email": []}},
        ]
        using = ("urn:ietf:params:jmap:core", "urn:ietf:params:jmap:blob", "urn:ietf:params:jmap:mail")
        call = {"accountId": client.account_id, "typeNames": ["ContactCard"], "ids": [PNG_ID]}
        said = await client.request(["Blob/lookup", call, "0"], using=using)
        assert said["methodResponses"][0][1]["type"] == "unknownDataType"
        assert await failed(client, "Blob/lookup", typeNames=["AddressBook"], ids=[]) == "unknownDataType"

    run_with_jmap(test)


def test_a_blob_of_somebody_else_is_not_there() -> None:
    async def test(client: JmapClient) -> None:
        octets = message(("text/plain", "8bit", b"x"), ("image/png", "base64", b64encode(PNG)))
        await client.provider.deliver(1, octets)
        said = await create(client, addressBookIds=OWN, **photo(blobId=f"B{sha256(octets).hexdigest()}-2"))
        assert said["properties"] == ["media/m/blobId"]

    run_with_jmap(test)
