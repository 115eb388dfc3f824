"""Blob/upload and Blob/copy: blobs made of texts, base64 and other blobs (RFC 9404 §4.1, RFC 8620 §6.3)."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors, ids
from pillarbox.protocol.jmap.blobs import blob_id, sources
from pillarbox.protocol.jmap.blobs.sources import InvalidData
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.types.blob import (
    BlobCopyArguments,
    BlobUploadArguments,
    DataSource,
    UploadObject,
)
from pillarbox.server.jmap import accounts
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import MAX_READ_OCTETS, FoundBlob
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.server.jmap.uploading import UploadTooLarge, keep
from pillarbox.store.uploads import Upload
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS

_MUCH_AT_ONCE = errors.rate_limit("One call makes so many octets only: make the rest in another request")


async def upload(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Blob/upload."""
    call = arguments.read(BlobUploadArguments, given)
    call.check(context.limits)
    account = context.account_id(given)
    maker = _Maker(context, account, BlobFinder(context, account))
    created: dict[str, Any] = {}
    refused: dict[str, Any] = {}
    for creation in ids.in_order(
        {name: _named(made_of) for name, made_of in call.create.items()}, ["blobId"]
    ):
        await context.give_way()
        made_of = sources.read(call.create[creation], context.limits)
        try:
            made = made_of if isinstance(made_of, SetError) else await maker.make(made_of)
        except Exception as failure:
            if created:
                raise PartialFail from failure
            raise
        if isinstance(made, SetError):
            refused[creation] = made.as_object()
        else:
            new = blob_id.of_upload(made.digest)
            context.created.add(creation, new)
            created[creation] = {"id": new, "type": made.type, "size": made.size}
    return {"accountId": call.account_id, "created": created or None, "notCreated": refused or None}


def _named(made_of: dict[str, Any]) -> dict[str, Any]:
    """The blobs that a creation is made of, for the order in which creations are made."""
    data = made_of.get("data")
    listed = data if isinstance(data, list) else []
    return {"blobId": [one.get("blobId") for one in listed if isinstance(one, dict)]}


async def copy(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Blob/copy. It belongs to the core, so it looks after its accounts itself."""
    call = arguments.read(BlobCopyArguments, given)
    origin = accounts.named(context.accesses, given, "fromAccountId", errors.FROM_ACCOUNT_NOT_FOUND)
    target = accounts.named(context.accesses, given, "accountId", errors.ACCOUNT_NOT_FOUND)
    if target.is_read_only:
        raise MethodError(errors.ACCOUNT_READ_ONLY)
    if len(call.blob_ids) > context.limits.max_objects_in_set:
        raise arguments.too_many_to_set(context.limits)
    from_account = context.account_id(given, "fromAccountId")
    maker = _Maker(context, context.account_id(given), BlobFinder(context, from_account))
    copied: dict[str, str] = {}
    refused: dict[str, Any] = {}
    for text in dict.fromkeys(map(context.created.known, call.blob_ids)):
        await context.give_way()
        try:
            new = await _copied(maker, text, is_there=origin.id == target.id)
        except Exception as failure:
            if copied:
                raise PartialFail from failure
            raise
        if isinstance(new, SetError):
            refused[text] = new.as_object()
        else:
            copied[text] = new
    return {
        "fromAccountId": call.from_account_id,
        "accountId": call.account_id,
        "copied": copied or None,
        "notCopied": refused or None,
    }


async def _copied(maker: "_Maker", text: str, *, is_there: bool) -> str | SetError:
    try:
        blob = await maker.finder.find(text)
    except TooMuchToRead:
        return _MUCH_AT_ONCE
    if blob is None:
        return errors.NOT_FOUND
    with blob:
        if is_there:
            return text
    made = await maker.make(UploadObject([DataSource(blob_id=text)]))
    return made if isinstance(made, SetError) else blob_id.of_upload(made.digest)


class _Maker:
    """Makes the blobs of one call."""

    def __init__(self, context: Context, account: AccountId, finder: BlobFinder) -> None:
        self._context, self._account, self.finder = context, account, finder
        self._left_octets = context.limits.max_created_blob_octets

    async def make(self, made_of: UploadObject) -> Upload | SetError:
        """A new blob of the account, durable; or why there is none."""
        most, memory = self._context.limits.max_size_upload, self._context.memory
        with ExitStack() as opened:
            opened.callback(memory.resize, memory.octets)
            found = await self._find(made_of, opened)
            if isinstance(found, SetError):
                return found
            octets = sum([_octets_of(source, found) for source in made_of.data])
            if octets > most:
                return errors.too_large(f"More than {most} octets")
            if octets > self._left_octets:
                return _MUCH_AT_ONCE
            try:
                pieces = self._pieces(made_of, found)
                made = await keep(self._context.world, self._account, made_of.type, pieces, most)
            except InvalidData as invalid:
                return errors.invalid_properties(["data"], str(invalid))
            except UploadTooLarge:
                return errors.too_large(f"More than {most} octets")
        self._left_octets -= made.size
        return made

    async def _find(self, made_of: UploadObject, opened: ExitStack) -> dict[str, FoundBlob] | SetError:
        """The blobs that it is made of, by their ids as they were given; each is looked for once."""
        memory, found = self._context.memory, dict[str, FoundBlob]()
        missing = []
        for text in dict.fromkeys([one.blob_id for one in made_of.data if one.blob_id is not None]):
            try:
                blob = await self.finder.find(text)
            except TooMuchToRead:
                return _MUCH_AT_ONCE
            if blob is None:
                missing.append(text)
            else:
                found[text] = opened.enter_context(blob)
                # Larger ones are in files
                memory.resize(memory.octets + min(blob.size, MAX_IN_DATABASE_OCTETS))
        if missing:
            return SetError("blobNotFound", "A blob that it is made of does not exist", {"notFound": missing})
        for source in made_of.data:
            if source.blob_id is not None and _end(source, found) > found[source.blob_id].size:
                return errors.invalid_properties(["data"], "A range lies beyond the end of its blob")
        return found

    async def _pieces(self, made_of: UploadObject, found: dict[str, FoundBlob]) -> AsyncIterator[bytes]:
        for source in made_of.data:
            if source.blob_id is None:
                for piece in sources.octets(source):
                    yield piece
                    await self._context.give_way()
            else:
                end = _end(source, found)
                for at in range(source.offset or 0, end, MAX_READ_OCTETS):
                    yield await found[source.blob_id].read(at, min(at + MAX_READ_OCTETS, end))
                    await self._context.give_way()


def _end(source: DataSource, found: dict[str, FoundBlob]) -> int:
    """Where the range of a blob ends; beyond its end where not all of it is there."""
    assert source.blob_id is not None
    start, size = source.offset or 0, found[source.blob_id].size
    return start + (max(0, size - start) if source.length is None else source.length)


def _octets_of(source: DataSource, found: dict[str, FoundBlob]) -> int:
    """So many at least."""
    return (
        sources.least_octets(source) if source.blob_id is None else _end(source, found) - (source.offset or 0)
    )
