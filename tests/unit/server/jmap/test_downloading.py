"""Downloads: whole, in ranges, and of what there is not."""

import pytest

from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.downloading import Download, DownloadRequest, download
from tests.kit.jmap.blobs import fetch, id_of, message, response, upload
from tests.kit.jmap.client import JmapClient, run_with_jmap

OCTETS = bytes(range(256)) * 1024


@pytest.mark.rfc("8620 §6.2", "MUST")
def test_a_whole_blob() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, OCTETS, "image/png")
        status, fields, body = await fetch(client, text, name="ä.png", type="image/png")
        assert (status, body) == (200, OCTETS)
        assert fields == {
            "content-type": "image/png",
            "content-disposition": "inline; filename=\"_.png\"; filename*=UTF-8''%C3%A4.png",
            "etag": f'"{text}"',
            "cache-control": "private, immutable, max-age=31536000",
            "accept-ranges": "bytes",
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'",
            "cross-origin-resource-policy": "same-origin",
            "content-length": str(len(OCTETS)),
        }
        assert await fetch(client, await upload(client, b"")) == (200, {**fields, **_of_nothing()}, b"")

    def _of_nothing() -> dict[str, str]:
        nothing = "Ue3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        return {
            "content-type": "application/octet-stream",
            "content-disposition": "attachment",
            "etag": f'"{nothing}"',
            "content-length": "0",
        }

    run_with_jmap(test)


@pytest.mark.rfc("9110 §14.4", "MUST")
def test_ranges() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, OCTETS)
        size = len(OCTETS)
        status, fields, body = await fetch(client, text, type="video/mp4", range="bytes=100000-199999")
        assert (status, body) == (206, OCTETS[100_000:200_000])
        assert fields["content-range"] == f"bytes 100000-199999/{size}"
        assert fields["content-type"] == "video/mp4"
        status, fields, body = await fetch(client, text, range=f"bytes={size}-")
        assert (status, fields["content-range"], body) == (416, f"bytes */{size}", b"")
        assert "etag" not in fields
        for asked in ("bytes=" + "0-0," * 10_000 + "0-0", "bytes=0-0,0-0,0-0,0-0,0-0,0-0"):
            status, fields, body = await fetch(client, text, range=asked)
            assert (status, len(body)) == (200, size)
        status, fields, body = await fetch(client, text, range="bytes=1000000000-1000000001, 5-6")
        assert (status, body) == (206, OCTETS[5:7])

    run_with_jmap(test)


@pytest.mark.rfc("9110 §14.6", "MUST")
def test_several_ranges() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, OCTETS)
        status, fields, body = await fetch(client, text, type="text/html", range="bytes=0-1,-2")
        assert status == 206
        kind, _, boundary = fields["content-type"].partition("; boundary=")
        assert kind == "multipart/byteranges"
        assert fields["content-disposition"] == "attachment"
        assert "content-range" not in fields
        _, first, second, end = body.split(b"--" + boundary.encode())
        assert first.startswith(
            b"\r\ncontent-type: text/html\r\ncontent-range: bytes 0-1/262144\r\n\r\n\x00\x01"
        )
        assert second.endswith(b"\r\n\r\n\xfe\xff\r\n")
        assert end == b"--\r\n"

    run_with_jmap(test)


@pytest.mark.rfc("9110 §13.2.2", "MUST")
def test_conditions() -> None:
    async def test(client: JmapClient) -> None:
        text = await upload(client, OCTETS)
        tag = f'"{text}"'
        status, fields, body = await fetch(client, text, if_none_match=f'"x", {tag}', range="bytes=0-1")
        assert (status, fields["etag"], body) == (304, tag, b"")
        assert (await fetch(client, text, if_range=tag, range="bytes=0-1"))[0] == 206
        assert (await fetch(client, text, if_range='"x"', range="bytes=0-1"))[0] == 200
        assert (await fetch(client, text, if_range='"x"', range="bytes=9999999-"))[0] == 200
        status, fields, body = await fetch(client, text, head=True, range="bytes=0-1")
        assert (status, fields["content-length"], body) == (200, str(len(OCTETS)), b"")

    run_with_jmap(test)


def test_parts_of_messages() -> None:
    async def test(client: JmapClient) -> None:
        octets = message(("text/plain", "base64", b"YWJjZGVm"))
        await client.provider.deliver(0, octets)
        text = f"{id_of(octets)}-1"
        status, fields, body = await fetch(client, text, type="text/plain", range="bytes=1-3")
        assert (status, body, fields["content-range"], fields["etag"]) == (
            206,
            b"bcd",
            "bytes 1-3/6",
            f'"{text}"',
        )

    run_with_jmap(test)


@pytest.mark.rfc("8620 §6.2", "SHOULD")
def test_what_there_is_not_is_a_problem() -> None:
    async def test(client: JmapClient) -> None:
        other = client.provider.accounts[1]
        text = await upload(client, OCTETS)
        request = DownloadRequest(account_id=f"A{other}", blob_id=text)
        for answer in (
            await response(client, "U" + "0" * 64),
            await response(client, text + "-7"),
            await response(client, "../../etc/passwd"),
            await download(client.provider.world, client.account, request),
        ):
            assert isinstance(answer, Problem)
            assert (answer.status, answer.type) == (404, "about:blank")

    run_with_jmap(test)


def test_a_download_that_nobody_reads_is_closed() -> None:
    async def test(client: JmapClient) -> None:
        found = await response(client, await upload(client, OCTETS))
        assert isinstance(found, Download)
        pieces = found.pieces()
        assert len(await anext(pieces)) == 64 * 1024
        await pieces.aclose()
        found.close()

    run_with_jmap(test)
