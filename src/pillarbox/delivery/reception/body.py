"""The octets of an incoming message: line ends repaired, counted, written to a file when they are many.

The top of a message is completed before anything is stored (trace fields, header of a submission) by a
function that is given all of a small message, and of a larger one `TOP_OCTETS` and all of its header (at most
`MAX_TOP_OCTETS`), and may refuse it. Where what is put there depends on the body (`Waits`), a larger message is
kept as it came and written a second time, below its completed top. A message that is refused or too large is read to
its end without being kept.

What is in memory is reserved in the memory budget: the top until it is in a file, and the whole message at its end,
until `looked_at`. Where there is no room the sender waits, and is refused when that lasts too long; so is one that
keeps others waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from msgspec import Struct

from pillarbox.delivery.pieces import NO_REST, Rest
from pillarbox.delivery.reception.writing import in_thread, write_below
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.delivery.text_form import MEMORY_FACTOR
from pillarbox.protocol.smtp.line_ends import LineEnds, is_clean, repair
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, Blobs, BlobWriter, PreparedBlob, prepare
from pillarbox.world.memory import UNCOUNTED_OCTETS, MemoryScarce, PeerShares, Reservation

TOP_OCTETS = MAX_IN_DATABASE_OCTETS
"""How much of a message is in memory before it goes to a file, if its header ends within it."""
MAX_TOP_OCTETS = 1024 * 1024
"""How much otherwise; its header must fit."""

_SCARCE = Refused(Reason.MEMORY_SCARCE)

Complete = Callable[[bytes, Rest | None], Awaitable[bytes | Refused]]
"""Given the top of a message, and the rest where that has come: the top as it is to be stored, which differs in the
header only, or the refusal."""
Waits = Callable[[bytes], bool]
"""Whether the top of a message can be completed only when all of it has come."""


class StoredMessage(Struct, frozen=True, gc=False):
    """A whole message: ready to be kept by a transaction, and its octets."""

    blob: PreparedBlob
    octets: bytes
    crlf_only: bool = False
    """All of its lines are known to end in CRLF, without reading them again."""


class IncomingBody:
    """Takes one message."""

    __slots__ = (
        "_binary",
        "_blobs",
        "_complete",
        "_header_is_long",
        "_held",
        "_line_ends",
        "_max_octets",
        "_memory",
        "_parts",
        "_top_octets",
        "_waits",
        "_whole",
        "_writer",
        "octets",
        "refused",
    )

    def __init__(
        self,
        blobs: Blobs,
        memory: PeerShares,
        complete: Complete,
        *,
        waits: Waits,
        max_octets: int,
        binary: bool,
    ) -> None:
        self._blobs = blobs
        self._memory = memory
        self._held: Reservation | None = None
        self._whole: Reservation | None = None
        self._complete = complete
        self._waits = waits
        self._max_octets = max_octets
        # RFC 3030 §3: of BINARYMIME every bit is kept
        self._binary = binary
        self._line_ends: LineEnds | None = None
        self._parts: list[bytes] = []
        self._header_is_long = False
        """The header does not end within `TOP_OCTETS`."""
        self._writer: BlobWriter | None = None
        self._top_octets = 0
        """Of what is written as it came, so much is the top, which is not completed yet."""
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
        if self._writer is None:
            await self._reserve()
            if self.refused:
                return
        await self._keep((octets,) if self._binary else self._ends().pieces(octets))
        if self._writer is None and self.octets >= TOP_OCTETS:
            if self._top_has_come():
                await self._begin_writing()
            else:
                self._reserve_more()

    async def finish(self, last: bytes = b"") -> StoredMessage | Refused:
        """The message, with its last octets, or why it is refused. Raises `DatabaseUnavailable`."""
        if not self._parts and self._writer is None and not self.refused and len(last) <= MAX_TOP_OCTETS:
            # the usual case: a small message that came in one piece
            self.octets = len(last)
            if self.octets > self._max_octets:
                return Refused(Reason.MESSAGE_TOO_LARGE)
            if self.octets >= UNCOUNTED_OCTETS:
                await self._reserve()
                if self.refused:
                    return self.refused
            if self._held:
                self._held.keep()
            whole = last if self._binary else repair(last)
            completed = await self._complete(whole, NO_REST)
            if isinstance(completed, Refused):
                return completed
            return self._stored(prepare(completed), completed)
        await self.add(last)
        if self._held:
            self._held.keep()
        if not self._binary and not self.refused:
            await self._keep(self._ends().last_pieces())
        if self._writer is None and not self.refused:
            await self._begin_writing(ended=True)
        if self._writer is None:
            assert self.refused is not None, "what is not refused is written"
            return self.refused
        if self._writer.size >= MAX_IN_DATABASE_OCTETS:
            try:
                factor = MEMORY_FACTOR if self._binary else 1
                self._whole = await self._memory.whole.reserve(self._writer.size * factor)
            except MemoryScarce:
                self.refuse(_SCARCE)
                return _SCARCE
        if self._top_octets and not await self._write_again(self._writer):
            assert self.refused is not None
            return self.refused
        blob, octets = await self._writer.finish()
        self._writer = None
        return self._stored(blob, octets)

    async def _write_again(self, first: BlobWriter) -> bool:
        """Write what has come below its completed top; not where that is refused."""
        octets = await first.take_back()
        self._writer = None
        completed = await self._complete(octets[: self._top_octets], Rest(octets, self._top_octets))
        if isinstance(completed, Refused):
            self.refuse(completed)
            return False
        self._writer = writer = self._blobs.writer()
        await in_thread(write_below, writer, completed, octets, self._top_octets)
        return True

    def _stored(self, blob: PreparedBlob, octets: bytes) -> StoredMessage:
        if self._binary or not octets.endswith(b"\r\n"):
            return StoredMessage(blob, octets)
        # What came was repaired; the header may have been completed with words of others, as by a check
        header_end = octets.find(b"\r\n\r\n", 0, TOP_OCTETS)
        return StoredMessage(blob, octets, crlf_only=header_end >= 0 and is_clean(octets[: header_end + 4]))

    def looked_at(self) -> None:
        """The octets of a whole message that is in a file are no longer needed."""
        if self._whole:
            self._whole.release()
            self._whole = None

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
        for memory in (self._whole, self._held):
            if memory:
                memory.release()
        self._whole = self._held = None

    def _not_held(self) -> None:
        if self._held:
            self._held.release()
            self._held = None

    async def _reserve(self) -> None:
        """Room for the top; where there is none, the message is refused."""
        if self._held is None and self.octets >= UNCOUNTED_OCTETS:
            try:
                self._held = await self._memory.received.reserve(TOP_OCTETS, self._give_up)
            except MemoryScarce:
                self.refuse(_SCARCE)

    def _reserve_more(self) -> None:
        """Room for a header that does not end; not waited for, since who holds some others may be waiting for."""
        if self._held and self._held.octets == TOP_OCTETS:
            more = self._memory.received.try_reserve(MAX_TOP_OCTETS - TOP_OCTETS)
            if more is None:
                self.refuse(_SCARCE)
            else:
                more.release()
                self._held.resize(MAX_TOP_OCTETS)

    def _give_up(self) -> None:
        self.refuse(_SCARCE)

    def _ends(self) -> LineEnds:
        if self._line_ends is None:
            self._line_ends = LineEnds()
        return self._line_ends

    async def _keep(self, pieces: Iterable[bytes]) -> None:
        for number, piece in enumerate(pieces):
            if number and self._writer:
                await asyncio.sleep(0)  # a long run of CR has become many pieces: others come between
            if self.refused:
                return  # meanwhile
            if self._writer:
                await self._writer.add(piece)
            else:
                self._parts.append(piece)

    def _top_has_come(self) -> bool:
        """Whether what is in memory is to go to a file now, being so much."""
        if self.octets >= MAX_TOP_OCTETS:
            return True
        if self._header_is_long:
            return False  # looked at once: chunks may be of one octet
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        found = self._parts[0].find(b"\r\n\r\n", 0, TOP_OCTETS) >= 0
        self._header_is_long = not found and len(self._parts[0]) >= TOP_OCTETS
        return found

    async def _begin_writing(self, *, ended: bool = False) -> None:
        """What has come goes to a file, or to memory where it is little. `ended`: that is all."""
        if self._held:
            self._held.keep()
        top = b"".join(self._parts)
        self._parts.clear()
        completed: bytes | Refused = top
        if not ended and self._waits(top):
            self._top_octets = len(top)
        else:
            completed = await self._complete(top, NO_REST if ended else None)
        if isinstance(completed, Refused):
            self.refuse(completed)
            return
        self._writer = self._blobs.writer()
        await self._writer.add(completed)
        if self._writer.size >= MAX_IN_DATABASE_OCTETS:
            self._not_held()
