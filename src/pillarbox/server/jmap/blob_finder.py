"""Finding blobs for one call: how much is read to find parts of messages is bounded."""

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.jmap.blobs import FoundBlob, find_of, size_around
from pillarbox.server.jmap.context import Context


class TooMuchToRead(Exception):
    """More octets of messages would be read than one call may cause."""


class BlobFinder:
    """Finds the blobs of one account, as often as one call may."""

    def __init__(self, context: Context, account: AccountId) -> None:
        self._context, self._account = context, account
        self._read_octets = 0

    async def find(self, text: str) -> FoundBlob | None:
        """See `blobs.find`; a reference to a creation is resolved. Raises `TooMuchToRead` besides."""
        context = self._context
        text = context.created.known(text)
        octets = await size_around(context.world, self._account, text)
        if self._read_octets and self._read_octets + octets > context.limits.max_parsed_octets:
            raise TooMuchToRead
        self._read_octets += octets
        return await find_of(context.world, self._account, text)
