"""The octets of an incoming message: line ends repaired, counted, written to a file when they are many.

The top of a message is completed before anything is stored (trace fields, header of a submission) by a
function that is given its first `MAX_TOP_OCTETS`, or all of a smaller one, and may refuse it. A message that
is refused or too large is read to its end without being kept.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.protocol.smtp.line_ends import LineEnds, repair
from pillarbox.world.blobs import Blobs, BlobWriter, PreparedBlob, prepare

MAX_TOP_OCTETS = 1024 * 1024
"""How much of a message is in memory before it goes to a file; its header must fit."""

Complete = Callable[[bytes], Awaitable[bytes | Refused]]
"""Given the top of a message: the top as it is to be stored, or the refusal."""


class StoredMessage(Struct, frozen=True, gc=False):
    """A whole message: ready to be kept by a transaction, and its octets."""

    blob: PreparedBlob
    octets: bytes


class IncomingBody:
    """Takes one message."""

    __slots__ = (
        "_binary",
        "_blobs",
        "_complete",
        "_line_ends",
        "_max_octets",
        "_parts",
        "_writer",
        "octets",
        "refused",
    )

    def __init__(self, blobs: Blobs, complete: Complete, *, max_octets: int, binary: bool) -> None:
        self._blobs = blobs
        self._complete = complete
        self._max_octets = max_octets
        # RFC 3030 §3: of BINARYMIME every bit is kept
        self._binary = binary
        self._line_ends: LineEnds | None = None
        self._parts: list[bytes] = []
        self._writer: BlobWriter | None = None
        self.octets = 0
        """Octets received, as RFC 1870 §5 counts them."""
        self.refused: Refused | None = None
        """Why the message cannot be accepted, as soon as that is known."""

    async def add(self, octets: bytes) -> None:
        """More of the message. Raises `DatabaseUnavailable` where the disk fails."""
        self.octets += len(octets)
        if self.octets > self._max_octets:
            self.refuse(Refused(Reason.MESSAGE_TOO_LARGE))
        if self.refused or not octets:
            return
        self._keep(octets if self._binary else self._ends().feed(octets))
        if self._writer is None and self.octets >= MAX_TOP_OCTETS:
            await self._begin_writing()

    async def finish(self, last: bytes = b"") -> StoredMessage | Refused:
        """The message, with its last octets, or why it is refused. Raises `DatabaseUnavailable`."""
        if not self._parts and self._writer is None and not self.refused and len(last) <= MAX_TOP_OCTETS:
            # the usual case: a small message that came in one piece
            self.octets = len(last)
            if self.octets > self._max_octets:
                return Refused(Reason.MESSAGE_TOO_LARGE)
            completed = await self._complete(last if self._binary else repair(last))
            if isinstance(completed, Refused):
                return completed
            return StoredMessage(prepare(completed), completed)
        await self.add(last)
        if not self._binary and not self.refused:
            self._keep(self._ends().finish())
        if self._writer is None and not self.refused:
            await self._begin_writing()
        if self._writer is None:
            assert self.refused is not None, "what is not refused is written"
            return self.refused
        blob, octets = await self._writer.finish()
        self._writer = None
        return StoredMessage(blob, octets)

    def refuse(self, refused: Refused) -> None:
        """Keep no more of it; the first reason counts."""
        self.refused = self.refused or refused
        self.abandon()

    def abandon(self) -> None:
        """The transaction is over; forget what was kept."""
        self._parts.clear()
        if self._writer:
            self._writer.abandon()
            self._writer = None

    def _ends(self) -> LineEnds:
        if self._line_ends is None:
            self._line_ends = LineEnds()
        return self._line_ends

    def _keep(self, octets: bytes) -> None:
        if self._writer:
            self._writer.write(octets)
        else:
            self._parts.append(octets)

    async def _begin_writing(self) -> None:
        completed = await self._complete(b"".join(self._parts))
        self._parts.clear()
        if isinstance(completed, Refused):
            self.refuse(completed)
            return
        self._writer = self._blobs.writer()
        self._writer.write(completed)
