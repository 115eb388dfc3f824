"""COPY, MOVE and their UID forms (RFC 9051 §6.4.7, §6.4.8; RFC 4315, 6851).

EXPUNGE for the messages that MOVE removes is sent by `updates`, like all others.
"""

from typing import Final

from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Copy, Move
from pillarbox.server.imap.expunge import highest_modseq
from pillarbox.server.imap.mailboxes import destination
from pillarbox.server.imap.reply import NO_MESSAGES, READ_ONLY, SOME_GONE, Reply, no, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import placements
from pillarbox.store.mailbox import Mailbox
from pillarbox.store.placements import Copied

_ALL_GONE: Final = no(SOME_GONE, response_codes.EXPUNGEISSUED)


async def copy(session: SessionState, command: Copy) -> Reply:
    """COPY and UID COPY: those of the named messages that still exist."""
    chosen = session.selected.resolve(command.numbers, uid=command.uid)
    target = await destination(session, command.mailbox)
    if not chosen:
        return NO_MESSAGES
    copied = await _commit(session, chosen, target, move=False)
    return _ALL_GONE if copied is None else ok("COPY completed", _copy_uid(copied))


async def move(session: SessionState, command: Move) -> Reply:
    """MOVE and UID MOVE: copies and removes in one commit."""
    chosen = session.selected.resolve(command.numbers, uid=command.uid)
    if session.selected.read_only:
        return READ_ONLY
    target = await destination(session, command.mailbox)
    if not chosen:
        return NO_MESSAGES
    copied = await _commit(session, chosen, target, move=True)
    if copied is None:
        return _ALL_GONE
    # RFC 6851 §4.3: COPYUID comes before the EXPUNGE of the moved messages
    session.write(responses.ok(responses.UNTAGGED, "Moved UIDs", _copy_uid(copied)))
    return ok("MOVE completed", highest_modseq(session, copied.modseq))


async def _commit(session: SessionState, chosen: Chosen, target: Mailbox, *, move: bool) -> Copied | None:
    return await session.commit(
        placements.move if move else placements.copy,
        session.account_id,
        session.selected.mailbox,
        chosen.uids,
        to=target.id,
        now_ms=session.now_ms,
    )


def _copy_uid(copied: Copied) -> bytes:
    return response_codes.copy_uid(copied.uid_validity, copied.source, copied.target)
