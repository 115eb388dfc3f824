"""What has changed in the selected mailbox, told to this client.

At each moment where a client may be told, the mailbox is brought up to date from the log of changes,
whoever wrote it: another session, another worker process, a delivery (signals only say that it may be
worth looking). One row is read where nothing changed. How it is told, and what must wait, is for
`SelectedMailbox` to know.
"""

from array import array
from dataclasses import dataclass

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.selected import SelectedMailbox, Telling
from pillarbox.server.imap.conversation import Conversation
from pillarbox.store import changes, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.changes import ChangeKind, Flagged
from pillarbox.store.mailbox_cache import CachedMailbox, MailboxCache
from pillarbox.world.database import DatabaseUnavailable, Transaction


class MailboxGone(Exception):
    """The selected mailbox was deleted by somebody else."""


@dataclass(frozen=True, slots=True)
class News:
    """What a session has not taken in yet (a `protocol.imap.selected.Delta`)."""

    highest: ModSeq
    vanished: NumberSet
    appended: list[Flagged]
    flagged: list[Flagged]


async def tell(session: Conversation, *, expunges: bool) -> None:
    """Tell what has changed since this client was last told; nothing where no mailbox is selected.

    `expunges`: whether EXPUNGE and VANISHED are permitted now (RFC 9051 §7.5.1). Raises `MailboxGone`.
    """
    selected, machine = session.machine.selected, session.machine
    if selected is None:
        return
    warm, found = session.read(_look, session.services.warm, session.owner, selected)
    if found is None and not (selected.unsaid and expunges):
        return
    telling = Telling(
        expunges=expunges,
        rev2=machine.rev2,
        condstore=machine.condstore,
        qresync=machine.qresync,
        own=session.own,
    )
    if found is None:
        session.write(selected.tell_unsaid(telling))
        _share(selected, warm)
        return
    if found.appended and not machine.rev2 and not selected.read_only:
        await claim_recent(session, selected)
    session.write(selected.tell(found, telling))
    if machine.qresync and selected.unsaid:
        # RFC 7162 §3.2: MODSEQs were told while an EXPUNGE with a lower one waits; a client that is cut
        # off now must come back from before it
        session.write(
            responses.ok(
                responses.UNTAGGED, "Not all is told", response_codes.highest_modseq(selected.told_modseq)
            )
        )
    _share(selected, warm)


async def claim_recent(session: Conversation, selected: SelectedMailbox) -> None:
    """Make messages \\Recent to this session that no other session has claimed (RFC 3501 §2.3.2)."""
    first, uid_next = session.read(_unclaimed, session.owner, selected.mailbox)
    if first < uid_next:
        selected.recent |= await claimed(session, selected.mailbox)


async def claimed(session: Conversation, mailbox: MailboxId) -> NumberSet:
    """What was unclaimed and is this session's now; nothing where nothing can be written, so that mail on a full
    disk can be read."""
    try:
        return await session.commit(_claim, session.owner, mailbox)
    except DatabaseUnavailable:
        return EMPTY


def _unclaimed(tx: Transaction, account: AccountId, mailbox: MailboxId) -> tuple[int, int]:
    found = mailboxes.by_id(tx, account, mailbox)
    return found.first_recent, found.uid_next


def _claim(tx: Transaction, account: AccountId, mailbox: MailboxId) -> NumberSet:
    """Take all that is unclaimed; the UIDs that fell to the caller."""
    first = mailboxes.claim_recent(tx, account, mailbox)
    uid_next = _unclaimed(tx, account, mailbox)[1]
    return NumberSet(((first, uid_next - 1),)) if first < uid_next else EMPTY


def _look(
    tx: Transaction, cache: MailboxCache, account: AccountId, selected: SelectedMailbox
) -> tuple[CachedMailbox, News | None]:
    try:
        warm = cache.get(tx, account, selected.mailbox)
    except NoSuchMailbox:
        raise MailboxGone from None
    if warm.uid_validity != selected.uid_validity:
        raise MailboxGone
    if warm.modseq <= selected.modseq:
        return warm, None
    runs = changes.runs(tx, account, selected.mailbox, selected.modseq)
    return warm, News(
        warm.modseq,
        runs.get(ChangeKind.EXPUNGED, EMPTY),
        _rows(warm, runs.get(ChangeKind.APPENDED, EMPTY), 0),
        _rows(warm, runs.get(ChangeKind.FLAGGED, EMPTY), selected.modseq),
    )


def _rows(warm: CachedMailbox, uids: NumberSet, since: int) -> list[Flagged]:
    """The messages among these UIDs whose MODSEQ is higher."""
    rows: list[Flagged] = []
    for part in uids.slices(warm.uids):
        found = zip(warm.uids[part], warm.flags[part], warm.modseqs[part], strict=True)
        rows += [row for row in found if row[2] > since] if since else found
    return rows


def _share(selected: SelectedMailbox, warm: CachedMailbox) -> None:
    """Hold the process's array of UIDs in place of an equal one of our own."""
    uids: array[int] = warm.uids
    if selected.uids is not uids and selected.uids == uids:
        selected.uids = uids
