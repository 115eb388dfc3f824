"""COPY, MOVE, EXPUNGE and their UID forms (RFC 9051 §6.4.3, §6.4.7 to §6.4.9; RFC 4315, 6851).

The messages that leave are told by `news`, like all others: it reads what these commands have just written.
"""

from typing import Final

from pillarbox.mail.number_set import EVERYTHING
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Copy, Expunge, Move
from pillarbox.protocol.imap.selected import Chosen
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.reply import Refused, Reply, no, ok
from pillarbox.store import mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.mailbox import Mailbox
from pillarbox.store.placements import Copied

READ_ONLY: Final = no("The mailbox is open for reading only", response_codes.NOPERM)

_NOTHING: Final = "No such messages"
_GONE: Final = no("Those messages are gone", response_codes.EXPUNGEISSUED)


async def copy(session: Conversation, command: Copy) -> Reply:
    """COPY and UID COPY: all that is still there of what was named."""
    chosen = session.selected.resolve(command.numbers, uid=command.uid)
    target = destination(session, command.mailbox)
    if not chosen:
        return ok(_NOTHING)
    copied = await _committed(session, chosen, target, move=False)
    return _GONE if copied is None else ok("Copied", _copy_uid(copied))


async def move(session: Conversation, command: Move) -> Reply:
    """MOVE and UID MOVE: copies and removes in one commit."""
    chosen = session.selected.resolve(command.numbers, uid=command.uid)
    if session.selected.read_only:
        return READ_ONLY
    target = destination(session, command.mailbox)
    if not chosen:
        return ok(_NOTHING)
    copied = await _committed(session, chosen, target, move=True)
    if copied is None:
        return _GONE
    # RFC 6851 §4.3: where they went is told before that they are gone
    session.write(responses.ok(responses.UNTAGGED, "Moved", _copy_uid(copied)))
    return ok("Moved", _highest_modseq(session, copied.modseq))


async def expunge(session: Conversation, command: Expunge) -> Reply:
    """EXPUNGE and UID EXPUNGE."""
    selected = session.selected
    if selected.read_only:
        return READ_ONLY
    uids = EVERYTHING if command.uids is None else selected.resolve(command.uids, uid=True).uids
    gone = await session.commit(placements.expunge, session.owner, selected.mailbox, uids)
    return ok("Expunged", None if gone.modseq is None else _highest_modseq(session, gone.modseq))


def destination(session: Conversation, name: str) -> Mailbox:
    """The mailbox that messages are to go to; refused with TRYCREATE where it is not there."""
    try:
        return session.read(mailboxes.by_name, session.owner, name)
    except NoSuchMailbox:
        # RFC 9051 §6.3.12: never made in passing, and only TRYCREATE where CREATE would help
        raise Refused(no("No such mailbox", response_codes.TRYCREATE)) from None


async def _committed(session: Conversation, chosen: Chosen, target: Mailbox, *, move: bool) -> Copied | None:
    verb = placements.move if move else placements.copy
    return await session.commit(
        verb, session.owner, session.selected.mailbox, chosen.uids, to=target.id, now_ms=session.now_ms
    )


def _copy_uid(copied: Copied) -> bytes:
    return response_codes.copy_uid(copied.uid_validity, copied.source, copied.target)


def _highest_modseq(session: Conversation, modseq: int) -> bytes | None:
    # RFC 7162 §3.2.7, RFC 6851 §4.4: told to clients that enabled QRESYNC
    return response_codes.highest_modseq(modseq) if session.machine.qresync else None
