"""Downloads: the octets of a blob, whole or in ranges (RFC 8620 §6.2, RFC 9110 §14), whatever carries them."""

from collections.abc import AsyncGenerator

from msgspec import Struct

from pillarbox.directory.accounts import Account
from pillarbox.protocol.jmap import problems
from pillarbox.protocol.jmap.blobs import download_fields, ranges
from pillarbox.protocol.jmap.blobs.download_fields import Fields, Parts
from pillarbox.protocol.jmap.blobs.ranges import Range
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.accounts import may_use
from pillarbox.server.jmap.blobs import MAX_READ_OCTETS, FoundBlob, find_of
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World


class DownloadRequest(Struct, frozen=True, kw_only=True):
    """What is asked for: the variables of the session's downloadUrl, and fields of the request."""

    account_id: str
    blob_id: str
    name: str = ""
    type: str | None = None
    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None
    head: bool = False
    """Without octets: HEAD, for which there are no ranges (RFC 9110 §14.2)."""


class Download:
    """A response. Who does not read its pieces to their end closes it."""

    __slots__ = ("_blob", "_ranges", "_separators", "fields", "size", "status")

    def __init__(
        self,
        status: int,
        fields: Fields,
        blob: FoundBlob,
        wanted: tuple[Range, ...] = (),
        separators: Parts | None = None,
        *,
        head: bool = False,
    ) -> None:
        self.status = status
        self.fields = fields
        """Names in lower case, and values; content-length among them, where there may be a body."""
        self._blob, self._separators = blob, separators
        self._ranges = () if head else wanted
        self.size = sum([one.size for one in wanted]) if separators is None else separators.size(wanted)
        """Octets of the body, be it left out for HEAD."""
        if status != 304:
            self.fields.append(("content-length", str(self.size)))

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body. Where it raises `BlobDamaged` or `DatabaseUnavailable`, clients must see that it is not whole."""
        with self._blob as blob:
            headers = self._separators.headers if self._separators is not None else ()
            for number, one in enumerate(self._ranges):
                if headers:
                    yield headers[number]
                for start in range(one.start, one.end, MAX_READ_OCTETS):
                    yield await blob.read(start, min(start + MAX_READ_OCTETS, one.end))
            if self._separators is not None:
                yield self._separators.end

    def close(self) -> None:
        """No more is read."""
        self._blob.close()


async def download(world: World, account: Account, request: DownloadRequest) -> Download | Problem:
    """The response to a request of this user, or why there is none.

    Raises `BlobDamaged`, `DatabaseUnavailable`, `MemoryScarce`.
    """
    if not may_use(account, request.account_id):
        return problems.not_found("There is no such account.")
    blob = await find_of(world, account.id, request.blob_id)
    if blob is None:
        return problems.not_found("There is no such blob in this account.")
    tag = download_fields.entity_tag(request.blob_id)
    if ranges.is_known(request.if_none_match, tag):
        return Download(304, download_fields.known(tag), blob)
    type_ = download_fields.media_type(request.type)
    fields = download_fields.fields(type_, request.name, tag)
    wanted = None
    if not request.head and ranges.still_current(request.if_range, tag):
        wanted = ranges.read(request.range, blob.size)
    if wanted is None:
        return Download(200, fields, blob, (Range(0, blob.size),), head=request.head)
    if wanted == ranges.NOT_SATISFIABLE:
        return Download(416, download_fields.not_satisfiable(blob.size), blob)
    if len(wanted) == 1:
        fields.append(("content-range", wanted[0].content_range(blob.size)))
        return Download(206, fields, blob, wanted)
    boundary = nonce(world.entropy)
    separators = download_fields.parts(wanted, blob.size, type_, boundary)
    several = [("content-type", f"multipart/byteranges; boundary={boundary}"), *fields[1:]]
    return Download(206, several, blob, wanted, separators)
