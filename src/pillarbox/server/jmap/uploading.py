"""Uploads: what clients send to use it in messages (RFC 8620 §6.1), whatever carries it here."""

from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.delivery.reception.writing import in_thread
from pillarbox.directory.accounts import Account
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import problems
from pillarbox.protocol.jmap.blobs import blob_id
from pillarbox.protocol.jmap.blobs.download_fields import media_type
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.accounts import may_use
from pillarbox.store import uploads
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, BlobWriter, PreparedBlob
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import UNCOUNTED_OCTETS, MemoryScarce, Reservation
from pillarbox.world.world import World

STATUS_CREATED: Final = 201


class Uploaded(Struct, frozen=True, gc=False, rename="camel"):
    """What a client is told of its upload, with the status `STATUS_CREATED`."""

    account_id: str
    blob_id: str
    type: str
    size: int

    def octets(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)


class UploadTooLarge(Exception):
    """More octets than one upload may have."""


class Uploads:
    """The uploads of all who have logged in to this process."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world, self._limits = world, limits
        self._running: Counter[AccountId] = Counter()

    async def upload(
        self,
        account: Account,
        account_id: str,
        type_: str | None,
        pieces: AsyncIterator[bytes],
        *,
        announced: int | None = None,
        read_only: bool = False,
    ) -> Uploaded | Problem:
        """Keep what a client sends; it is durable when this returns. Or why it was refused.

        `account`: who asks, and `account_id` for which account. `type_`: Content-Type. `pieces`: of 64 KiB at most
        each. `announced`: the length that the client has told, if it has. `read_only`: their login may change nothing.

        Raises `DatabaseUnavailable` and `MemoryScarce`.
        """
        most, running = self._limits.max_concurrent_upload, self._running
        if not may_use(account, account_id):
            return problems.not_found("There is no such account.")
        if read_only:
            return problems.forbidden("This app password is read-only.")
        if announced is not None and announced > self._limits.max_size_upload:
            return self._too_large()
        if running[account.id] >= most:
            return problems.limit("maxConcurrentUpload", f"More than {most} uploads at once.", status=429)
        running[account.id] += 1
        try:
            kept = await keep(self._world, account.id, type_, pieces, self._limits.max_size_upload)
        except UploadTooLarge:
            return self._too_large()
        finally:
            running[account.id] -= 1
            if not running[account.id]:
                del running[account.id]
        return Uploaded(account_id, blob_id.of_upload(kept.digest), kept.type, kept.size)

    def _too_large(self) -> Problem:
        return problems.upload_too_large(self._limits.max_size_upload)


async def keep(
    world: World, account: AccountId, type_: str | None, pieces: AsyncIterator[bytes], most: int
) -> uploads.Upload:
    """Make an upload of the pieces, durable when this returns.

    Raises `UploadTooLarge` beyond `most` octets, `DatabaseUnavailable`, `MemoryScarce`, and what the pieces raise.
    """
    body = _Body(world)
    try:
        async for piece in pieces:
            if body.size + len(piece) > most:
                raise UploadTooLarge
            await body.add(piece)
        prepared = await body.finish()
    finally:
        body.close()
    add = partial(uploads.add, account=account, prepared=prepared, media_type=media_type(type_))
    try:
        while (kept := await world.database.write(add, now_ms=world.clock.now_ms())) is None:
            pass  # an upload that is smaller by far than what it makes room for
    except DatabaseUnavailable:
        raise  # it may be durable yet
    except Exception:
        world.blobs.discard(prepared)
        raise
    return kept


class _Body:
    """What has come of an upload: in memory while it is small, in a file when it is not (as `reception.body`)."""

    __slots__ = ("_held", "_scarce", "_world", "_writer")

    def __init__(self, world: World) -> None:
        self._world = world
        self._writer: BlobWriter = world.blobs.writer()
        self._held: Reservation | None = None
        self._scarce = False

    @property
    def size(self) -> int:
        return self._writer.size

    async def add(self, octets: bytes) -> None:
        """Raises `DatabaseUnavailable`; `MemoryScarce` where others need the room that a slow client has."""
        size = self._writer.size + len(octets)
        if self._held is None and UNCOUNTED_OCTETS <= size < MAX_IN_DATABASE_OCTETS:
            share = self._world.memory.accounts.received
            self._held = await share.reserve(MAX_IN_DATABASE_OCTETS, self._give_up)
        self._check()
        if size < MAX_IN_DATABASE_OCTETS:
            await self._writer.add(octets)
            return
        # Copies of blobs come as fast as the disk takes them, and faster: not even one write is waited for in the loop
        await in_thread(self._writer.write, octets)
        self._release()

    async def finish(self) -> PreparedBlob:
        """All has come. Raises `DatabaseUnavailable`, `MemoryScarce`."""
        self._check()
        if self._held is not None:
            self._held.keep()
        if self._writer.size < MAX_IN_DATABASE_OCTETS:
            prepared, _ = await self._writer.finish()
            return prepared
        return await in_thread(self._writer.finish_now)

    def close(self) -> None:
        """It is kept, or no more comes."""
        self._writer.abandon()
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def _give_up(self) -> None:
        self._scarce = True
        self._writer.abandon()

    def _check(self) -> None:
        if self._scarce:
            raise MemoryScarce("an upload came too slowly")
