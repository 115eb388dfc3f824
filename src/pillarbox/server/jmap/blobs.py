"""The blobs of an account by their ids: messages, uploads, and parts of both (RFC 8620 §6, RFC 8621 §4.1.4).

Only what is the account's own is found, whoever knows the digest. A part whose transfer encoding must be undone is
decoded once, in a thread, and read from there; all others are ranges of the octets that they are in.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from pillarbox.contacts import media
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap.blobs import blob_id
from pillarbox.protocol.jmap.blobs.blob_id import BlobId
from pillarbox.protocol.jmap.email import body_part
from pillarbox.server.jmap.context import Context
from pillarbox.store import email_blobs, uploads
from pillarbox.world.blobs import Blobs, OpenBlob, spooled
from pillarbox.world.database import Transaction
from pillarbox.world.world import World

MAX_READ_OCTETS: Final = 64 * 1024
"""What one call of `FoundBlob.read` returns."""
SMALL_OCTETS: Final = 32 * 1024
"""Parts of messages up to this are decoded at once; those of larger ones in a thread."""


class BlobTooLarge(Exception):
    """A blob has more octets than its reader takes."""


class FoundBlob:
    """A blob that is there. Whoever reads it closes it afterwards, by `with` for instance."""

    __slots__ = (
        "_blob",
        "_start",
        "_world",
        "digest",
        "id",
        "is_message",
        "is_of_upload",
        "message",
        "part",
        "size",
    )

    def __init__(
        self,
        world: World,
        text: str,
        named: BlobId,
        size: int,
        *,
        start: int = 0,
        blob: OpenBlob | None = None,
    ) -> None:
        self._world, self._start, self._blob = world, start, blob
        self.id = text
        self.size = size
        """Octets."""
        self.message = named.digest
        """The name, in `world.blobs`, of the message or upload that it is, or is a part of."""
        self.part = named.part
        """The number of the part, if it is one."""
        self.digest = named.digest if named.part is None else None
        """The name of these octets in `world.blobs`, where they are kept by themselves: `keep_again` uses them again
        without copying."""
        self.is_message = not named.is_upload and named.part is None
        """Whether it is a message of the account."""
        self.is_of_upload = named.is_upload
        """Whether it is an upload or a part of one; no email has that."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """No more is read. Harmless when repeated."""
        blob, self._blob = self._blob, None
        if blob is not None:
            blob.close()

    async def read(self, start: int, end: int) -> bytes:
        """The octets of a range, which may end beyond the blob, but at most the first `MAX_READ_OCTETS` of it.

        Raises `BlobDamaged` or `DatabaseUnavailable`.
        """
        length = min(end, self.size, start + MAX_READ_OCTETS) - start
        if length <= 0:
            return b""
        blob = await self._opened()
        return blob.read(self._start + start, length)

    async def whole(self, limit: int) -> bytes:
        """All of it: room for so many octets is the caller's to reserve.

        Raises `BlobTooLarge` where it is larger than `limit`, `BlobDamaged` or `DatabaseUnavailable`.
        """
        if self.size > limit:
            raise BlobTooLarge(f"{self.id} has {self.size} octets")
        if self.size <= MAX_READ_OCTETS:
            return await self.read(0, self.size)
        return await asyncio.to_thread((await self._opened()).read, self._start, self.size)

    async def _opened(self) -> OpenBlob:
        if self._blob is None:
            self._blob = await self._world.database.read(self._world.blobs.open, self.message)
        return self._blob


async def find(context: Context, text: str) -> FoundBlob | None:
    """A blob of the account of who asks. `text`: an id; references to creations are resolved before.

    Raises `BlobDamaged`, `DatabaseUnavailable` and `MemoryScarce`.
    """
    return await find_of(context.world, context.account.id, text)


async def find_of(world: World, account: AccountId, text: str) -> FoundBlob | None:
    """`find` without a request: a blob of this account."""
    named = blob_id.read(text)
    if named is None:
        return None
    size = await world.database.read(_size, account, named)
    if size is None:
        return None
    if named.part is None:
        return FoundBlob(world, text, named, size)
    if size <= SMALL_OCTETS:
        place = await world.database.read(_part, world.blobs, named.digest, named.part)
    else:
        with await world.memory.accounts.whole.reserve(size):
            place = await world.database.read_in_thread(_part, world.blobs, named.digest, named.part)
    if place is None:
        return None
    return FoundBlob(world, text, named, place.size, start=place.start, blob=place.decoded)


async def size_around(world: World, account: AccountId, text: str) -> int:
    """How many octets have to be read to find a blob: those of the message around a part, none otherwise."""
    named = blob_id.read(text)
    if named is None or named.part is None:
        return 0
    return await world.database.read(_size, account, named) or 0


def _size(tx: Transaction, account: AccountId, named: BlobId) -> int | None:
    """Of the message or upload; what was uploaded for a card is there as long as the card has it."""
    if named.is_upload:
        upload = uploads.find(tx, account, named.digest)
        return media.size(tx, account, named.digest) if upload is None else upload.size
    return email_blobs.size(tx, account, named.digest)


class _Place(Struct, frozen=True):
    """Where the octets of a part are."""

    size: int
    start: int = 0
    """In the message, or in `decoded`."""
    decoded: OpenBlob | None = None


def _part(tx: Transaction, blobs: Blobs, digest: bytes, number: str) -> _Place | None:
    octets = blobs.read(tx, digest)
    found = body_part.find(octets, number)
    if found is None:
        return None
    around, part = found
    if around is octets and not body_part.is_encoded(part):
        return _Place(part.size, part.body_start)
    decoded = spooled(blobs, body_part.decoded(around, part))
    return _Place(decoded.size, decoded=decoded)
