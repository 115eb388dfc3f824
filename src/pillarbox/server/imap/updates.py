"""Updates of the selected mailbox, sent to this client as untagged responses.

Whenever a client may be sent updates, the mailbox is brought up to date from the change log, whatever wrote
it: another session, another worker process, a delivery (signals are only hints that there may be changes). One
row is read where nothing changed. How changes are sent, and which must wait, is decided by `SelectedMailbox`.
"""

from array import array
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.long_array import UidArray
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.selected import PIECE_ROWS, SelectedMailbox, UpdateOptions
from pillarbox.server.imap import changed, snapshot
from pillarbox.server.imap.changed import Runs
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import changes, mailbox_cache, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.cached_mailbox import CachedMailbox, Version
from pillarbox.store.changes import ChangeKind, Flagged
from pillarbox.store.mailbox_cache import Reading
from pillarbox.world.database import DatabaseUnavailable, Transaction


class MailboxGone(Exception):
    """The selected mailbox was deleted by another session."""


RESPONSE_OCTETS: Final = 48
"""What a FETCH with flags takes, about, in the pieces that sessions share."""


class Updates(Struct, frozen=True, gc=False):
    """What a session has not taken in yet (a `protocol.imap.selected.Delta`)."""

    highest: ModSeq
    vanished: NumberSet
    appended: "array[int]"
    flagged: Iterable[list[Flagged]]
    uids: UidArray
    count: int
    concerned: int
    """How many messages have changed, at most."""


async def send(session: SessionState, *, expunges: bool) -> None:
    """Send what has changed since this client was last up to date; nothing where no mailbox is selected.

    `expunges`: whether EXPUNGE and VANISHED are permitted now (RFC 9051 §7.5.1). Raises `MailboxGone`.
    """
    selected = session.machine.selected
    if selected is None:
        return
    since = selected.modseq
    try:
        early, (cached, late) = await changed.with_log(
            session,
            selected.mailbox,
            since,
            lambda since: snapshot.up_to_date(session, selected.mailbox, _changes_since, since),
        )
    except NoSuchMailbox:
        raise MailboxGone from None
    if cached.version.uid_validity != selected.uid_validity:
        raise MailboxGone
    if late is None and not early and not (expunges and selected.pending_expunges.runs):
        return
    await _send_changes(session, selected, cached, changed.joined(early, late or {}), expunges=expunges)


async def send_own(session: SessionState, known: Version, reading: Reading) -> None:
    """Send what the command has appended to the selected mailbox, where that alone has changed in it since `known`.

    The database is not asked. Elsewhere nothing is sent: `send` finds it with all else.
    """
    selected = session.selected
    if known != (selected.uid_validity, selected.modseq) or not reading.delta:
        return
    cached = session.caches.mailboxes.take(session.account_id, selected.mailbox, known, reading)
    if cached is None:
        return
    snapshot.as_left(session, selected.mailbox, cached.modseq)
    session.up_to_date = True
    await _send_changes(session, selected, cached, reading.delta.logged, expunges=True)


async def _send_changes(
    session: SessionState, selected: SelectedMailbox, cached: CachedMailbox, runs: Runs, *, expunges: bool
) -> None:
    machine = session.machine
    pieces, held = await _applied(session, selected, cached, runs, _options(session, expunges=expunges))
    with held:
        await session.write_pieces(pieces)
    if machine.qresync and selected.pending_expunges:
        # RFC 7162 §3.2: MODSEQs were sent while an EXPUNGE with a lower one is pending; a client that is
        # disconnected now must resynchronize from before it
        code = response_codes.highest_modseq(selected.complete_modseq)
        session.write(responses.ok(responses.UNTAGGED, "Highest", code))


