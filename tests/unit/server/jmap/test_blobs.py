"""Blobs by their ids: messages, their parts, and uploads; and who finds them."""

import base64
from hashlib import sha256

import pytest

from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email import body_part
from pillarbox.protocol.jmap.email.body_part import tree
from pillarbox.server.jmap.blobs import BlobTooLarge, find_of
from tests.kit.jmap.blobs import id_of, message, upload, whole
from tests.kit.jmap.client import JmapClient, run_with_jmap

MESSAGE = message(
    ("text/plain", "7bit", b"plain"),
    ("application/pdf", "base64", base64.encodebytes(b"\x00octets\xff").replace(b"\n", b"\r\n")),
    ("text/plain", "quoted-printable", b"a=20b=\r\nc=E4"),
    ("application/x", "x-unknown", b"as it stands"),
    ("message/rfc822", "7bit", b"Subject: inner\r\n\r\ninner text"),
    ("message/rfc822", "base64", base64.b64encode(message(("text/plain", "base64", b"aW4gYmFzZTY0")))),
)
PARTS = {
    "1": b"plain",
    "2": b"\x00octets\xff",
    "3": b"a bc\xe4",
    "4": b"as it stands",
    "5": b"Subject: inner\r\n\r\ninner text",
    "5.1": b"inner text",
    "6": message(("text/plain", "base64", b"aW4gYmFzZTY0")),
    "6.1": b"in base64",
    "7": None,
    "0": None,
    "1.1": None,
    "1.1.1": None,
    "9999.9999": None,
}


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_messages_and_their_parts() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, MESSAGE)
        assert await whole(client, id_of(MESSAGE)) == MESSAGE
        for number, octets in PARTS.items():
            assert await whole(client, body_part.blob_id(id_of(MESSAGE), number)) == octets, number
        named = {part.number for part in tree(parse(MESSAGE)).leaves()}
        assert named <= PARTS.keys(), "what Email/get names"

    run_with_jmap(test)


def test_of_an_upload_there_are_parts_as_well() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, MESSAGE)
        assert text == "U" + sha256(MESSAGE).hexdigest()
        assert await whole(client, text) == MESSAGE
        for number, octets in PARTS.items():
            assert await whole(client, body_part.blob_id(text, number)) == octets, number
        assert await whole(client, id_of(MESSAGE)) is None, "no message has these octets"

    run_with_jmap(test)


@pytest.mark.rfc("8620 §6.1", "MUST")
def test_nothing_of_anothers_is_found() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(1, MESSAGE)
        other = client.provider.accounts[1]
        assert await find_of(client.provider.world, other, id_of(MESSAGE)) is not None
        text = await upload(client, b"mine")
        assert await find_of(client.provider.world, other, text) is None
        for missing in (id_of(MESSAGE), f"{id_of(MESSAGE)}-1", text[:-1] + "x", "", "U", "#x", "B" * 1000):
            assert await whole(client, missing) is None

    run_with_jmap(test)


def test_what_is_known_of_a_blob() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, MESSAGE)
        digest = sha256(MESSAGE).digest()
        facts = []
        for text in (id_of(MESSAGE), f"{id_of(MESSAGE)}-1", await upload(client, b"x")):
            found = await find_of(client.provider.world, client.account.id, text)
            assert found is not None
            facts.append((found.digest, found.message, found.part, found.is_message))
            found.close()
        of_upload = sha256(b"x").digest()
        assert facts == [
            (digest, digest, None, True),
            (None, digest, "1", False),
            (of_upload, of_upload, None, False),
        ]

    run_with_jmap(test)


def test_whole_has_a_limit() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, b"octets")
        found = await find_of(client.provider.world, client.account.id, text)
        assert found is not None
        with found, pytest.raises(BlobTooLarge):
            await found.whole(5)

    run_with_jmap(test)
