"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9; RFC 4315).

The EXPUNGE or VANISHED responses are sent by `updates`, like all others: it reads what was just written.
"""

from pillarbox.mail.number_set import EVERYTHING
from pillarbox.protocol.imap import response_codes
from pillarbox.protocol.imap.commands import Expunge
from pillarbox.server.imap.reply import READ_ONLY, Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import placements


async def expunge(session: SessionState, command: Expunge) -> Reply:
    """Remove messages that have \\Deleted."""
    selected = session.selected
    if selected.read_only:
        return READ_ONLY
    uids = EVERYTHING if command.uids is None else selected.resolve(command.uids, uid=True).uids
    gone = await session.commit(placements.expunge, session.account_id, selected.mailbox, uids)
    return ok("EXPUNGE completed", None if gone.modseq is None else highest_modseq(session, gone.modseq))


def highest_modseq(session: SessionState, modseq: int) -> bytes | None:
    """The code of a command that removed messages, for clients that enabled QRESYNC."""
    # RFC 7162 §3.2.7, RFC 6851 §4.4
    return response_codes.highest_modseq(modseq) if session.machine.qresync else None
