"""Blobs that are files, and downloads and uploads of them."""

import asyncio
import base64
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pillarbox.server.jmap.blobs import FoundBlob, find_of
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS
from tests.kit.jmap.blobs import id_of, message, upload, whole
from tests.kit.jmap.client import JmapClient, open_jmap

LARGE = bytes(range(256)) * (MAX_IN_DATABASE_OCTETS // 100)


def _open_files(folder: Path) -> int:
    """Of blobs, those without a name among them."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).startswith(str(folder / "blobs"))
    return found


def _in_files(test: Callable[[JmapClient], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        client = await open_jmap(folder=folder)
        try:
            await test(client)
        finally:
            await client.provider.close()

    asyncio.run(run())


def test_large_ones_are_read_from_files_of_which_none_stays_open(tmp_path: Path) -> None:
    async def test(client: JmapClient) -> None:
        encoded = base64.encodebytes(LARGE).replace(b"\n", b"\r\n")
        large = message(
            ("text/plain", "7bit", b"first"), ("image/png", "base64", encoded), ("a/b", "binary", LARGE)
        )
        await client.provider.deliver(0, large)
        uploaded = await upload(client, LARGE, "image/png")
        assert client.provider.world.memory.accounts.received.used_octets == 0
        assert len(list((tmp_path / "blobs").glob("*/*"))) >= 1
        for text, octets in (
            (id_of(large), large),
            (f"{id_of(large)}-1", b"first"),
            (f"{id_of(large)}-2", LARGE),
            (f"{id_of(large)}-3", LARGE),
            (uploaded, LARGE),
        ):
            assert await whole(client, text) == octets
        assert not _open_files(tmp_path)
        assert client.provider.world.memory.accounts.whole.used_octets == 0
        forgotten: FoundBlob | None = await find_of(
            client.provider.world, client.account.id, f"{id_of(large)}-2"
        )
        assert forgotten is not None
        assert _open_files(tmp_path) == 1
        del forgotten
        await whole(client, f"{id_of(large)}-3")  # a thread knows its last result
        gc.collect()
        assert not _open_files(tmp_path), "its reader was cancelled"

    _in_files(test, tmp_path)
