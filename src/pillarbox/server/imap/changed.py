"""What has become of a mailbox since a MODSEQ that a client kept (RFC 7162: CHANGEDSINCE, VANISHED, QRESYNC).

The change log names the messages that came, changed or went, so that a client which was away for an hour costs the
changes of an hour, however large the mailbox is. The log of a client that was away long is read in a thread.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import account_counters, changes
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database import Transaction

T = TypeVar("T")


class Changed(NamedTuple):
    """The UIDs that the log names after a MODSEQ."""

    perhaps: NumberSet
    """All messages that are new or changed are among these; there are others too, and UIDs that are gone."""
    vanished: NumberSet
    """Removed from the mailbox: exactly those."""


async def current_with(
    session: SessionState, mailbox: MailboxId, since: ModSeq, verb: Callable[[Transaction], T]
) -> tuple[CachedMailbox, Changed, T]:
    """The mailbox as it is now, what has become of it since, and what the verb reads in the same transaction.

    Raises `NoSuchMailbox`.
    """
    account = session.account_id
    early: Mapping[ChangeKind, NumberSet] = {}
    newest = await session.read(account_counters.modseq, account)
    if newest - since > session.limits.max_rows_in_loop:
        since, early = await session.world.database.read_in_thread(_long_ago, account, mailbox, since)

    def read(tx: Transaction) -> tuple[Mapping[ChangeKind, NumberSet], T]:
        return changes.runs(tx, account, mailbox, since), verb(tx)

    cached, (late, found) = await snapshot.current_with(session, mailbox, read)
    uids = {kind: early.get(kind, EMPTY) | late.get(kind, EMPTY) for kind in ChangeKind}
    perhaps = uids[ChangeKind.APPENDED] | uids[ChangeKind.FLAGGED]
    return cached, Changed(perhaps, uids[ChangeKind.EXPUNGED]), found


def _long_ago(
    tx: Transaction, account: AccountId, mailbox: MailboxId, since: ModSeq
) -> tuple[ModSeq, Mapping[ChangeKind, NumberSet]]:
    """What the log has now, and up to which MODSEQ that is."""
    return account_counters.modseq(tx, account), changes.runs(tx, account, mailbox, since)
