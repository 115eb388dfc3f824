"""QRESYNC: bringing a client that comes back up to date in one answer (RFC 7162 §3.2.5, §3.2.6).

The log of changes reaches back to the mailbox's beginning, so what vanished is always exactly known.
"""

from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import LARGEST, NumberSet
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Resynchronise
from pillarbox.protocol.imap.fetch_responses import FlagsOf, flag_lines
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.imap.conversation import Conversation
from pillarbox.store import changes
from pillarbox.store.mailbox_cache import CachedMailbox


def tell(session: Conversation, selected: SelectedMailbox, warm: CachedMailbox, asked: Resynchronise) -> None:
    """What SELECT (QRESYNC ...) adds: VANISHED (EARLIER), then FETCH for what came or changed."""
    # RFC 7162 §3.2.5: UIDs of another epoch say nothing about this one
    if asked.uid_validity != selected.uid_validity:
        return
    # RFC 7162 §3.2.5.1: without a list of known UIDs, all below UIDNEXT
    known = NumberSet(((1, LARGEST),)) if asked.known_uids is None else asked.known_uids.numbers
    gone = vanished(session, selected, known, asked.modseq)
    if asked.match and (known_to := matched(selected, asked.match[0].numbers, asked.match[1].numbers)):
        gone -= NumberSet(((1, known_to),))
    session.write(responses.vanished(gone, earlier=True))
    session.write(_changed(selected, warm, known, asked.modseq))


def vanished(session: Conversation, selected: SelectedMailbox, uids: NumberSet, since: int) -> NumberSet:
    """Which of these UIDs went after that MODSEQ, but for those that this client still counts as there."""
    gone = session.read(changes.vanished, session.owner, selected.mailbox, ModSeq(since)) & uids
    if selected.unsaid:
        # RFC 7162 §3.2.10.1: (EARLIER) doesn't lower the client's count; these get a VANISHED that does
        gone -= selected.unsaid
    return gone


def matched(selected: SelectedMailbox, numbers: NumberSet, uids: NumberSet) -> int:
    """The highest UID up to which the client's sample shows that it knows of every expunge; 0 for none.

    RFC 7162 §3.2.5.2: a sequence number that has the UID it had for the client.
    """
    highest = 0
    for number, uid in zip(numbers, uids, strict=False):
        if number > selected.count:
            break
        if selected.uids[number - 1] == uid:
            highest = uid
    return highest


def _changed(selected: SelectedMailbox, warm: CachedMailbox, known: NumberSet, since: int) -> bytes:
    rows = []
    for part in known.slices(warm.uids):
        for place in range(part.start, part.stop):
            if warm.modseqs[place] > since:
                uid, flags = warm.uids[place], warm.flags[place]
                if selected.is_recent(uid):
                    flags = f"{flags} \\Recent".lstrip()
                rows.append(FlagsOf(place + 1, uid, flags, warm.modseqs[place]))
    return flag_lines(rows, condstore=True)
