"""Uploads: what is kept, and what is refused."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.uploading import Uploaded
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS
from pillarbox.world.memory import UNCOUNTED_OCTETS, MemoryScarce
from tests.kit.jmap.blobs import PIECE, pieces, upload, whole
from tests.kit.jmap.client import JmapClient, run_with_jmap


@pytest.mark.rfc("8620 §6.1", "MUST")
def test_what_is_answered() -> None:
    async def test(client: JmapClient) -> None:
        made = await client.uploads.upload(
            client.account, client.account_id, "text/html; x=y", pieces(b"abc")
        )
        assert isinstance(made, Uploaded)
        assert msgspec.json.decode(made.octets()) == {
            "accountId": client.account_id,
            "blobId": "Uba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "type": "text/html; x=y",
            "size": 3,
        }
        assert await upload(client, b"abc") == made.blob_id
        assert await whole(client, made.blob_id) == b"abc"
        none = await client.uploads.upload(client.account, client.account_id, None, pieces(b""))
        assert isinstance(none, Uploaded)
        assert (none.size, none.type) == (0, "application/octet-stream")

    run_with_jmap(test)


@pytest.mark.rfc("8620 §6.1", "SHOULD")
def test_what_is_refused() -> None:
    async def test(client: JmapClient) -> None:
        uploads, other = client.uploads, client.provider.accounts[1]
        seen: list[int] = []

        async def counted(octets: bytes) -> AsyncIterator[bytes]:
            async for piece in pieces(octets):
                seen.append(len(piece))
                yield piece

        size = 3 * PIECE
        for announced, most_read in ((None, 3), (size + 1, 0)):
            seen.clear()
            refused = await uploads.upload(
                client.account, client.account_id, "a/b", counted(b"x" * 10 * PIECE), announced=announced
            )
            assert isinstance(refused, Problem)
            assert (refused.status, refused.limit) == (413, "maxSizeUpload")
            assert len(seen) <= most_read + 1, "no more is read than must be"
        assert len(await upload(client, b"x" * size)) == 65
        refused = await uploads.upload(client.account, f"A{other}", "a/b", pieces(b"x"))
        assert isinstance(refused, Problem)
        assert refused.status == 404

    run_with_jmap(test, limits=Limits(max_size_upload=3 * PIECE))


def test_so_many_at_once() -> None:
    async def test(client: JmapClient) -> None:
        goes_on = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"a"
            await goes_on.wait()
            yield b"b"

        def begin() -> asyncio.Task[Uploaded | Problem]:
            return asyncio.create_task(
                client.uploads.upload(client.account, client.account_id, "a/b", slow())
            )

        first, second = begin(), begin()
        third = await begin()
        assert isinstance(third, Problem)
        assert (third.status, third.limit) == (429, "maxConcurrentUpload")
        goes_on.set()
        assert all(isinstance(made, Uploaded) for made in await asyncio.gather(first, second))
        assert isinstance(await begin(), Uploaded)

    run_with_jmap(test, limits=Limits(max_concurrent_upload=2))


def test_a_client_that_goes_away_leaves_nothing() -> None:
    async def test(client: JmapClient) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * 2 * UNCOUNTED_OCTETS
            raise ConnectionError

        for _ in range(2 * client.service.limits.max_concurrent_upload):
            with pytest.raises(ConnectionError):
                await client.uploads.upload(client.account, client.account_id, "a/b", broken())
        assert client.provider.world.memory.accounts.received.used_octets == 0
        assert await client.provider.world.database.read(lambda tx: tx.rows("SELECT * FROM blobs")) == []

    run_with_jmap(test)


def test_what_is_slow_gives_up_its_memory_to_others() -> None:
    async def test(client: JmapClient) -> None:
        share = client.provider.world.memory.accounts.received
        begun = asyncio.Event()
        goes_on = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"x" * 2 * UNCOUNTED_OCTETS
            begun.set()
            await goes_on.wait()
            yield b"y"

        running = asyncio.create_task(client.uploads.upload(client.account, client.account_id, "a/b", slow()))
        await begun.wait()
        assert share.used_octets == MAX_IN_DATABASE_OCTETS
        next(iter(share._revocable)).give_up()
        assert share.used_octets == 0
        goes_on.set()
        with pytest.raises(MemoryScarce):
            await running

    run_with_jmap(test)
