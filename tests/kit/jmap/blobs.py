"""Blobs of a JMAP service without HTTP: uploads, downloads, and what is found by an id."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.blobs import MAX_READ_OCTETS, find_of
from pillarbox.server.jmap.downloading import Download, DownloadRequest, download
from pillarbox.server.jmap.uploading import Uploaded
from tests.kit.jmap.client import JmapClient

PIECE = 64 * 1024


def message(*parts: tuple[str, str, bytes]) -> bytes:
    """A multipart message of parts: type, encoding, octets as they stand."""
    lines = [b"Subject: parts\r\nMime-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"]
    for type_, encoding, octets in parts:
        lines.append(
            f"--b\r\nContent-Type: {type_}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        )
        lines.append(octets + b"\r\n")
    return b"".join([*lines, b"--b--\r\n"])


def id_of(octets: bytes) -> str:
    """The id of a message."""
    return "B" + sha256(octets).hexdigest()


async def whole(client: JmapClient, text: str) -> bytes | None:
    """The octets of a blob, read in both ways; None if it is not found."""
    found = await find_of(client.provider.world, client.account.id, text)
    if found is None:
        return None
    with found:
        octets = await found.whole(found.size)
        assert len(octets) == found.size
        pieces = [await found.read(at, found.size) for at in range(0, found.size, MAX_READ_OCTETS)]
        assert b"".join(pieces) == octets
        assert all(len(piece) <= MAX_READ_OCTETS for piece in pieces)
        return octets


async def pieces(octets: bytes) -> AsyncIterator[bytes]:
    """As they come from a connection."""
    for start in range(0, len(octets), PIECE):
        yield octets[start : start + PIECE]


async def upload(client: JmapClient, octets: bytes, type_: str = "text/plain") -> str:
    """The id of the new blob."""
    made = await client.uploads.upload(client.account, client.account_id, type_, pieces(octets))
    assert isinstance(made, Uploaded), made
    assert (made.account_id, made.size, made.type) == (client.account_id, len(octets), type_)
    return made.blob_id


async def response(client: JmapClient, blob_id: str, **asked: Any) -> Download | Problem:
    """To a request for a download."""
    request = DownloadRequest(account_id=client.account_id, blob_id=blob_id, **asked)
    return await download(client.provider.world, client.account, request)


async def fetch(client: JmapClient, blob_id: str, **asked: Any) -> tuple[int, dict[str, str], bytes]:
    """Status, fields and body of a download."""
    found = await response(client, blob_id, **asked)
    assert isinstance(found, Download), found
    body = b"".join([piece async for piece in found.pieces()])
    fields = dict(found.fields)
    if found.status != 304 and not asked.get("head"):
        assert int(fields["content-length"]) == len(body) == found.size
    return found.status, fields, body
