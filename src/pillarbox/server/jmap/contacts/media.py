"""Images and sounds of a card: what a client sends as a blob or as a `data:` URI is kept as a blob (RFC 9610 §3).

The octets are an upload first, whose id the card has from then on: it is found for as long as a card has it. What is
a part of a message, is copied for that.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from pillarbox.contacts.limits import LIMITS
from pillarbox.contacts.media import Medium
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap.blobs import blob_id, data_uri
from pillarbox.protocol.jmap.blobs.data_uri import InvalidDataUri
from pillarbox.protocol.jmap.blobs.image_type import HEAD_OCTETS, image_type
from pillarbox.protocol.jmap.types.contact_card import MEDIA
from pillarbox.server.jmap import uploading
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import MAX_READ_OCTETS, FoundBlob, find_of
from pillarbox.server.jmap.context import Context
from pillarbox.store import uploads

AT_ONCE_CHARACTERS: Final = 64 * 1024
"""A longer URI is decoded in a thread."""
IMAGES: Final = frozenset(("photo", "logo"))
"""Kinds of media that must be images (RFC 9610 §3.5)."""
_ANY_OCTETS: Final = "application/octet-stream"


class MediaRefused(Exception):
    """Some of a card's media can't be kept: `pointers` into the card say which. None: there is too much of it."""

    def __init__(self, *pointers: str) -> None:
        super().__init__(*pointers)
        self.pointers = list(pointers)


class MediaKeeper:
    """Keeps the media of the cards of one call."""

    def __init__(self, context: Context, account: AccountId) -> None:
        self._context, self._account = context, account
        self._finder = BlobFinder(context, account)

    async def kept(self, card: dict[str, Any], known: Iterable[Medium] = ()) -> list[Medium]:
        """What the card uses; in the card, ids of blobs stand for it afterwards.

        `known`: what a card uses already. Raises `MediaRefused`, and what reading blobs raises.
        """
        given = card.get(MEDIA)
        if not isinstance(given, dict):
            return []  # `card.check` says so
        by_id = {blob_id.of_upload(medium.digest): medium for medium in known}
        kept, found, wrong = dict(given), list[Medium](), list[str]()
        for key, medium in given.items():
            try:
                if isinstance(medium, dict) and "blobId" in medium:
                    kept[key], used = await self._of_blob(medium, by_id)
                elif isinstance(medium, dict) and data_uri.is_data_uri(medium.get("uri")):
                    kept[key], used = await self._of_uri(medium)
                else:
                    continue
            except MediaRefused as refused:
                wrong += [f"{MEDIA}/{_escaped(key)}/{pointer}" for pointer in refused.pointers]
                continue
            found.append(used)
            if len(found) > LIMITS.media:
                raise MediaRefused
        if wrong:
            raise MediaRefused(*wrong)
        card[MEDIA] = kept
        return found

    async def _of_blob(
        self, medium: dict[str, Any], known: Mapping[str, Medium]
    ) -> tuple[dict[str, Any], Medium]:
        named = medium["blobId"]
        if not isinstance(named, str):
            raise MediaRefused("blobId")
        if "uri" in medium:
            raise MediaRefused("uri")
        named = self._context.created.known(named)
        if named in known:
            type_ = medium.get("mediaType") or _ANY_OCTETS
            return {**medium, "blobId": named, "mediaType": type_}, known[named]
        try:
            found = await self._finder.find(named)
        except TooMuchToRead:
            raise MediaRefused("blobId") from None
        if found is None:
            raise MediaRefused("blobId")
        with found:
            if found.size > LIMITS.media_octets:
                raise MediaRefused("blobId")
            type_ = await self._type(medium, found)
            digest = found.digest
            if digest is None:
                digest = (await self._upload(type_, _pieces(found))).digest
            return (
                {**medium, "blobId": blob_id.of_upload(digest), "mediaType": type_},
                Medium(digest, found.size),
            )

    async def _type(self, medium: dict[str, Any], found: FoundBlob) -> str:
        """The media type to tell. A photograph must be an image, and is told as the one that it is."""
        image = image_type(await found.read(0, HEAD_OCTETS))
        if medium.get("kind") in IMAGES:
            if image is None:
                raise MediaRefused("blobId")
            return image
        if isinstance(medium.get("mediaType"), str):
            return str(medium["mediaType"])
        if found.digest is None:
            return _ANY_OCTETS
        database = self._context.world.database
        upload = await database.read(uploads.find, self._account, found.digest)
        return _ANY_OCTETS if upload is None else upload.type

    async def _of_uri(self, medium: dict[str, Any]) -> tuple[dict[str, Any], Medium]:
        uri = medium["uri"]
        decode = data_uri.decode
        try:
            type_, octets = (
                await asyncio.to_thread(decode, uri) if len(uri) > AT_ONCE_CHARACTERS else decode(uri)
            )
        except InvalidDataUri:
            raise MediaRefused("uri") from None
        if len(octets) > LIMITS.media_octets:
            raise MediaRefused("uri")
        if medium.get("kind") in IMAGES:
            image = image_type(octets[:HEAD_OCTETS])
            if image is None:
                raise MediaRefused("uri")
            type_ = image
        made = await self._upload(type_, _slices(octets))
        rest = {name: value for name, value in medium.items() if name != "uri"}
        return (
            {**rest, "blobId": blob_id.of_upload(made.digest), "mediaType": type_},
            Medium(made.digest, made.size),
        )

    async def _upload(self, type_: str, pieces: AsyncIterator[bytes]) -> uploads.Upload:
        return await uploading.keep(self._context.world, self._account, type_, pieces, LIMITS.media_octets)


async def with_data(context: Context, account: AccountId, card: dict[str, Any]) -> dict[str, Any]:
    """The card with the octets of its images and sounds in it, as `data:` URIs: for a vCard.

    Raises what reading blobs raises.
    """
    media = card.get(MEDIA, {})
    whole = {key: await _with_data(context, account, medium) for key, medium in media.items()}
    there = {key: medium for key, medium in whole.items() if medium is not None}
    return {**card, MEDIA: there} if media else card


async def _with_data(context: Context, account: AccountId, medium: dict[str, Any]) -> dict[str, Any] | None:
    """`None` where the blob is lost, which only damage leads to."""
    if "blobId" not in medium:
        return medium
    found = await find_of(context.world, account, medium["blobId"])
    if found is None:
        return None
    with found, await context.world.memory.accounts.whole.reserve(3 * found.size):
        octets = await found.whole(found.size)
    rest = {name: value for name, value in medium.items() if name != "blobId"}
    return {**rest, "uri": data_uri.encode(medium["mediaType"], octets)}


def with_uris(card: dict[str, Any]) -> dict[str, Any]:
    """The card as JSContact knows it, which has no blobs: to be checked."""
    media = card.get(MEDIA)
    if not isinstance(media, dict):
        return card
    return {**card, MEDIA: {key: _with_uri(medium) for key, medium in media.items()}}


def _with_uri(medium: Any) -> Any:
    if not isinstance(medium, dict) or "blobId" not in medium or "uri" in medium:
        return medium
    return {**{name: value for name, value in medium.items() if name != "blobId"}, "uri": "data:,"}


def _escaped(key: str) -> str:
    """As a part of a JSON pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")


async def _pieces(found: FoundBlob) -> AsyncIterator[bytes]:
    for at in range(0, found.size, MAX_READ_OCTETS):
        yield await found.read(at, at + MAX_READ_OCTETS)


async def _slices(octets: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), MAX_READ_OCTETS):
        yield octets[at : at + MAX_READ_OCTETS]
