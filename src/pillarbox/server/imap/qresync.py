"""QRESYNC: bringing a client that reconnects up to date in one response (RFC 7162 §3.2.5, §3.2.6).

The change log reaches back to the mailbox's creation, so which messages vanished is always exactly known.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from pillarbox.mail.number_set import LARGEST, NumberSet
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Resynchronize
from pillarbox.protocol.imap.fetch_responses import FlagsOf, flag_lines
from pillarbox.protocol.imap.selected import PIECE_ROWS, SelectedMailbox
from pillarbox.server.imap.changed import Changed
from pillarbox.store.cached_mailbox import CachedMailbox

MAX_SAMPLE: Final = 10_000
"""Sequence numbers of a client's sample that are looked at; the rest of it is left out, and more is sent instead."""


def responses_for(
    selected: SelectedMailbox, cached: CachedMailbox, since: Changed, requested: Resynchronize
) -> Iterator[bytes]:
    """What SELECT (QRESYNC ...) adds: VANISHED (EARLIER), then FETCH for messages that are new or changed.

    They are made piece by piece, as they are taken, from the mailbox as it is now. `since`: of the MODSEQ that was
    requested.
    """
    # RFC 7162 §3.2.5: UIDs under another UIDVALIDITY mean nothing in this mailbox
    if requested.uid_validity != selected.uid_validity:
        return iter(())
    # RFC 7162 §3.2.5.1: without a list of known UIDs, all below UIDNEXT
    known = NumberSet(((1, LARGEST),)) if requested.known_uids is None else requested.known_uids.numbers
    gone = since.vanished & known
    if requested.match and (
        known_to := matched(selected, requested.match[0].numbers, requested.match[1].numbers)
    ):
        gone -= NumberSet(((1, known_to),))
    perhaps = Chosen(tuple((since.perhaps & known).slices(cached.uids)), cached.uids)
    many = len(perhaps) > PIECE_ROWS
    some = cached.snapshot() if many else cached  # others run between the pieces
    changed = (_changed(selected, some, part, requested.modseq) for part in perhaps.parts(PIECE_ROWS))
    return chain((responses.vanished(gone, earlier=True),), changed if many else tuple(changed))


def matched(selected: SelectedMailbox, numbers: NumberSet, uids: NumberSet) -> int:
    """The highest UID up to which the client's sample shows that it knows of every expunge; 0 for none.

    RFC 7162 §3.2.5.2: a sequence number that still has the UID it had for the client.
    """
    highest = 0
    for number, uid in islice(zip(numbers, uids, strict=False), MAX_SAMPLE):
        if number > selected.count:
            break
        if selected.uids[number - 1] == uid:
            highest = uid
    return highest


def _changed(selected: SelectedMailbox, cached: CachedMailbox, perhaps: Chosen, since: int) -> bytes:
    rows = []
    for part in perhaps.slices:
        for index in range(part.start, part.stop):
            if cached.modseqs[index] > since:
                uid, flags = cached.uids[index], cached.flags[index]
                if selected.is_recent(uid):
                    flags = f"{flags} \\Recent".lstrip()
                rows.append(FlagsOf(index + 1, uid, flags, cached.modseqs[index]))
    return flag_lines(rows, condstore=True) if rows else b""
