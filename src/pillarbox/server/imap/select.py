"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 7162 §3.1.8, §3.2.5).

A mailbox that is in the cache and has not changed is selected for the price of one row: its UIDs, flags and the
responses that describe it are in memory.
"""

from typing import Final

from pillarbox.mail.identifiers import ModSeq, Uid
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Close, Resynchronize, Select, Unselect
from pillarbox.protocol.imap.response_codes import READ_ONLY, READ_WRITE
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.imap import changed, qresync, snapshot, updates
from pillarbox.server.imap.changed import Changed
from pillarbox.server.imap.expunge import remove_deleted
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import mailbox_cache, mailboxes
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.world.database import Transaction

_SELECTED: Final = ok("SELECT completed", READ_WRITE)
_NOTHING: Final = Changed(EMPTY, EMPTY)
_EXAMINED: Final = ok("EXAMINE completed", READ_ONLY)
_SELECTED_READ_ONLY: Final = ok("SELECT completed", READ_ONLY)


async def select(session: SessionState, command: Select) -> Reply:
    """SELECT and EXAMINE. A login that may change nothing selects read-only (RFC 9051 §6.3.2)."""
    machine, read_only = session.machine, command.read_only or session.read_only
    if machine.selected is not None:
        # RFC 7162 §3.2.11: responses from here on are about the new mailbox
        session.write(responses.CLOSED)
    # RFC 9051 §6.3.2: a SELECT that fails leaves no mailbox selected
    machine.deselect()
    cached, first_recent, since = await _open(session, command.mailbox, command.resynchronize)
    recent = _recent(first_recent, cached.uid_next, rev2=machine.rev2)
    if recent and not read_only:
        recent = await updates.claim_unclaimed(session, cached.mailbox)
        cached, _, since = await _open(session, command.mailbox, command.resynchronize)
    # The responses show one state of the mailbox: what is written after waiting is from a copy
    selected = SelectedMailbox(
        mailbox=cached.mailbox,
        name=command.mailbox,
        uid_validity=cached.version.uid_validity,
        uids=cached.uids,
        modseq=cached.version.modseq,
        read_only=read_only,
        recent=recent,
    )
    machine.select(selected)
    session.up_to_date = True
    session.write(_data(session, selected, cached))
    if command.resynchronize:
        pieces = qresync.responses_for(selected, cached, since, command.resynchronize)
        with session.holding(cached.snapshot_octets):
            await session.write_pieces(pieces)
    if command.read_only:
        return _EXAMINED
    return _SELECTED_READ_ONLY if read_only else _SELECTED


async def _open(
    session: SessionState, name: str, resynchronize: Resynchronize | None
) -> tuple[CachedMailbox, Uid, Changed]:
    """The mailbox as one transaction saw it; its first unclaimed UID; and for QRESYNC, what has become of it."""
    account = session.account_id
    head = await session.world.database.read(mailbox_cache.head_by_name, account, name)
    if resynchronize is None:
        cached = session.caches.mailboxes.current(account, head)
        if cached is not None:
            return cached, head.first_recent, _NOTHING

    def first_recent(tx: Transaction) -> Uid:
        return mailboxes.by_id(tx, account, head.mailbox).first_recent

    if resynchronize is None:
        cached, first = await snapshot.current_with(session, head.mailbox, first_recent)
        return cached, first, _NOTHING
    since = ModSeq(resynchronize.modseq)
    cached, found, first = await changed.current_with(session, head.mailbox, since, first_recent)
    return cached, first, found


def _recent(first_recent: Uid, uid_next: Uid, *, rev2: bool) -> NumberSet:
    """What is \\Recent to a new session: EXAMINE shows it, SELECT claims it as well (RFC 3501 §6.3.2)."""
    # IMAP4rev2 has no \Recent and leaves it to other sessions
    if rev2 or first_recent >= uid_next:
        return EMPTY
    return NumberSet(((first_recent, uid_next - 1),))


def _data(session: SessionState, selected: SelectedMailbox, cached: CachedMailbox) -> bytes:
    """The untagged responses that SELECT requires (RFC 9051 §6.3.2, RFC 3501 §6.3.1)."""
    machine = session.machine
    data = session.caches.select_data.of(cached)
    selected.keywords = data.keywords
    if machine.rev2:
        # RFC 9051 §6.3.2: the name as the server spells it
        revision = responses.listed(selected.name, utf8=machine.utf8)
    else:
        revision = responses.recent(selected.recent_count) + data.first_unseen
    return b"".join((data.flags_read_only if selected.read_only else data.flags, revision, data.numbers))


async def close(session: SessionState, _: Close) -> Reply:
    """CLOSE: expunges without EXPUNGE responses, unless the mailbox is read-only (RFC 9051 §6.4.1)."""
    selected = session.selected
    if not selected.read_only:
        await remove_deleted(session)
    session.machine.deselect()
    # RFC 7162 §3.2.8: no HIGHESTMODSEQ here, the client was not sent the expunges
    return ok("CLOSE completed")


async def unselect(session: SessionState, _: Unselect) -> Reply:
    """UNSELECT: CLOSE that expunges nothing (RFC 9051 §6.4.2)."""
    session.machine.deselect()
    return ok("UNSELECT completed")