async def _applied(
    session: SessionState,
    selected: SelectedMailbox,
    cached: CachedMailbox,
    runs: Runs,
    options: UpdateOptions,
) -> tuple[Iterable[bytes], AbstractContextManager[object]]:
    """Apply what has changed; the responses, made once for all sessions that have the same view and get many, and in
    the memory budget, until they are written, what they hold."""
    view, since, buffers = selected.uids, selected.modseq, session.world.memory.accounts.buffers
    claims = ChangeKind.APPENDED in runs and claiming(session) is not None
    key = selected.mailbox, session.account_id, since, selected.count, cached.modseq, options
    shareable = not (claims or selected.recent or selected.pending_expunges)
    if shareable and (shared := session.caches.updates.find(key, view)):
        selected.catch_up(*shared.known, cached.modseq)
        return shared, shared.written(buffers, session.connection.abort)
    found = _updates(cached, runs, since)
    if claims and found.appended and not selected.is_recent(found.appended[-1]):
        await _claim_recent(session, selected)
    written = selected.apply(found, options)
    octets = cached.snapshot_octets if found.concerned > PIECE_ROWS else 0
    if not shareable or selected.pending_expunges or found.concerned <= session.limits.many_messages:
        return written, session.holding(octets)
    octets += found.concerned * RESPONSE_OCTETS
    shared = session.caches.updates.keep(key, view, (selected.uids, selected.count), written, octets)
    return shared, shared.written(buffers, session.connection.abort)


def _options(session: SessionState, *, expunges: bool) -> UpdateOptions:
    machine = session.machine
    return UpdateOptions(
        expunges=expunges,
        rev2=machine.rev2,
        condstore=machine.condstore,
        qresync=machine.qresync,
        own_modseqs=session.own_modseqs,
    )


def _changes_since(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    known: Version | None,
    max_rows: int,
    since: ModSeq,
) -> tuple[Reading | None, Runs | None]:
    """The mailbox, and the UIDs that the log names after `since`; None where it names none."""
    reading = mailbox_cache.read(tx, account, mailbox, known, max_rows=max_rows)
    version = reading.head if reading else known
    if version is not None and version.modseq <= since:
        return reading, None
    if reading and reading.delta and known and known.modseq == since:
        return reading, reading.delta.logged
    return reading, changes.runs(tx, account, mailbox, since, max_rows=max_rows)


def _updates(cached: CachedMailbox, runs: Runs, since: ModSeq) -> Updates:
    vanished = runs.get(ChangeKind.EXPUNGED, EMPTY)
    appended = Chosen(tuple(runs.get(ChangeKind.APPENDED, EMPTY).slices(cached.uids)), cached.uids)
    flagged = Chosen(tuple(runs.get(ChangeKind.FLAGGED, EMPTY).slices(cached.uids)), cached.uids)
    return Updates(
        cached.modseq,
        vanished,
        appended.uid_list(),
        _changed(cached, flagged, since),
        cached.uids,
        len(cached.uids),
        len(vanished) + len(appended) + len(flagged),
    )


def _changed(cached: CachedMailbox, chosen: Chosen, since: int) -> Iterable[list[Flagged]]:
    """The messages among these whose MODSEQ is higher: few at once, many in pieces, of a copy that stays as it is."""
    if len(chosen) <= PIECE_ROWS:
        return [_rows(cached, chosen.slices, since)] if chosen else ()
    copy = cached.snapshot()
    return (_rows(copy, part.slices, since) for part in chosen.parts(PIECE_ROWS))


def _rows(cached: CachedMailbox, parts: Iterable[slice], since: int) -> list[Flagged]:
    rows: list[Flagged] = []
    for part in parts:
        found = zip(cached.uids[part], cached.flags[part], cached.modseqs[part], strict=True)
        rows += [row for row in found if row[2] > since]
    return rows


# --- \Recent


def claiming(session: SessionState) -> MailboxId | None:
    """The selected mailbox, if messages that are new there become \\Recent to this session (RFC 3501 §2.3.2)."""
    machine = session.machine
    selected = machine.selected
    return None if selected is None or selected.read_only or machine.rev2 else selected.mailbox


async def _claim_recent(session: SessionState, selected: SelectedMailbox) -> None:
    """Make messages \\Recent to this session that no other session has claimed."""
    if await session.read(mailboxes.unclaimed, session.account_id, selected.mailbox):
        selected.recent |= await claim_unclaimed(session, selected.mailbox)


async def claim_unclaimed(session: SessionState, mailbox: MailboxId) -> NumberSet:
    """Claim what no session has claimed; the UIDs that are now this session's.

    Nothing where nothing can be written, so that mail on a full disk can be read.
    """
    try:
        return await session.commit(mailboxes.claim_recent, session.account_id, mailbox)
    except DatabaseUnavailable:
        return EMPTY
