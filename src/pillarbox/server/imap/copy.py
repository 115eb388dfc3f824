"""COPY, MOVE and their UID forms (RFC 9051 §6.4.7, §6.4.8; RFC 4315, 6851).

EXPUNGE for the messages that MOVE removes is sent by `updates`, like all others.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from pillarbox.directory import quota
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Copy, Move
from pillarbox.server.imap.expunge import highest_modseq
from pillarbox.server.imap.mailboxes import destination
from pillarbox.server.imap.reply import NO_MESSAGES, READ_ONLY, SOME_GONE, CommandRefused, Reply, no, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import placements, unfinished_copies
from pillarbox.store.mailbox import Mailbox
from pillarbox.store.placements import Copied
from pillarbox.store.unfinished_copies import CopyUndone
from pillarbox.world.database import DatabaseUnavailable, Transaction

_ALL_GONE: Final = no(SOME_GONE, response_codes.EXPUNGEISSUED)
_UNDONE: Final = no("Copying took too long, try again", response_codes.UNAVAILABLE)


async def copy(session: SessionState, command: Copy) -> Reply:
    """COPY and UID COPY: those of the named messages that still exist."""
    chosen = await session.resolve(command.numbers, uid=command.uid)
    target = await destination(session, command.mailbox)
    if not chosen:
        return NO_MESSAGES
    # RFC 9051 §6.4.7: all or nothing, so in one transaction, or one that can be undone until the last is done
    if len(chosen) <= session.limits.slice_messages:
        copied = await _commit(session, chosen, target, _copy)
    else:
        copied = await _copy_in_parts(session, chosen, target)
    return _ALL_GONE if copied is None else ok("COPY completed", _copy_uid(copied))


async def _copy_in_parts(session: SessionState, chosen: Chosen, target: Mailbox) -> Copied | None:
    """Copy in transactions between which others write; undo all where one fails."""
    copied: list[Copied] = []
    try:
        for part in chosen.parts(session.limits.slice_messages):
            begun = (copied[0].modseq, len(copied)) if copied else None
            some = await _commit(session, part, target, _copy_part, begun=begun)
            if some is not None:
                copied.append(some)
        if copied:
            begun = copied[0].modseq, len(copied)
            await session.commit(unfinished_copies.finish, session.account_id, begun)
    except Exception as failure:
        if copied:
            await _undo(session, copied[0].modseq)
        if isinstance(failure, CopyUndone):
            raise CommandRefused(_UNDONE) from None
        raise
    return _joined(copied) if copied else None


async def _undo(session: SessionState, name: ModSeq) -> None:
    """What can't be undone now, a chore undoes later."""
    limit = session.limits.slice_messages
    with suppress(DatabaseUnavailable):
        await session.commit(unfinished_copies.give_up, session.account_id, name)
        while await session.commit_many(limit, unfinished_copies.sweep, now_ms=session.now_ms, limit=limit):
            pass


def _copy(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    to: MailboxId,
    now_ms: int,
) -> Copied | None:
    limit = quota.effective(tx, account)
    return placements.copy(tx, account, mailbox, uids, to=to, now_ms=now_ms, quota_octets=limit)


def _copy_part(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    to: MailboxId,
    now_ms: int,
    begun: tuple[ModSeq, int] | None,
) -> Copied | None:
    copy = partial(_copy, account=account, mailbox=mailbox, uids=uids, to=to, now_ms=now_ms)
    return unfinished_copies.copy_part(tx, account, to, copy, begun, now_ms=now_ms)


async def move(session: SessionState, command: Move) -> Reply:
    """MOVE and UID MOVE: each message is copied and removed in one commit, many in several (RFC 6851 §3.3)."""
    chosen = await session.resolve(command.numbers, uid=command.uid)
    if session.selected.read_only:
        return READ_ONLY
    target = await destination(session, command.mailbox)
    if not chosen:
        return NO_MESSAGES
    moved: list[Copied] = []
    try:
        for part in chosen.parts(session.limits.slice_messages):
            copied = await _commit(session, part, target, placements.move)
            if copied is not None:
                moved.append(copied)
    finally:
        if moved:
            # RFC 6851 §4.3: COPYUID comes before the EXPUNGE of the moved messages, of whichever were
            session.write(responses.ok(responses.UNTAGGED, "Moved UIDs", _copy_uid(_joined(moved))))
    return ok("MOVE completed", highest_modseq(session, moved[-1].modseq)) if moved else _ALL_GONE


async def _commit(
    session: SessionState, chosen: Chosen, target: Mailbox, verb: Callable[..., Copied | None], **more: Any
) -> Copied | None:
    return await session.commit_many(
        len(chosen),
        verb,
        session.account_id,
        session.selected.mailbox,
        chosen.uids,
        to=target.id,
        now_ms=session.now_ms,
        **more,
    )


def _joined(slices: Sequence[Copied]) -> Copied:
    """What several transactions have moved; others may have put messages between."""
    if len(slices) == 1:
        return slices[0]
    return Copied(
        NumberSet.of_ascending(run for part in slices for run in part.source.runs),
        NumberSet.of_ascending(run for part in slices for run in part.target.runs),
        slices[-1].uid_validity,
        slices[-1].modseq,
    )


def _copy_uid(copied: Copied) -> bytes:
    return response_codes.copy_uid(copied.uid_validity, copied.source, copied.target)
