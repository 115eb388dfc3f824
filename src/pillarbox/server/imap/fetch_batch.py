"""Reading a batch of messages for FETCH: their rows, flags and octets, as one snapshot.

Rows, the cached mailbox and, where the octets lie in the database, the octets come from one transaction, which also
shows whether updates are due (`SessionState.up_to_date`). Values that are computed from octets are computed
afterwards, in the loop, so that part trees can be cached.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.fetch_responses import FIRST_CHUNK_ROWS
from pillarbox.server.imap import fetch_octets, snapshot
from pillarbox.server.imap.fetch_columns import Batch, OctetsItem, Plan, whole
from pillarbox.server.imap.fetch_octets import MessageOctets, Stored
from pillarbox.server.imap.messages import Present, present
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import fetch as store_fetch
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import BlobDamaged, BlobMissing, Blobs
from pillarbox.world.database import Transaction

MAX_GROUP_OCTETS: Final = 256 * 1024
"""Octets of messages that are read together, divided by the items that go through them: some 50 milliseconds of the
loop, where they are nothing but header fields."""
MEMORY_ROWS: Final = 8192
"""Messages in a batch that needs no row of the database."""
MAX_ITEMS_IN_LOOP: Final = 8
"""Items of octets up to which small messages are read together; where more are asked for, each is like a large one.
Clients ask for one or two; a selection from 4,000 header fields takes some milliseconds for each."""

Rows: TypeAlias = Sequence[tuple[Any, ...]]


class Group(NamedTuple):
    """Messages to read together: several small ones, or one large."""

    uids: list[int]
    large: bool


class Some(NamedTuple):
    """What `read_some` has read."""

    batch: Batch
    octets: int
    """What the batch takes of memory, about, while a client that reads slowly is waited for: nothing where one chunk of
    the response has it all."""
    missing: bool
    """Whether some of these messages no longer exist."""
    left: Chosen | None
    """The messages that are to be read after these, if any are."""


async def read_some(session: SessionState, plan: Plan, chosen: Chosen) -> Some:
    """One snapshot of the first of these messages, as many as are not too much together, without octets of theirs."""
    if not plan.stored:
        return await read_in_memory(session, chosen)
    selected = session.selected
    read = partial(
        store_fetch.rows_within,
        account=session.account_id,
        mailbox=selected.mailbox,
        uids=chosen.uids,
        columns=plan.stored,
        octets=session.limits.batch_octets,
    )
    cached, page = await snapshot.current_with(session, selected.mailbox, read)
    left: Chosen | None = None
    if page.left:
        left, chosen = selected.choose(page.left), selected.choose(chosen.uids - page.left)
    batch = _batch(session, chosen, cached if plan.in_memory else None, plan.stored, page.rows)
    return Some(batch, _waiting_octets(page.octets, batch), len(page.rows) < len(chosen), left)


def _waiting_octets(octets: int, batch: Batch) -> int:
    return octets if len(batch.uids) > FIRST_CHUNK_ROWS else 0


async def read_batch(
    session: SessionState, plan: Plan, chosen: Chosen, *, octets: bool = True
) -> tuple[Batch, bool]:
    """One snapshot of these messages, and whether some no longer exist.

    They are few or small: see `Group`. Without `octets`, the values that are computed from octets are left out.
    """
    columns = plan.stored_in_full if octets else plan.stored
    selected = session.selected
    read = partial(
        store_fetch.rows,
        account=session.account_id,
        mailbox=selected.mailbox,
        uids=chosen.uids,
        columns=columns,
    )
    cached, rows = await snapshot.current_with(session, selected.mailbox, read)
    batch = _batch(session, chosen, cached if plan.in_memory else None, columns, rows)
    if octets and plan.octets_items:
        _compute(session, plan, batch)
    return batch, len(rows) < len(chosen)


async def read_first_group(
    session: SessionState, plan: Plan, chosen: Chosen
) -> tuple[Batch | None, list[Group], bool]:
    """How these messages are to be read, and, unless it is a large message, the first group, in one snapshot.

    Returns the first group's batch, the other groups, and whether some messages no longer exist.
    """
    selected = session.selected
    read = partial(
        _read_first,
        account=session.account_id,
        mailbox=selected.mailbox,
        uids=chosen.uids,
        columns=plan.stored_in_full,
        large_octets=large_octets(session, plan),
        group_octets=MAX_GROUP_OCTETS // len(plan.octets_items),
    )
    cached, (groups, rows) = await snapshot.current_with(session, selected.mailbox, read)
    missing = sum(len(group.uids) for group in groups) < len(chosen)
    if rows is None:
        return None, groups, missing
    missing = missing or len(rows) < len(groups[0].uids)
    first = chosen if len(groups) == 1 and not missing else selected.choose(NumberSet.of(groups[0].uids))
    batch = _batch(session, first, cached if plan.in_memory else None, plan.stored_in_full, rows)
    _compute(session, plan, batch)
    return batch, groups[1:], missing


def large_octets(session: SessionState, plan: Plan) -> int:
    """The size from which on a message is large: computed in a thread, and streamed."""
    return 0 if len(plan.octets_items) > MAX_ITEMS_IN_LOOP else session.limits.large_message_octets


def _read_first(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    columns: tuple[Column, ...],
    large_octets: int,
    group_octets: int,
) -> tuple[list[Group], Rows | None]:
    """The groups of these messages, and the rows of the first unless it is a large one."""
    if len(uids) == 1 and large_octets:  # mostly it is small, and has its size with it
        rows, place = store_fetch.rows(tx, account, mailbox, uids, columns), 1 + columns.index(Column.SIZE)
        groups = list(_groups([(row[0], row[place]) for row in rows], large_octets, group_octets))
        return groups, None if not groups or groups[0].large else rows
    sizes = store_fetch.rows(tx, account, mailbox, uids, (Column.SIZE,))
    groups = list(_groups(sizes, large_octets, group_octets))
    if not groups or groups[0].large:
        return groups, None
    if len(groups) > 1:
        uids = NumberSet.of(groups[0].uids)
    return groups, store_fetch.rows(tx, account, mailbox, uids, columns)


def _groups(rows: Rows, large_octets: int, group_octets: int) -> Iterator[Group]:
    uids, sizes = zip(*rows, strict=True) if rows else ((), ())
    upto = list(accumulate(sizes))
    start = 0
    for place in [*(place for place, size in enumerate(sizes) if size >= large_octets), len(sizes)]:
        while start < place:
            octets = group_octets + (upto[start - 1] if start else 0)
            stop = max(start + 1, bisect_right(upto, octets, start, place))
            yield Group(list(uids[start:stop]), large=False)
            start = stop
        if place < len(sizes):
            yield Group([uids[place]], large=True)
            start = place + 1


def _batch(
    session: SessionState,
    chosen: Chosen,
    cached: CachedMailbox | None,
    columns: tuple[Column, ...],
    rows: Rows,
) -> Batch:
    found: Present | None = None if cached is None else present(cached, session.selected, chosen)
    uids, *values = zip(*rows, strict=True) if rows else ((), *((),) * len(columns))
    all_exist = len(rows) == len(chosen)
    return Batch(
        chosen.sequence_numbers() if all_exist else session.selected.sequence_numbers_of(uids),
        uids,
        found.flags if found else (),
        found.modseqs if found else (),
        dict(zip(columns, values, strict=True)),
        {},
    )


async def read_in_memory(session: SessionState, chosen: Chosen, after: ModSeq | None = None) -> Some:
    """What needs no row of the database: UIDs, flags and MODSEQs. Where flags are long, of fewer messages.

    `after`: of a change that this command has made; what it left is shown, if that is in the cache.
    """
    mailbox = session.selected.mailbox
    cached = None if after is None else snapshot.as_left(session, mailbox, after)
    if cached is None:
        cached = await snapshot.current(session, mailbox)
    found = present(cached, session.selected, chosen)
    octets = sum(map(len, set(found.flags)))
    left: Chosen | None = None
    if octets > session.limits.batch_octets and len(chosen) > 1:
        first = max(1, len(chosen) * session.limits.batch_octets // octets)
        chosen, *others = chosen.parts(first, len(chosen))
        left = others[0] if others else None
        found = present(cached, session.selected, chosen)
        octets = sum(map(len, set(found.flags)))
    batch = Batch(found.numbers, found.uids, found.flags, found.modseqs, {}, {})
    return Some(batch, _waiting_octets(octets, batch), found.missing, left)


def _compute(session: SessionState, plan: Plan, batch: Batch) -> None:
    """Add the columns that are computed from octets, message by message."""
    trees = session.caches.part_trees
    octets = _octets(session.world.blobs, batch.stored)
    computed: dict[OctetsItem, list[bytes]] = {
        item: octets if whole(item) else [] for item in plan.octets_items
    }
    batch.computed = computed
    wanted = [(item, values) for item, values in computed.items() if values is not octets]
    if not wanted:
        return
    for stored, read in zip(stored_messages(batch), octets, strict=True):
        known = trees.get(stored.digest)
        message = MessageOctets(stored, octets=read, tree=known)
        for item, values in wanted:
            values.append(fetch_octets.on_wire(item, message))
        if known is None and message.tree is not None:
            trees.keep(stored.digest, message.tree)


def _octets(blobs: Blobs, columns: Mapping[Column, Sequence[Any]]) -> list[bytes]:
    """Of each message, as many as its row says. Raises `BlobDamaged` or `DatabaseUnavailable`."""
    found: list[Any] = list(columns[Column.OCTETS])
    if None in found:
        for index, location in enumerate(columns[Column.LOCATION]):
            if found[index] is None:
                if location is None:
                    raise BlobMissing(columns[Column.BLOB][index].hex())
                found[index] = blobs.read_file(location)
    # Before a literal of so many octets is announced
    if list(map(len, found)) != list(columns[Column.SIZE]):
        for digest, octets, size in zip(columns[Column.BLOB], found, columns[Column.SIZE], strict=True):
            if len(octets) != size:
                raise BlobDamaged(digest.hex(), f"has {len(octets)} octets instead of {size}")
    return found


def stored_messages(batch: Batch) -> Iterator[Stored]:
    """The messages of a batch, as their rows describe them."""
    columns = batch.stored
    for digest, header_size, size in zip(
        columns[Column.BLOB], columns[Column.HEADER_SIZE], columns[Column.SIZE], strict=True
    ):
        yield Stored(digest, header_size, size)
