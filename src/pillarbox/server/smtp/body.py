"""A message on its way in: octets gathered, line ends made safe, counted, spilled to disk when many.

The top of a message is completed before anything is stored (trace fields, a submission's header), by a
function that is given the first `TOP_OCTETS` of it, or all where that is less, and may refuse it.
A message that is refused or too large is read to its end, without being kept.
"""

from collections.abc import Callable

from msgspec import Struct

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.line_ends import LineEnds, repair
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.world.blobs import Blobs, BlobWriter, PreparedBlob, prepare

TOP_OCTETS = 1024 * 1024
"""How much of a message is in memory before it goes to a file; its header must fit in."""

Complete = Callable[[bytes], bytes | Reply]
"""Given the top of a message: the top as it is to be stored, or the refusal."""


class Whole(Struct, frozen=True, gc=False):
    """A message that has come to its end: ready to be kept, and its octets."""

    blob: PreparedBlob
    octets: bytes


class IncomingBody:
    """Takes one message."""

    __slots__ = (
        "_binary",
        "_blobs",
        "_complete",
        "_limit_octets",
        "_line_ends",
        "_parts",
        "_writer",
        "octets",
        "refusal",
    )

    def __init__(self, blobs: Blobs, complete: Complete, *, limit_octets: int, binary: bool) -> None:
        self._blobs = blobs
        self._complete = complete
        self._limit_octets = limit_octets
        # RFC 3030 §3: of BINARYMIME every bit is kept
        self._binary = binary
        self._line_ends: LineEnds | None = None
        self._parts: list[bytes] = []
        self._writer: BlobWriter | None = None
        self.octets = 0
        """Octets received, as RFC 1870 §5 counts them."""
        self.refusal: Reply | None = None
        """Why the message cannot be taken, as soon as that is known."""

    def add(self, octets: bytes) -> None:
        """More of the message. Raises DatabaseUnavailable where the disk fails."""
        self.octets += len(octets)
        if self.octets > self._limit_octets:
            self.refuse(replies.TOO_LARGE)
        if self.refusal or not octets:
            return
        self._keep(octets if self._binary else self._ends().feed(octets))
        if self._writer is None and self.octets >= TOP_OCTETS:
            self._spill()

    async def finish(self, last: bytes = b"") -> Whole | Reply:
        """The message, with its last octets; or why it is refused. Raises DatabaseUnavailable."""
        if not self._parts and self._writer is None and not self.refusal and len(last) <= TOP_OCTETS:
            return self._whole_at_once(last)
        self.add(last)
        if not self._binary and not self.refusal:
            self._keep(self._ends().finish())
        if self._writer is None and not self.refusal:
            self._spill()
        if self.refusal or self._writer is None:
            return self.refusal or replies.LOCAL_ERROR
        blob, octets = await self._writer.finish()
        self._writer = None
        return Whole(blob, octets)

    def _whole_at_once(self, octets: bytes) -> Whole | Reply:
        """The usual case: a small message that came in one piece."""
        self.octets = len(octets)
        if self.octets > self._limit_octets:
            return replies.TOO_LARGE
        completed = self._complete(octets if self._binary else repair(octets))
        return completed if isinstance(completed, Reply) else Whole(prepare(completed), completed)

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

    def _spill(self) -> None:
        completed = self._complete(b"".join(self._parts))
        self._parts.clear()
        if isinstance(completed, Reply):
            self.refuse(completed)
            return
        self._writer = self._blobs.writer()
        self._writer.write(completed)

    def refuse(self, why: Reply) -> None:
        """Take no more of it; the first reason counts."""
        self.refusal = self.refusal or why
        self.abandon()
