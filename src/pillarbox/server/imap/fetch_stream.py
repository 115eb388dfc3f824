"""FETCH of a large message: its response is written piece by piece, and is never in memory whole.

What must be computed from the octets is, in a thread; what is a range of them is streamed, while other sessions
run.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final

from pillarbox.mail.part import Part
from pillarbox.protocol.imap import response_codes, strings
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.fetch_items import FetchItem
from pillarbox.server import damage
from pillarbox.server.imap import fetch_octets
from pillarbox.server.imap.fetch_batch import read_batch, stored_messages
from pillarbox.server.imap.fetch_columns import Batch, OctetsItem, Plan
from pillarbox.server.imap.fetch_octets import MessageOctets, Stored, needs_parts
from pillarbox.server.imap.reply import CommandRefused, ResponseInterrupted, no
from pillarbox.server.imap.sections import Extent
from pillarbox.server.imap.session_state import LARGE_OCTETS, SessionState
from pillarbox.world.blobs import BlobDamaged, Blobs, OpenBlob
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.memory import Reservation

MAX_COMPUTED: Final = 2
"""The values that are computed of one message may come to so many times its size; beyond: NO [LIMIT]."""
MIN_COMPUTED_OCTETS: Final = 1024 * 1024
"""A smaller message counts as so large."""

_TOO_MUCH: Final = no("Too much of a message in one FETCH", response_codes.LIMIT)


async def send(session: SessionState, plan: Plan, chosen: Chosen) -> bool:
    """Send the response for one large message; whether it no longer exists.

    Raises `BlobDamaged` or `DatabaseDamaged` before anything is written, `ResponseInterrupted` afterwards: a literal
    that was announced can't be taken back.
    """
    batch, missing = await read_batch(session, plan, chosen, octets=False)
    session.up_to_date = False
    for stored in stored_messages(batch):
        with await _room(session, plan, stored):
            await _send_message(session, plan, batch, stored)
    return missing


async def _room(
    session: SessionState, plan: Plan, stored: Stored
) -> AbstractContextManager[Reservation | None]:
    """In the memory budget: for the whole message, where that is read to compute a value. Raises `MemoryScarce`.

    The values are there until the client has read them; one that keeps others waiting is cut off.
    """
    if not any(map(needs_parts, plan.octets_items)):
        return nullcontext()
    return await session.world.memory.accounts.whole.reserve(stored.size, session.connection.abort)


async def _send_message(session: SessionState, plan: Plan, batch: Batch, stored: Stored) -> None:
    blobs, trees = session.world.blobs, session.caches.part_trees
    values, tree = await session.world.database.read_in_thread(
        _compute, blobs, plan.octets_items, stored, trees.get(stored.digest)
    )
    if values is None:
        raise CommandRefused(_TOO_MUCH)
    if tree is not None:
        trees.keep(stored.digest, tree)
    ranges: dict[FetchItem, Extent] = {
        item: found for item, found in values.items() if isinstance(found, Extent)
    }
    batch.computed = {item: (b"" if isinstance(found, Extent) else found,) for item, found in values.items()}
    computed = sum([len(found) for found in values.values() if isinstance(found, bytes)])
    with session.holding(computed), await session.read(blobs.open, stored.digest) as blob:
        if blob.size != stored.size:
            raise BlobDamaged(stored.digest.hex(), f"has {blob.size} octets instead of {stored.size}")
        try:
            await _write(session, plan, batch, ranges, blob)
        except BlobDamaged as damaged:
            damage.report(
                session.world,
                damaged,
                account=session.login,
                mailbox=session.selected.name,
                uid=batch.uids[0],
            )
            raise ResponseInterrupted from damaged
        except DatabaseUnavailable as failure:
            raise ResponseInterrupted from failure


def _compute(
    tx: Transaction, blobs: Blobs, items: Sequence[OctetsItem], stored: Stored, tree: Part | None
) -> tuple[dict[OctetsItem, bytes | Extent] | None, Part | None]:
    """In a thread: the values that must be computed, and the ranges to stream; and the tree, if parsed.

    No values where they come to more than `MAX_COMPUTED`.
    """
    message = MessageOctets(stored, read=partial(blobs.read, tx, stored.digest), tree=tree)
    values: dict[OctetsItem, bytes | Extent] = {}
    left = MAX_COMPUTED * max(stored.size, MIN_COMPUTED_OCTETS)
    for item in items:
        values[item] = found = fetch_octets.value(item, message)
        left -= len(found) if isinstance(found, bytes) else 0
        if left < 0:
            return None, message.tree
    return values, message.tree


async def _write(
    session: SessionState, plan: Plan, batch: Batch, ranges: Mapping[FetchItem, Extent], blob: OpenBlob
) -> None:
    session.write(b"* %d FETCH (" % batch.numbers[0])
    for index, (item, column) in enumerate(zip(plan.items, plan.columns(batch), strict=True)):
        session.write(b" " * bool(index) + column.label + b" ")
        if item in ranges:
            await _write_range(session, blob, ranges[item])
        else:
            await _write_computed(session, column.value())
    session.write(b")\r\n")


async def _write_computed(session: SessionState, octets: bytes) -> None:
    """A value, which may be as large as the message."""
    piece_octets = session.limits.piece_octets
    if len(octets) < LARGE_OCTETS:
        session.write(octets)
        return
    for start in range(0, len(octets), piece_octets):
        session.write(octets[start : start + piece_octets])
        await session.flush_and_yield()


async def _write_range(session: SessionState, blob: OpenBlob, extent: Extent) -> None:
    """A literal of this range, as `strings.section`."""
    if extent.end == extent.start:
        session.write(strings.EMPTY)
        return
    session.write(b"{%d}\r\n" % (extent.end - extent.start))
    piece_octets = session.limits.piece_octets
    for start in range(extent.start, extent.end, piece_octets):
        session.write(strings.without_nul(blob.read(start, min(piece_octets, extent.end - start))))
        await session.flush_and_yield()
