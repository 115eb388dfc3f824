"""FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4 and §3.2.6).

A command becomes a plan (`fetch_columns`), the messages it names become batches, and each batch is read,
joined and written in one go; between batches the peer may catch up, and other sessions get air. Nothing
is awaited for a single row, except for a large message, which is streamed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pillarbox.mail.flags import SEEN
from pillarbox.mail.number_set import LARGEST, NumberSet
from pillarbox.protocol.imap import fetch_responses, response_codes, responses
from pillarbox.protocol.imap.commands import Fetch
from pillarbox.protocol.imap.fetch_items import Attribute, FetchItem, marks_seen
from pillarbox.protocol.imap.selected import Chosen
from pillarbox.server.imap import fetch_octets, resynchronising
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.fetch_columns import Batch, OctetsItem, Plan, whole
from pillarbox.server.imap.fetch_octets import MessageOctets, Stored
from pillarbox.server.imap.messages import Present, present
from pillarbox.server.imap.reply import BrokenOff, Reply, bad, ok
from pillarbox.server.imap.sections import Extent
from pillarbox.server.imap.storing import alter
from pillarbox.server.imap.trees import PartTrees
from pillarbox.store import fetch as store_fetch
from pillarbox.store import flags as store_flags
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import BlobMissing, Blobs, OpenBlob
from pillarbox.world.database import DatabaseUnavailable, Transaction

FIRST_ROWS: Final = 128
"""Messages in the first batch, so that an answer begins at once."""
MORE_ROWS: Final = 512
"""Messages in further batches: about a millisecond of the loop."""
MEMORY_ROWS: Final = 8192
"""Messages in a batch that needs no row of the database."""
OCTETS_TOGETHER: Final = 256 * 1024
"""Octets of messages that are read in one go."""
STREAMED_OCTETS: Final = 256 * 1024
"""A piece of a large message."""


async def fetch(session: Conversation, command: Fetch) -> Reply:
    """Tell what is asked of the messages that are named."""
    if command.vanished and not session.machine.qresync:
        return bad("ENABLE QRESYNC first")  # RFC 7162 §3.2.6
    chosen = session.selected.resolve(command.numbers, uid=command.uid)
    items = await _mark_seen(session, chosen, command.items)
    if command.changed_since is not None:
        chosen = _changed(session, command, chosen, command.changed_since)
    plan = Plan.of(items, utf8=session.machine.utf8)
    missing = await _answer(session, plan, chosen)
    # RFC 2180 §4.1.2: what is gone is left out, and the client learns that it may ask for news
    return ok("Some are gone", response_codes.EXPUNGEISSUED) if missing else ok("Fetched")


async def _mark_seen(
    session: Conversation, chosen: Chosen, items: tuple[FetchItem, ...]
) -> tuple[FetchItem, ...]:
    """Set \\Seen where reading does; the items to tell, with FLAGS where they have changed."""
    selected = session.selected
    if selected.read_only or not chosen or not any(map(marks_seen, items)):
        return items
    there = session.read(present, session.services.warm, session.owner, selected, chosen)
    unseen = [uid for uid, flags in zip(there.uids, there.flags, strict=True) if SEEN not in flags]
    if not unseen:
        return items
    try:
        await alter(session, NumberSet.of(unseen), mode=store_flags.Mode.ADD, texts=SEEN)
    except DatabaseUnavailable:
        return items  # mail on a full disk can be read, if not be marked
    # RFC 9051 §6.4.5: changed flags SHOULD be told with the FETCH that changed them
    told = [Attribute.FLAGS]
    if session.machine.condstore:
        told += [Attribute.UID, Attribute.MODSEQ]
    return (*items, *(item for item in told if item not in items))


def _changed(session: Conversation, command: Fetch, chosen: Chosen, since: int) -> Chosen:
    """Those that changed after a MODSEQ; with VANISHED, tells first those that went."""
    selected = session.selected
    if command.vanished:
        # Of the messages that went, "*" names the last one too: it may have been the highest of all
        named = command.numbers.numbers.resolve(LARGEST)
        session.write(
            responses.vanished(resynchronising.vanished(session, selected, named, since), earlier=True)
        )
    there = session.read(present, session.services.warm, session.owner, selected, chosen)
    return selected.choose(
        NumberSet.of(uid for uid, own in zip(there.uids, there.modseqs, strict=True) if own > since)
    )


async def _answer(session: Conversation, plan: Plan, chosen: Chosen) -> bool:
    """Write the responses; tells whether some messages were gone."""
    if plan.items == (Attribute.UID,):
        # The session knows these by itself, even of messages that are gone
        column = fetch_responses.numbers(b"UID", chosen.uid_list())
        for chunk in fetch_responses.lines(chosen.sequence_numbers(), [column]):
            session.write(chunk)
        await session.drain()
        return False
    missing = False
    rows = FIRST_ROWS if plan.stored else MEMORY_ROWS
    for number, part in enumerate(_parts(chosen, rows, MORE_ROWS if plan.stored else MEMORY_ROWS)):
        if number:
            await session.give_way()
        missing |= await _answer_part(session, plan, part)
    return missing


def _parts(chosen: Chosen, first: int, more: int) -> Iterator[Chosen]:
    """The chosen messages, some at a time."""
    left, taken = first, []
    for part in chosen.slices:
        start = part.start
        while start < part.stop:
            stop = min(part.stop, start + left)
            taken.append(slice(start, stop))
            left -= stop - start
            start = stop
            if not left:
                yield chosen.only(taken)
                left, taken = more, []
    if taken:
        yield chosen.only(taken)


async def _answer_part(session: Conversation, plan: Plan, part: Chosen) -> bool:
    if not plan.octets_items:
        batch, missing = session.read(_read, session, plan, part)
        await _write(session, plan, batch)
        return missing
    first, groups, found = session.read(_read_first, session, plan, part)
    if first:
        await _write(session, plan, first)
    for number, group in enumerate(groups):
        if first or number:
            await session.give_way()
        chosen = session.selected.choose(NumberSet.of(group.uids))
        if group.large:
            found |= await _stream(session, plan, chosen)
        else:
            batch, missing = session.read(_read, session, plan, chosen)
            await _write(session, plan, batch)
            found |= missing
    return found


async def _write(session: Conversation, plan: Plan, batch: Batch) -> None:
    for chunk in fetch_responses.lines(batch.numbers, plan.columns(batch)):
        session.write(chunk)
        await session.drain()


class _Group(NamedTuple):
    """Messages to read together: several small ones, or one large."""

    uids: list[int]
    large: bool


def _read_first(
    tx: Transaction, session: Conversation, plan: Plan, part: Chosen
) -> tuple[Batch | None, list[_Group], bool]:
    """The first group of these messages, unless it is a large one, in one go with what the groups are; the
    other groups; and whether some messages are gone."""
    sizes, missing = _sizes(tx, session, part)
    groups = list(_groups(sizes))
    if not groups or groups[0].large:
        return None, groups, missing
    chosen = (
        part if len(groups) == 1 and not missing else session.selected.choose(NumberSet.of(groups[0].uids))
    )
    return _read(tx, session, plan, chosen)[0], groups[1:], missing


def _sizes(tx: Transaction, session: Conversation, part: Chosen) -> tuple[list[tuple[int, int]], bool]:
    rows = store_fetch.rows(tx, session.owner, session.selected.mailbox, part.uids, (Column.SIZE,))
    return [(uid, size) for uid, size in rows], len(rows) < len(part)


def _groups(sizes: Sequence[tuple[int, int]]) -> Iterator[_Group]:
    together: list[int] = []
    octets = 0
    for uid, size in sizes:
        large = size >= fetch_octets.LARGE_OCTETS
        if together and (large or octets + size > OCTETS_TOGETHER):
            yield _Group(together, large=False)
            together, octets = [], 0
        if large:
            yield _Group([uid], large=True)
        else:
            together.append(uid)
            octets += size
    if together:
        yield _Group(together, large=False)


async def _stream(session: Conversation, plan: Plan, chosen: Chosen) -> bool:
    """Answer for one large message, a piece at a time; tells whether it is gone."""
    services = session.services
    batch, missing = session.read(_read_rows, session, plan, chosen, plan.stored)
    for stored in _stored(batch.stored):
        values = await services.database.read_in_thread(
            _values, services.blobs, services.trees, plan.octets_items, stored
        )
        ranges: dict[FetchItem, Extent] = {
            item: found for item, found in values.items() if isinstance(found, Extent)
        }
        batch.made = {item: (b"" if isinstance(found, Extent) else found,) for item, found in values.items()}
        with session.read(services.blobs.open, stored.digest) as blob:
            try:
                await _stream_answer(session, plan, batch, ranges, blob)
            except DatabaseUnavailable as failure:
                raise BrokenOff from failure
    return missing


async def _stream_answer(
    session: Conversation, plan: Plan, batch: Batch, ranges: Mapping[FetchItem, Extent], blob: OpenBlob
) -> None:
    session.write(b"* %d FETCH (" % batch.numbers[0])
    for place, (item, column) in enumerate(zip(plan.items, plan.columns(batch), strict=True)):
        session.write(b" " * bool(place) + column.label + b" ")
        if item in ranges:
            await _stream_range(session, blob, ranges[item])
        else:
            session.write(column.form % tuple(part[0] for part in column.parts))
    session.write(b")\r\n")


async def _stream_range(session: Conversation, blob: OpenBlob, extent: Extent) -> None:
    """A literal of this range."""
    session.write(b"{%d}\r\n" % (extent.end - extent.start))
    for start in range(extent.start, extent.end, STREAMED_OCTETS):
        session.write(blob.read(start, min(STREAMED_OCTETS, extent.end - start)))
        await session.drain()
        await session.give_way()


def _values(
    tx: Transaction, blobs: Blobs, trees: PartTrees, items: Sequence[OctetsItem], stored: Stored
) -> dict[OctetsItem, bytes | Extent]:
    """In a thread: what must be made of a large message, and the ranges of it that are to be streamed."""
    message = MessageOctets(tx, blobs, trees, stored)
    return {item: fetch_octets.value(item, message) for item in items}


def _read(tx: Transaction, session: Conversation, plan: Plan, part: Chosen) -> tuple[Batch, bool]:
    """One moment of these messages, and whether some are gone."""
    batch, missing = _read_rows(tx, session, plan, part, plan.stored_in_full)
    if plan.octets_items:
        _make(tx, session, plan, batch)
    return batch, missing


def _read_rows(
    tx: Transaction, session: Conversation, plan: Plan, part: Chosen, read: tuple[Column, ...]
) -> tuple[Batch, bool]:
    services, selected = session.services, session.selected
    there: Present | None = None
    if plan.in_memory:
        there = present(tx, services.warm, session.owner, selected, part)
    if not read:
        assert there is not None, "what is not stored is in memory"
        return Batch(there.numbers, there.uids, there.flags, there.modseqs, {}, {}), there.missing
    rows = store_fetch.rows(tx, session.owner, selected.mailbox, part.uids, read)
    uids, *columns = zip(*rows, strict=True) if rows else ((), *((),) * len(read))
    stored = dict(zip(read, columns, strict=True))
    batch = Batch(
        there.numbers if there else selected.sequence_numbers_of(uids),
        uids,
        there.flags if there else (),
        there.modseqs if there else (),
        stored,
        {},
    )
    return batch, len(rows) < len(part)


def _make(tx: Transaction, session: Conversation, plan: Plan, batch: Batch) -> None:
    """Add the columns that are made of octets, message by message: each is read once."""
    services = session.services
    octets = _octets(services.blobs, batch.stored)
    made: dict[OctetsItem, list[bytes]] = {item: octets if whole(item) else [] for item in plan.octets_items}
    batch.made = made
    wanted = [(item, values) for item, values in made.items() if values is not octets]
    if not wanted:
        return
    for stored, read in zip(_stored(batch.stored), octets, strict=True):
        message = MessageOctets(tx, services.blobs, services.trees, stored, read)
        for item, values in wanted:
            values.append(fetch_octets.on_wire(item, message))


def _octets(blobs: Blobs, columns: Mapping[Column, Sequence[Any]]) -> list[bytes]:
    """Of each message. Raises `BlobMissing` or `DatabaseUnavailable`."""
    found: list[bytes] = list(columns[Column.OCTETS])
    if None not in found:
        return found
    for place, location in enumerate(columns[Column.LOCATION]):
        if found[place] is None:
            if location is None:
                raise BlobMissing(columns[Column.BLOB][place].hex())
            found[place] = blobs.read_file(location)
    return found


def _stored(columns: Mapping[Column, Sequence[Any]]) -> Iterator[Stored]:
    for digest, header_size, size in zip(
        columns[Column.BLOB], columns[Column.HEADER_SIZE], columns[Column.SIZE], strict=True
    ):
        yield Stored(digest, header_size, size)
