"""What has become of a mailbox since a MODSEQ that a client kept (RFC 7162: CHANGEDSINCE, VANISHED, QRESYNC).

The change log names the messages that came, changed or went, so that a client which was away for an hour costs the
changes of an hour, however large the mailbox is. The log of a client that was away long is read in a thread.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import account_counters, changes
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.changes import ChangeKind, TooMuchLogged
from pillarbox.world.database import Transaction

T = TypeVar("T")
Runs: TypeAlias = Mapping[ChangeKind, NumberSet]
"""What `changes.runs` has found."""


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
    account, max_rows = session.account_id, session.limits.max_rows_in_loop

    def read(tx: Transaction, since: ModSeq) -> tuple[Runs, T]:
        return changes.runs(tx, account, mailbox, since, max_rows=max_rows), verb(tx)

    early, (cached, (late, found)) = await with_log(
        session,
        mailbox,
        since,
        lambda since: snapshot.current_with(session, mailbox, lambda tx: read(tx, since)),
    )
    logged = joined(early, late)
    perhaps = logged.get(ChangeKind.APPENDED, EMPTY) | logged.get(ChangeKind.FLAGGED, EMPTY)
    return cached, Changed(perhaps, logged.get(ChangeKind.EXPUNGED, EMPTY)), found


async def with_log(
    session: SessionState,
    mailbox: MailboxId,
    since: ModSeq,
    read: Callable[[ModSeq], Coroutine[Any, Any, T]],
) -> tuple[Runs, T]:
    """What `read` returns for a MODSEQ, and what was logged since `since` up to that one.

    Where `read` raises `TooMuchLogged`, the log up to now is read in a thread, and then `read` has only what is newer.
    """
    early: Runs = {}
    while True:
        try:
            return early, await read(since)
        except TooMuchLogged:
            account, database = session.account_id, session.world.database
            since, more = await database.read_in_thread(_long_ago, account, mailbox, since)
            early = joined(early, more)


def joined(early: Runs, late: Runs) -> Runs:
    """The UIDs of both."""
    if not early:
        return late
    return {kind: early.get(kind, EMPTY) | late.get(kind, EMPTY) for kind in early.keys() | late.keys()}


def _long_ago(tx: Transaction, account: AccountId, mailbox: MailboxId, since: ModSeq) -> tuple[ModSeq, Runs]:
    """What the log has now, and up to which MODSEQ that is."""
    return account_counters.modseq(tx, account), changes.runs(tx, account, mailbox, since)
