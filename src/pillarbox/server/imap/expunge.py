"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9; RFC 4315).

The EXPUNGE or VANISHED responses are sent by `updates`, like all others: it reads what was just written.
"""

from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.protocol.imap import response_codes
from pillarbox.protocol.imap.commands import Expunge
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.reply import READ_ONLY, Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import placements


async def expunge(session: SessionState, command: Expunge) -> Reply:
    """Remove messages that have \\Deleted."""
    selected = session.selected
    if selected.read_only:
        return READ_ONLY
    uids = EVERYTHING if command.uids is None else (await session.resolve(command.uids, uid=True)).uids
    modseq = await remove_deleted(session, uids)
    return ok("EXPUNGE completed", None if modseq is None else highest_modseq(session, modseq))


async def remove_deleted(session: SessionState, uids: NumberSet = EVERYTHING) -> int | None:
    """Remove those of these messages that have \\Deleted; the last MODSEQ, or None where there were none.

    In slices, between which others write: RFC 9051 §6.4.3 does not ask for all or nothing.
    """
    selected, limit, modseq = session.selected, session.limits.slice_messages, None
    # Found in memory, since the database would look at all messages of the mailbox for them
    deleted = (await snapshot.current(session, selected.mailbox)).deleted()
    if deleted is not None:
        uids &= deleted
        if not uids:
            return None
    count = limit if deleted is None else len(uids)  # they are many, also where the client knows few
    while True:
        gone = await session.commit_many(
            count, placements.expunge, session.account_id, selected.mailbox, uids, limit=limit
        )
        modseq = gone.modseq or modseq
        if gone.count < limit:
            return modseq


def highest_modseq(session: SessionState, modseq: int) -> bytes | None:
    """The code of a command that removed messages, for clients that enabled QRESYNC."""
    # RFC 7162 §3.2.7, RFC 6851 §4.4
    return response_codes.highest_modseq(modseq) if session.machine.qresync else None
