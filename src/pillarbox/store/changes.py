"""The change log: what happened in an account since a MODSEQ.

A verb inserts one row for each run of numbers that it changed, in the same transaction, under
the MODSEQ that `account_counters.next_modseq` gave it. IMAP (CONDSTORE, QRESYNC,
IDLE) and JMAP read the same rows.

What is always true:

1. Of the messages or emails that existed, runs of `EXPUNGED` and `DESTROYED` contain exactly those that were removed.
2. Runs of `FLAGGED` may be wider than the change: the MODSEQ in `flags` shows which rows changed. So a STORE on a
   thousand scattered messages inserts `MAX_FLAGGED_RUNS` rows, not a thousand.
3. Replaying the log from an empty mailbox gives the mailbox.
4. After `logged_from` of the ledger, each email that arrived, changed or was destroyed is found from the log: by a run
   of `APPENDED` with its id; by a message of it, in a run of `APPENDED` or `FLAGGED`, whose MODSEQ is that of the run;
   by a run of `COPIED`; or by its id in a run of `UPDATED`, `RESTORED` or `DESTROYED`. What a message was found by may
   go with it: then a later row has the email.
5. So it is with threads: by an email that arrived, by a run of `RESTORED` or `HIDDEN`, and where emails were destroyed
   by those of `THREADS` with this MODSEQ or, if there are none, those of `DESTROYED`.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, flag_runs
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.world.database import Transaction

MAX_FLAGGED_RUNS: Final = 128
"""Rows of one change of flags. Whoever reads them looks at all messages in the runs: so the widest gaps stay gaps."""

NO_MAILBOX: Final = MailboxId(0)
"""For changes that belong to no mailbox."""


class TooMuchChanged(TooMuchToRead):
    """More has changed than may be read at once; the mailbox is read again instead."""


class TooMuchLogged(Exception):
    """The log has more rows than may be read at once; it is read in a thread instead."""


class ChangeKind(IntEnum):
    """What happened. The numbers are stored."""

    APPENDED = 1
    """UIDs added to the mailbox by delivery, APPEND, COPY or MOVE."""
    FLAGGED = 2
    """UIDs among which flags changed."""
    EXPUNGED = 3
    """UIDs removed from the mailbox."""
    DESTROYED = 4
    """Ids of emails removed from their last mailbox; belongs to no mailbox."""
    MAILBOX_CREATED = 5
    MAILBOX_RENAMED = 6
    """It has another name, another mailbox above it, or another place in the order."""
    MAILBOX_DELETED = 7
    SUBSCRIBED = 8
    """A mailbox, or with `NO_MAILBOX` a name without a mailbox, was subscribed or unsubscribed."""
    MAILBOX_ROLE = 9
    """A mailbox got a role, or lost it."""
    UPDATED = 10
    """Ids of emails that were removed from a mailbox and are in others, or of which something else has changed than
    their messages; belongs to no mailbox."""
    THREADS = 11
    """Ids of the threads of emails that were destroyed, or are left with messages that have \\Deleted alone; no row
    where these are the ids of the emails. Belongs to no mailbox."""
    COPIED = 12
    """UIDs that a large copy had appended, when all of it was there."""
    RESTORED = 13
    """Ids of emails of which a message lost \\Deleted; belongs to no mailbox."""
    HIDDEN = 14
    """UIDs among which messages got \\Deleted, or were appended with it by COPY or MOVE: JMAP has none of those
    (RFC 8621 §4.1.1)."""

    @property
    def is_widened(self) -> bool:
        """Whether runs may have UIDs that are not concerned."""
        return self in _WIDENED


_WIDENED: Final = frozenset((ChangeKind.FLAGGED, ChangeKind.HIDDEN))


class Change(Struct, frozen=True, gc=False):
    """A row of the log; `first` and `last` are UIDs, or email ids where destroyed, or 0."""

    modseq: ModSeq
    mailbox: MailboxId
    kind: ChangeKind
    first: int
    last: int
    email: EmailId | None = None
    """The id of the first, where they are UIDs of emails that arrived."""


Flagged = tuple[int, str, int]
"""UID, flags as stored, MODSEQ."""


class Delta(Struct, frozen=True, gc=False):
    """The changes of a mailbox since a MODSEQ: apply `vanished` first, then the others."""

    highest: ModSeq
    """HIGHESTMODSEQ of the mailbox now."""
    vanished: NumberSet
    appended: list[Flagged]
    """Messages that were added and still exist, UIDs ascending."""
    flagged: list[Flagged]
    """Earlier messages whose flags changed, UIDs ascending."""
    logged: Mapping[ChangeKind, NumberSet]
    """What `runs` has found."""


def record(
    tx: Transaction,
    account: AccountId,
    modseq: ModSeq,
    mailbox: MailboxId,
    kind: ChangeKind,
    numbers: NumberSet,
) -> None:
    """Log that these numbers changed."""
    runs = (numbers.widened(MAX_FLAGGED_RUNS) if kind.is_widened else numbers).runs
    if len(runs) == 1:
        record_run(tx, account, modseq, mailbox, kind, runs[0])
    else:
        rows = ((account, modseq, mailbox, kind.value, first, last) for first, last in runs)
        tx.execute_many(_RECORD, rows)


def record_run(
    tx: Transaction,
    account: AccountId,
    modseq: ModSeq,
    mailbox: MailboxId,
    kind: ChangeKind,
    run: tuple[int, int],
    email: EmailId | None = None,
) -> None:
    """Log that the numbers from the first of the run to its last have changed; `email`: as in `Change`."""
    if email is None:
        tx.execute(_RECORD, (account, modseq, mailbox, kind.value, *run))
    else:
        tx.execute(_RECORD_EMAILS, (account, modseq, mailbox, kind.value, *run, email))


def record_mailbox(
    tx: Transaction, account: AccountId, modseq: ModSeq, mailbox: MailboxId, kind: ChangeKind
) -> None:
    """Log a change of a mailbox itself."""
    tx.execute(_RECORD + " ON CONFLICT DO NOTHING", (account, modseq, mailbox, kind.value, 0, 0))


_RECORD = "INSERT INTO changes (account, modseq, mailbox, kind, first, last) VALUES (?, ?, ?, ?, ?, ?)"
_RECORD_EMAILS = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)"


def log(
    tx: Transaction,
    account: AccountId,
    since: ModSeq,
    *,
    upto: ModSeq | None = None,
    limit: int | None = None,
) -> list[Change]:
    """The changes in the account after one MODSEQ, up to another, in order, at most so many. Raises `ValuesDamaged`."""
    rows = tx.rows(
        "SELECT modseq, mailbox, kind, first, last, email FROM changes"
        " WHERE account = ? AND modseq > ? AND modseq <= ? ORDER BY modseq, mailbox, kind, first LIMIT ?",
        (account, since, upto or _NO_LIMIT, limit or _NO_LIMIT),
    )
    try:
        return [Change(modseq, mailbox, ChangeKind(kind), *others) for modseq, mailbox, kind, *others in rows]
    except ValueError as wrong:
        raise account_counters.damaged(account) from wrong


def vanished(tx: Transaction, account: AccountId, mailbox: MailboxId, since: ModSeq) -> NumberSet:
    """UIDs removed from the mailbox after this MODSEQ (RFC 7162 §3.2.10.1, VANISHED (EARLIER))."""
    return runs(tx, account, mailbox, since).get(ChangeKind.EXPUNGED, NumberSet())


def since(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    modseq: ModSeq,
    *,
    highest: ModSeq | None = None,
    max_rows: int | None = None,
) -> Delta:
    """The changes of a mailbox after this MODSEQ; none for a mailbox that does not exist.

    `highest`: the mailbox's, where the transaction has read it. Raises `TooMuchChanged` where that would go through
    more than `max_rows` messages.
    """
    if highest is None:
        highest = tx.value(
            "SELECT highest_modseq FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)
        )
    if highest is None or highest <= modseq:
        return Delta(ModSeq(highest or modseq), NumberSet(), [], [], {})
    try:
        changed = runs(tx, account, mailbox, modseq, max_rows=max_rows)
    except TooMuchLogged:
        raise TooMuchChanged(mailbox) from None
    added = changed.get(ChangeKind.APPENDED, NumberSet())
    candidates = added | changed.get(ChangeKind.FLAGGED, NumberSet())
    removed = changed.get(ChangeKind.EXPUNGED, NumberSet())
    if max_rows is not None and len(candidates) > max_rows:
        raise TooMuchChanged(mailbox)
    rows = _flagged(tx, account, mailbox, candidates, modseq)
    # UIDs are assigned in ascending order, so messages added after that MODSEQ are above all earlier ones.
    border = added.first if added else 2**32
    split = next((place for place, row in enumerate(rows) if row[0] >= border), len(rows))
    return Delta(highest, removed, rows[split:], rows[:split], changed)


def runs(
    tx: Transaction, account: AccountId, mailbox: MailboxId, since: ModSeq, *, max_rows: int | None = None
) -> dict[ChangeKind, NumberSet]:
    """The UIDs logged for a mailbox after this MODSEQ, by kind of change.

    It reads no rows of messages: a caller that has the mailbox in memory knows the rest. Raises `TooMuchLogged` where
    the log has more than `max_rows` rows about it, or `ValuesDamaged`.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    limit = _NO_LIMIT if max_rows is None else max_rows
    rows: Sequence[tuple[int, int, int]] = tx.rows(_RUNS, (account, since, mailbox, limit + 1))
    if len(rows) > limit:
        raise TooMuchLogged(mailbox)
    for kind, first, last in rows:
        found.setdefault(kind, []).append((first, last))
    # Of one MODSEQ they ascend; the query does not sort, so that it ends where there is too much
    try:
        return {ChangeKind(kind): NumberSet.of_ascending(sorted(ranges)) for kind, ranges in found.items()}
    except (TypeError, ValueError) as wrong:
        raise flag_runs.damaged(account, mailbox) from wrong


_NO_LIMIT: Final = 2**62
_RUNS: Final = (
    "SELECT kind, first, last FROM changes WHERE account = ? AND modseq > ? AND mailbox = ? LIMIT ?"
)


def _flagged(
    tx: Transaction, account: AccountId, mailbox: MailboxId, candidates: NumberSet, since: ModSeq
) -> list[Flagged]:
    if not candidates:
        return []
    return [
        (uid, flags, modseq)
        for first, last, flags, modseq in flag_runs.among(tx, account, mailbox, candidates, since=since)
        for uid in range(first, last + 1)
    ]
