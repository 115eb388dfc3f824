"""FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4 and §3.2.6).

A command becomes a plan (`fetch_columns`), the messages it names become batches, and each batch is read as one
snapshot, joined and written; between batches the client may catch up, and other sessions run. Nothing is awaited
per row, except for a large message, which is streamed (`fetch_stream`).

Where a batch holds a message that can't be read, its messages are read one by one: the others are sent, and the
tagged response names the damaged ones.
"""

from functools import partial
from itertools import compress
from typing import Final

from pillarbox.mail.flags import SEEN
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import LARGEST, NumberSet
from pillarbox.protocol.imap import fetch_responses, response_codes, responses
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Fetch
from pillarbox.protocol.imap.fetch_items import Attribute, FetchItem
from pillarbox.server import damage
from pillarbox.server.imap import changed, fetch_stream, snapshot
from pillarbox.server.imap.fetch_batch import (
    MEMORY_ROWS,
    large_octets,
    read_batch,
    read_first_group,
    read_some,
)
from pillarbox.server.imap.fetch_columns import Batch, Plan
from pillarbox.server.imap.messages import present
from pillarbox.server.imap.reply import SOME_GONE, Reply, bad, no, ok
from pillarbox.server.imap.session_state import MANY_RUNS, SessionState
from pillarbox.server.imap.store import alter
from pillarbox.store import fetch as store_fetch
from pillarbox.store import flags as store_flags
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, Transaction

ORDINARY_ITEMS: Final = 16
"""Items of one FETCH up to which batches are as large as can be; with more, they have fewer messages."""
FIRST_ROWS: Final = 128
"""Messages in the first batch, so that the response begins at once."""
MAX_NAMED_CHARACTERS: Final = 400
"""Of the UIDs of damaged messages in a response."""


async def fetch(session: SessionState, command: Fetch) -> Reply:
    """Send the items of the messages that are named."""
    if command.vanished and not session.machine.qresync:
        return bad("QRESYNC not enabled")  # RFC 7162 §3.2.6
    chosen = await session.resolve(command.numbers, uid=command.uid)
    plan = _plan(session, command.items)
    if plan.marks_seen and chosen and not session.selected.read_only:
        plan = _plan(session, await _mark_seen(session, chosen, plan.items))
    if command.changed_since is not None:
        chosen = await _changed(session, command, chosen, command.changed_since)
    damaged: list[int] = []
    missing = await _send(session, plan, chosen, damaged)
    if missing and plan.stored_in_full:
        damaged += await _lost(session, chosen)
    if damaged:
        return no(f"Damaged messages: UID {_named(damaged)}", response_codes.CORRUPTION)
    # RFC 2180 §4.1.2: expunged messages are left out, and the client learns that it should ask for updates
    return ok(SOME_GONE, response_codes.EXPUNGEISSUED) if missing else _COMPLETED


_COMPLETED: Final = ok("FETCH completed")


def _plan(session: SessionState, items: tuple[FetchItem, ...]) -> Plan:
    return Plan.of(items, utf8=session.machine.utf8, rev2=session.machine.rev2)


def _named(uids: list[int]) -> str:
    """The UIDs as a sequence set, as far as it is short."""
    text = NumberSet.of(uids).text()
    if len(text) <= MAX_NAMED_CHARACTERS:
        return text
    return f"{text[:MAX_NAMED_CHARACTERS].rpartition(',')[0]} and others, {len(uids)} in all"


async def _mark_seen(
    session: SessionState, chosen: Chosen, items: tuple[FetchItem, ...]
) -> tuple[FetchItem, ...]:
    """Set \\Seen, of many messages part by part; the items to send, with FLAGS where they have changed."""
    selected, marked = session.selected, False
    for number, part in enumerate(chosen.parts(MEMORY_ROWS, max_slices=MANY_RUNS)):
        if number:
            await session.flush_and_yield()
        found = present(await snapshot.current(session, selected.mailbox), selected, part)
        unseen = [uid for uid, flags in zip(found.uids, found.flags, strict=True) if SEEN not in flags]
        if not unseen:
            continue
        try:
            await alter(session, NumberSet.of(unseen), mode=store_flags.Mode.ADD, texts=SEEN)
        except DatabaseUnavailable:
            break  # mail on a full disk can be read, even if it can't be marked
        marked = True
    if not marked:
        return items
    # RFC 9051 §6.4.5: changed flags SHOULD be included in the FETCH responses
    added = [Attribute.FLAGS]
    if session.machine.condstore:
        added += [Attribute.UID, Attribute.MODSEQ]
    return (*items, *(item for item in added if item not in items))


async def _changed(session: SessionState, command: Fetch, chosen: Chosen, since: int) -> Chosen:
    """Those that changed after a MODSEQ; with VANISHED, sends first which are gone."""
    selected = session.selected
    cached, found, _ = await changed.current_with(session, selected.mailbox, ModSeq(since), lambda _: None)
    if command.vanished:
        gone = found.vanished
        # Of messages that are gone, "*" covers the last one too: it may have been the highest of all
        gone &= command.numbers.numbers.resolve(LARGEST)
        # RFC 7162 §3.2.10.1: (EARLIER) doesn't lower the client's count; pending ones get a VANISHED that does
        if selected.pending_expunges:
            gone -= selected.pending_expunges
        session.write(responses.vanished(gone, earlier=True))
    uids: list[int] = []
    perhaps = selected.choose(chosen.uids & found.perhaps)
    for number, part in enumerate(perhaps.parts(MEMORY_ROWS, max_slices=MANY_RUNS)):
        if number:
            await session.flush_and_yield()
            cached = await snapshot.current(session, selected.mailbox)
        there = present(cached, selected, part)
        uids += compress(there.uids, map(since.__lt__, there.modseqs))
    return selected.choose(NumberSet.of(uids))


