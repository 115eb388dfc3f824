"""Changing the flags of many messages at once: IMAP's STORE, JMAP's keywords.

A mailbox has few distinct flag texts, however many messages. So a change is computed once for each text, and one
UPDATE per text and run of UIDs applies it; no row passes through Python. With many texts or runs this would cost
their product, so each row is then updated by itself.
"""

from collections import Counter
from enum import Enum
from typing import Final, NamedTuple, assert_never

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, mailbox_counts
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox_counts import MailboxCounts
from pillarbox.world.database import Transaction


class BulkLimits(NamedTuple):
    """Beyond one of these, each row is updated by itself."""

    max_runs: int = 32
    """Runs of UIDs."""
    max_texts: int = 32
    """Distinct flag texts."""


DEFAULT_LIMITS: Final = BulkLimits()


class Mode(Enum):
    """How the given flags are applied (RFC 9051 §6.4.6)."""

    ADD = "+FLAGS"
    REMOVE = "-FLAGS"
    REPLACE = "FLAGS"


class FlagChange(Struct, frozen=True, gc=False):
    """The result of a change of flags, by flag texts instead of rows: `CachedMailbox` applies it to its rows."""

    uids: NumberSet
    """The requested UIDs without `refused`; they need not all exist."""
    refused: NumberSet
    """Messages not changed because of `unchanged_since` (RFC 7162 §3.1.3, MODIFIED)."""
    rewritten: dict[str, str]
    """Flag text before -> after, for the texts that were found and changed."""
    changed: int
    """Number of messages whose flags changed."""
    previous: ModSeq
    """HIGHESTMODSEQ of the mailbox before: a cache of that state becomes current by applying this."""
    modseq: ModSeq
    """MODSEQ of the changed messages and of the mailbox; `previous` where nothing changed."""


def alter(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    mode: Mode,
    flags: str,
    unchanged_since: ModSeq | None = None,
    limits: BulkLimits = DEFAULT_LIMITS,
) -> FlagChange:
    """Change the flags of these messages; UIDs that do not exist are ignored.

    `flags`: canonical text. Messages that already have the requested flags keep their MODSEQ. Raises
    `NoSuchMailbox`, or `flag_text.TooManyFlags` where a message would get too many keywords.
    """
    previous = ModSeq(_highest(tx, account, mailbox))
    refused = NumberSet()
    if unchanged_since is not None:
        refused = _changed_after(tx, account, mailbox, uids, unchanged_since)
        uids = uids - refused
    rows = _rows(tx, account, mailbox, uids) if len(uids.runs) > limits.max_runs else None
    texts = _texts(tx, account, mailbox, uids) if rows is None else {text for _, text in rows}
    rewritten = {old: new for old in texts if (new := _apply(mode, old, flags)).split() != old.split()}
    if not rewritten:
        return FlagChange(uids, refused, {}, 0, previous, previous)
    modseq = account_counters.next_modseq(tx, account)
    if rows is None and len(rewritten) > limits.max_texts:
        rows = _rows(tx, account, mailbox, uids)
    if rows is None:
        counts = {
            old: _rewrite(tx, account, mailbox, uids, (old, new), modseq) for old, new in rewritten.items()
        }
    else:
        counts = _rewrite_rows(tx, account, mailbox, rows, rewritten, modseq)
    mailbox_counts.apply(tx, account, mailbox, modseq, _count_change(rewritten, counts))
    changes.record(tx, account, modseq, mailbox, ChangeKind.FLAGGED, uids)
    return FlagChange(uids, refused, rewritten, sum(counts.values()), previous, modseq)


def _apply(mode: Mode, old: str, flags: str) -> str:
    match mode:
        case Mode.ADD:
            return flag_text.add(old, flags)
        case Mode.REMOVE:
            return flag_text.remove(old, flags)
        case Mode.REPLACE:
            return flags
        case _:
            assert_never(mode)


def _highest(tx: Transaction, account: AccountId, mailbox: MailboxId) -> int:
    highest: int | None = tx.value(
        "SELECT highest_modseq FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)
    )
    if highest is None:
        raise account_counters.NoSuchMailbox(mailbox)
    return highest


_TEXTS = "SELECT DISTINCT flags FROM flags WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?"

_CHANGED_AFTER = """
SELECT uid FROM flags WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? AND modseq > ?"""

_REWRITE = """
UPDATE flags SET flags = ?, modseq = ?
WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? AND flags = ?"""


def _texts(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> set[str]:
    found: set[str] = set()
    for first, last in uids.runs:
        rows = tx.rows(_TEXTS, (account, mailbox, first, last))
        found.update(text for (text,) in rows)
    return found


_ROWS = """
SELECT uid, flags FROM flags WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"""

_REWRITE_ROW = "UPDATE flags SET flags = ?, modseq = ? WHERE account = ? AND mailbox = ? AND uid = ?"


def _rows(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> list[tuple[int, str]]:
    """UID and flags; read as one span, which costs less than many runs."""
    found = tx.rows(_ROWS, (account, mailbox, uids.first, uids.last))
    return [(uid, text) for part in uids.slices([uid for uid, _ in found]) for uid, text in found[part]]


def _rewrite_rows(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    rows: list[tuple[int, str]],
    rewritten: dict[str, str],
    modseq: ModSeq,
) -> dict[str, int]:
    """Update row by row; returns the number of rows of each old text."""
    changed = [(uid, text) for uid, text in rows if text in rewritten]
    tx.execute_many(_REWRITE_ROW, [(rewritten[text], modseq, account, mailbox, uid) for uid, text in changed])
    counts = Counter(text for _, text in changed)
    return {old: counts[old] for old in rewritten}


def _changed_after(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, modseq: ModSeq
) -> NumberSet:
    return NumberSet.of(
        uid
        for first, last in uids.runs
        for (uid,) in tx.rows(_CHANGED_AFTER, (account, mailbox, first, last, modseq))
    )


def _rewrite(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    change: tuple[str, str],
    modseq: ModSeq,
) -> int:
    old, new = change
    return sum(
        tx.execute(_REWRITE, (new, modseq, account, mailbox, first, last, old)) for first, last in uids.runs
    )


def _count_change(rewritten: dict[str, str], counts: dict[str, int]) -> MailboxCounts:
    """How the mailbox's counts change."""
    return MailboxCounts.total(
        change
        for old, new in rewritten.items()
        for change in (
            MailboxCounts.of(new, octets=0, messages=counts[old]),
            -MailboxCounts.of(old, octets=0, messages=counts[old]),
        )
    )
