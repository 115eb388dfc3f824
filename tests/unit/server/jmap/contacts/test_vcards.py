"""ContactCard/parse and /export (urn:pillarbox:jmap:vcard)."""

import asyncio
import threading
from base64 import b64encode
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CONTACTS, CORE, VCARD
from pillarbox.protocol.jmap.limits import Limits
from tests.kit.contacts import PNG
from tests.kit.jmap.blobs import whole
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import OWN, called, card, create, failed, full_name
from tests.unit.server.jmap.contacts.test_media import PNG_ID, data, upload

JOE = b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:x:joe\r\nFN:Joe Bloggs\r\nEMAIL:joe@x.example\r\nEND:VCARD\r\n"
ANN = (
    b"BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nN:;Ann;;;\nPHOTO;ENCODING=b;TYPE=PNG:"
    + b64encode(PNG)
    + b"\nEND:VCARD\n"
)
BROKEN = b"BEGIN:VCARD\r\nVERSION:4.0\r\nthis is no line\r\nEND:VCARD\r\n"


async def parsed(client: JmapClient, *blobs: str, **arguments: Any) -> Any:
    return await called(client, "ContactCard/parse", blobIds=list(blobs), **arguments)


def test_a_file_is_parsed_and_its_cards_are_created() -> None:
    async def test(client: JmapClient) -> None:
        blob = await upload(client, JOE + BROKEN + ANN, "text/vcard")
        said = await parsed(client, blob)
        joe, ann = said["parsed"][blob]
        assert (joe["uid"], joe["name"]["full"]) == ("urn:x:joe", "Joe Bloggs")
        assert said["notFound"] is said["notParsable"] is None
        ((problem,),) = said["problems"].values()
        assert problem["line"] > 5
        assert problem["description"]
        create = {"joe": {"addressBookIds": OWN, **joe}, "ann": {"addressBookIds": OWN, **ann}}
        said = await called(client, "ContactCard/set", create=create)
        made = said["created"]
        assert made["joe"].keys() == {"id", "created", "updated"} - ({"created"} & joe.keys())
        (medium,) = made["ann"]["media"].values()
        assert medium["blobId"] == PNG_ID

    run_with_jmap(test)


def test_what_is_not_parsable_or_not_found() -> None:
    async def test(client: JmapClient) -> None:
        text, broken = (
            await upload(client, b"hello", "text/plain"),
            await upload(client, BROKEN, "text/vcard"),
        )
        large = await upload(client, JOE * 130_000, "text/vcard")
        said = await parsed(client, text, broken, large, "Bx", "#none")
        assert said["parsed"] is None
        assert set(said["notParsable"]) == {text, broken, large}
        assert said["notFound"] == ["Bx", "#none"]
        assert {broken, large} <= said["problems"].keys()
        assert await failed(client, "ContactCard/parse", blobIds=["x"] * 501) == "requestTooLarge"
        assert (
            await failed(client, "ContactCard/parse", blobIds=[], properties=["colour"]) == "invalidArguments"
        )

    run_with_jmap(test)


def test_a_long_file_is_read_in_a_thread() -> None:
    """One of its lines may take long, and nobody else is to wait for it."""

    async def test(client: JmapClient) -> None:
        note = b"NOTE:" + b"a" * 70_000 + b"\r\nEND:VCARD"
        small = await upload(client, JOE, "text/vcard")
        large = await upload(client, JOE.replace(b"END:VCARD", note), "text/vcard")
        goes_on = threading.Event()
        busy = asyncio.create_task(client.provider.world.aside.run(goes_on.wait))
        reading = asyncio.create_task(parsed(client, large))
        try:
            for _ in range(20):
                assert (await parsed(client, small))["parsed"]
            assert not reading.done()
        finally:
            goes_on.set()
        ((card_,),) = (await reading)["parsed"].values()
        assert card_["notes"]["NOTE-1"]["note"] == "a" * 70_000
        await busy

    run_with_jmap(test)


def test_some_properties() -> None:
    async def test(client: JmapClient) -> None:
        blob = await upload(client, JOE, "text/vcard")
        said = await parsed(client, blob, properties=["uid", "emails", "notes"])
        ((joe,),) = said["parsed"].values()
        assert joe.keys() == {"uid", "emails"}

    run_with_jmap(test)


def test_too_much_at_once_is_refused() -> None:
    async def test(client: JmapClient) -> None:
        one, two = await upload(client, JOE, "text/vcard"), await upload(client, ANN, "text/vcard")
        arguments = {"blobIds": [one, two]}
        assert await failed(client, "ContactCard/parse", **arguments) == "requestTooLarge"
        assert (await parsed(client, one))["parsed"]

    run_with_jmap(test, limits=Limits(max_parsed_octets=len(JOE) + 10))


@pytest.mark.parametrize("chosen", [True, False])
def test_cards_are_exported_and_come_back_as_they_were(chosen: bool) -> None:
    async def test(client: JmapClient) -> None:
        photo = {"m": {"kind": "photo", "uri": data(PNG)}}
        joe = (await create(client, uid="urn:x:joe", name=full_name("Joe"), media=photo))["id"]
        ann = (await create(client, uid="urn:x:ann", name=full_name("Ann")))["id"]
        names = [joe, "C99", "x", ann]
        said = await called(client, "ContactCard/export", ids=names if chosen else None)
        assert sorted(said["notFound"]) == (["C99", "x"] if chosen else [])
        assert said["type"] == "text/vcard"
        octets = await whole(client, said["blobId"])
        assert octets is not None
        assert len(octets) == said["size"]
        assert octets.count(b"BEGIN:VCARD") == 2
        back = (await parsed(client, said["blobId"]))["parsed"][said["blobId"]]
        assert [one["uid"] for one in back] == ["urn:x:joe", "urn:x:ann"]
        before = await card(client, joe)
        await called(client, "ContactCard/set", destroy=[joe])
        again = (await create(client, **back[0]))["id"]
        after = await card(client, again)
        (medium,) = after["media"].values()
        assert medium["blobId"] == before["media"]["m"]["blobId"]
        assert after["name"]["full"] == before["name"]["full"]

    run_with_jmap(test)


def test_more_than_an_upload_may_have_is_not_exported() -> None:
    async def test(client: JmapClient) -> None:
        await create(client, name=full_name("x" * 2000))
        assert await failed(client, "ContactCard/export") == "requestTooLarge"
        assert await failed(client, "ContactCard/export", ids=["x"] * 501) == "requestTooLarge"

    run_with_jmap(test, limits=Limits(max_size_upload=1000))


def test_without_the_extension_there_is_nothing_of_it() -> None:
    async def test(client: JmapClient) -> None:
        for method in ("ContactCard/parse", "ContactCard/export"):
            call = {"accountId": client.account_id, "blobIds": []}
            said = await client.request([method, call, "0"], using=(CORE, CONTACTS))
            assert said["methodResponses"][0][1]["type"] == "unknownMethod"
        said = await client.request(
            ["ContactCard/get", {"accountId": client.account_id}, "0"], using=(CORE, VCARD)
        )
        assert said["methodResponses"][0][1]["type"] == "unknownMethod"

    run_with_jmap(test)
