"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 7162 §3.1.8, §3.2.5).

A mailbox that was selected lately, unchanged, is selected again for the price of one row: its UIDs, flags and
the responses that describe it are in memory.
"""

from typing import Final

from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Close, Select, Unselect
from pillarbox.protocol.imap.response_codes import CLOSED, READ_ONLY, READ_WRITE
from pillarbox.protocol.imap.responses import UNTAGGED
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.imap import resynchronising, updates
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.reply import Reply, bad, ok
from pillarbox.store import placements
from pillarbox.store.mailbox_cache import CachedMailbox


async def select(session: Conversation, command: Select) -> Reply:
    """SELECT and EXAMINE."""
    machine = session.machine
    if command.resynchronise and not machine.qresync:
        return bad("ENABLE QRESYNC first")  # RFC 7162 §3.2.5
    if machine.selected is not None:
        # RFC 7162 §3.2.11: what is told from here on is about the new mailbox
        session.write(_LEFT)
    # RFC 9051 §6.3.2: a SELECT that fails leaves no mailbox selected
    machine.deselect()
    cache, name = session.services.warm, command.mailbox
    warm, first_recent = session.read(cache.find, session.owner, name)
    recent = _recent(warm, first_recent, rev2=machine.rev2)
    if recent and not command.read_only:
        recent = await updates.claimed(session, warm.mailbox)
        warm, _ = session.read(cache.find, session.owner, name)
    # From here on nothing waits: what is told is one moment of the mailbox
    selected = SelectedMailbox(
        mailbox=warm.mailbox,
        name=name,
        uid_validity=warm.uid_validity,
        uids=warm.uids,
        modseq=warm.modseq,
        read_only=command.read_only,
        recent=recent,
    )
    machine.select(selected)
    session.fresh = True
    session.write(_described(session, selected, warm))
    if command.resynchronise:
        resynchronising.tell(session, selected, warm, command.resynchronise)
    return _OPENED_TO_READ if command.read_only else _OPENED


_LEFT: Final = responses.ok(UNTAGGED, "The previous mailbox is left", CLOSED)
_OPENED: Final = ok("Opened", READ_WRITE)
_OPENED_TO_READ: Final = ok("Opened for reading only", READ_ONLY)


def _recent(warm: CachedMailbox, first_recent: int, *, rev2: bool) -> NumberSet:
    """What is \\Recent to a new session: EXAMINE shows it and leaves it so, SELECT claims it (RFC 3501 §6.3.2)."""
    # IMAP4rev2 has no such thing and leaves it to others
    if rev2 or first_recent >= warm.uid_next:
        return EMPTY
    return NumberSet(((first_recent, warm.uid_next - 1),))


def _described(session: Conversation, selected: SelectedMailbox, warm: CachedMailbox) -> bytes:
    """The untagged responses that a SELECT owes (RFC 9051 §6.3.2, RFC 3501 §6.3.1)."""
    machine = session.machine
    head = session.services.heads.of(warm)
    if machine.rev2:
        # RFC 9051 §6.3.2: the name as the server spells it
        told = responses.listed(selected.name, utf8=machine.utf8)
    else:
        told = responses.recent(selected.recent_count) + head.first_unseen
    return b"".join((head.opened_to_read if selected.read_only else head.opened, told, head.numbers))


async def close(session: Conversation, _: Close) -> Reply:
    """CLOSE: expunges silently, unless the mailbox was opened for reading only (RFC 9051 §6.4.1)."""
    selected = session.selected
    if not selected.read_only:
        await session.commit(placements.expunge, session.owner, selected.mailbox)
    session.machine.deselect()
    # RFC 7162 §3.2.8: no HIGHESTMODSEQ here, the client was not told what went
    return ok("Closed")


async def unselect(session: Conversation, _: Unselect) -> Reply:
    """UNSELECT: CLOSE that expunges nothing (RFC 9051 §6.4.2)."""
    session.machine.deselect()
    return ok("Left")
