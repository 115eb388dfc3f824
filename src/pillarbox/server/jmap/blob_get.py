"""Blob/get: octets of blobs as text or base64, and digests of them (RFC 9404 §4.2)."""

import base64
import codecs
import hashlib
from typing import Any, Final

from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.types import blob as types
from pillarbox.protocol.jmap.types.blob import BlobGetArguments
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import FoundBlob
from pillarbox.server.jmap.context import Context
from pillarbox.world.memory import UNCOUNTED_OCTETS

PIECE_OCTETS: Final = 48 * 1024
"""Octets that are worked on at once; a multiple of 3, so that base64 of pieces is that of the whole."""
MEMORY_FACTOR: Final = 3
"""Octets of which data is made take so many times their number: as octets, and as texts."""
_OF_DATA: Final = frozenset((types.DATA, types.TEXT, types.BASE64))


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Blob/get."""
    call = arguments.read(BlobGetArguments, given)
    asked = call.asked()
    wanted = call.wanted(context.created, context.limits)
    if wanted is None:
        raise errors.invalid_arguments("'ids' is missing: the blobs of an account are not listed")
    finder, reader = BlobFinder(context, context.account_id(given)), _Reader(context, call, asked)
    found, missing = [], []
    for text in wanted:
        await context.give_way()
        try:
            blob = await finder.find(text)
        except TooMuchToRead:
            raise errors.request_too_large("Ask for parts of fewer messages at once") from None
        if blob is None:
            missing.append(text)
            continue
        with blob:
            found.append(await reader.record(blob))
    return {"accountId": call.account_id, "list": found, "notFound": missing}


class _Reader:
    """Makes the records of one call."""

    def __init__(self, context: Context, call: BlobGetArguments, asked: frozenset[str]) -> None:
        self._context, self._call, self._asked = context, call, asked
        self._wants_data = not asked.isdisjoint(_OF_DATA)
        self._digests = [name for name in types.DIGESTS if types.DIGEST_PREFIX + name in asked]
        self._data_octets = context.limits.max_blob_data_octets
        self._digest_octets = context.limits.max_digest_octets

    async def record(self, blob: FoundBlob) -> dict[str, Any]:
        """One blob as it was asked for. Raises requestTooLarge before anything of it is read."""
        start, end, is_truncated = self._call.selected(blob.size)
        record: dict[str, Any] = {"id": blob.id}
        if types.SIZE in self._asked:
            record[types.SIZE] = blob.size
        if is_truncated:
            record["isTruncated"] = True
        known = self._known_digest(blob, start, end)
        hashes = {
            name: hashlib.new(types.DIGESTS[name], usedforsecurity=False)
            for name in self._digests
            if name != "sha-256" or known is None
        }
        await self._take(end - start, hashed=len(hashes))
        pieces = []
        for at in range(start, end, PIECE_OCTETS) if self._wants_data or hashes else ():
            piece = await blob.read(at, min(at + PIECE_OCTETS, end))
            for one in hashes.values():
                one.update(piece)
            if self._wants_data:
                pieces.append(piece)
            await self._context.give_way()
        for name in self._digests:
            digest = hashes[name].digest() if name in hashes else known
            record[types.DIGEST_PREFIX + name] = base64.b64encode(digest or b"").decode()
        if self._wants_data:
            await self._add_data(record, pieces)
        return record

    def _known_digest(self, blob: FoundBlob, start: int, end: int) -> bytes | None:
        """The SHA-256 of all of it is its name."""
        return blob.digest if start == 0 and end == blob.size else None

    async def _take(self, octets: int, *, hashed: int) -> None:
        if self._wants_data:
            self._data_octets -= octets
        self._digest_octets -= octets * hashed
        if self._data_octets < 0 or self._digest_octets < 0:
            raise errors.request_too_large(
                "Ask for fewer octets, by 'offset' and 'length', or download the blob"
            )
        if self._wants_data and octets > UNCOUNTED_OCTETS:
            await self._context.memory.grow(MEMORY_FACTOR * octets)

    async def _add_data(self, record: dict[str, Any], pieces: list[bytes]) -> None:
        asked = self._asked
        text = await self._text(pieces) if types.DATA in asked or types.TEXT in asked else None
        if text is not None:
            record[types.TEXT] = text
        elif types.DATA in asked or types.TEXT in asked:
            record["isEncodingProblem"] = True
            if types.TEXT in asked:
                record[types.TEXT] = None
        if types.BASE64 in asked or (types.DATA in asked and text is None):
            record[types.BASE64] = await self._base64(pieces)

    async def _text(self, pieces: list[bytes]) -> str | None:
        decoder, decoded = codecs.getincrementaldecoder("utf-8")(), []
        try:
            for piece in pieces:
                decoded.append(decoder.decode(piece))
                await self._context.give_way()
            decoded.append(decoder.decode(b"", final=True))
        except UnicodeDecodeError:
            return None
        return "".join(decoded)

    async def _base64(self, pieces: list[bytes]) -> str:
        encoded = []
        for piece in pieces:
            encoded.append(base64.b64encode(piece).decode())
            await self._context.give_way()
        return "".join(encoded)