async def _send(session: SessionState, plan: Plan, chosen: Chosen, damaged: list[int]) -> bool:
    """Write the responses; whether some messages no longer exist. Adds the UIDs of those that can't be read."""
    if plan.items == (Attribute.UID,):
        # The session knows the UIDs itself, even of messages that are gone
        for number, part in enumerate(chosen.parts(MEMORY_ROWS, max_slices=MANY_RUNS)):
            if number:
                await session.flush_and_yield()
            column = fetch_responses.numbers(b"UID", part.uid_list())
            await session.write_pieces(fetch_responses.lines(part.sequence_numbers(), [column]))
        return False
    missing = False
    first, more = (FIRST_ROWS, session.limits.batch_rows) if plan.stored else (MEMORY_ROWS, MEMORY_ROWS)
    if len(plan.items) > ORDINARY_ITEMS:
        more = max(1, more * ORDINARY_ITEMS // len(plan.items))
    for number, part in enumerate(chosen.parts(min(first, more), more, max_slices=MANY_RUNS)):
        if number:
            await session.flush_and_yield()
        if plan.octets_items:
            missing |= await _send_groups(session, plan, part, damaged)
        else:
            missing |= await _send_rows(session, plan, part)
    return missing


async def _lost(session: SessionState, chosen: Chosen) -> list[int]:
    """Those of these messages that are in the mailbox, and whose rows are not found all the same; reports them."""
    selected, lost = session.selected, list[int]()
    for part in chosen.parts(session.limits.batch_rows, max_slices=MANY_RUNS):
        await session.flush_and_yield()
        read = partial(
            store_fetch.rows,
            account=session.account_id,
            mailbox=selected.mailbox,
            uids=part.uids,
            columns=(Column.BLOB,),
        )
        cached, rows = await snapshot.current_with(session, selected.mailbox, read)
        there = present(cached, selected, part).uids
        if len(there) > len(rows):
            lost += sorted(set(there) - {uid for uid, _ in rows})
    for uid in lost:
        damage.report_lost(session.world, account=session.login, mailbox=selected.name, uid=uid)
    return lost


async def _send_groups(session: SessionState, plan: Plan, part: Chosen, damaged: list[int]) -> bool:
    try:
        first, groups, found = await read_first_group(session, plan, part)
    except (BlobDamaged, DatabaseDamaged):
        return await _send_one_by_one(session, plan, part, damaged)
    if first:
        await _write(session, plan, first)
    for number, group in enumerate(groups):
        if first or number:
            await session.flush_and_yield()
        chosen = session.selected.choose(NumberSet.of(group.uids))
        try:
            found |= await _send_group(session, plan, chosen, large=group.large)
        except (BlobDamaged, DatabaseDamaged):
            found |= await _send_one_by_one(session, plan, chosen, damaged)
    return found


async def _send_rows(session: SessionState, plan: Plan, chosen: Chosen) -> bool:
    """What needs no octets of the messages themselves: as many at a time as are not too much together."""
    missing = False
    while True:
        some = await read_some(session, plan, chosen)
        missing |= some.missing
        if not some.octets:
            await _write(session, plan, some.batch)
        else:
            with session.holding(some.octets):
                await _write(session, plan, some.batch)
        if some.left is None:
            return missing
        chosen = some.left
        del some  # while a client that reads slowly is waited for
        await session.flush_and_yield()


async def _send_group(session: SessionState, plan: Plan, chosen: Chosen, *, large: bool) -> bool:
    """Raises `BlobDamaged` or `DatabaseDamaged` before anything is written."""
    if large:
        return await fetch_stream.send(session, plan, chosen)
    batch, missing = await read_batch(session, plan, chosen)
    await _write(session, plan, batch)
    return missing


async def _send_one_by_one(session: SessionState, plan: Plan, chosen: Chosen, damaged: list[int]) -> bool:
    found = False
    for uid in chosen.uid_list():
        one = session.selected.choose(NumberSet(((uid, uid),)))
        try:
            (size,) = await session.read(_sizes, session.account_id, session.selected.mailbox, one.uids) or (
                0,
            )
            large = size >= large_octets(session, plan)
            found |= await _send_group(session, plan, one, large=large)
        except (BlobDamaged, DatabaseDamaged) as failure:
            damage.report(
                session.world, failure, account=session.login, mailbox=session.selected.name, uid=uid
            )
            damaged.append(uid)
        await session.flush_and_yield()
    return found


def _sizes(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> list[int]:
    return [size for _, size in store_fetch.rows(tx, account, mailbox, uids, (Column.SIZE,))]


async def _write(session: SessionState, plan: Plan, batch: Batch) -> None:
    for number, chunk in enumerate(fetch_responses.lines(batch.numbers, plan.columns(batch))):
        if number:
            session.up_to_date = False
            await session.connection.drain()
        session.write(chunk)
