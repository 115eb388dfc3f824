"""The change log gives the mailboxes as they are, and MODSEQs are in order."""

from collections.abc import Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_UNLOGGED = """
FROM flags f WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.account = f.account AND c.modseq = f.modseq
  AND c.mailbox = f.mailbox AND c.kind IN (1, 2) AND f.uid BETWEEN c.first AND c.last)"""


def _replayed(tx: Transaction) -> Iterator[Violation]:
    for account, mailbox, surplus, missing in _differing(tx):
        yield account, mailbox, surplus.text() or "none", missing.text() or "none"


def _differing(tx: Transaction) -> Iterator[tuple[AccountId, MailboxId, NumberSet, NumberSet]]:
    """Mailboxes whose log gives something else than their rows, with surplus and missing UIDs."""
    for account, mailbox in tx.rows("SELECT account, id FROM mailboxes ORDER BY account, id"):
        logged = changes.runs(tx, account, mailbox, ModSeq(0))
        told = logged.get(ChangeKind.APPENDED, NumberSet()) - logged.get(ChangeKind.EXPUNGED, NumberSet())
        rows = tx.rows("SELECT uid FROM placements WHERE account = ? AND mailbox = ?", (account, mailbox))
        there = NumberSet.of(uid for (uid,) in rows)
        if told != there:
            yield account, mailbox, told - there, there - told


def _log(tx: Transaction) -> None:
    for account, mailbox, surplus, missing in list(_differing(tx)):
        modseq = account_counters.next_modseq(tx, account)
        if surplus:
            changes.record(tx, account, modseq, mailbox, ChangeKind.EXPUNGED, surplus)
        if missing:
            changes.record(tx, account, modseq, mailbox, ChangeKind.APPENDED, missing)
        for first, last in missing.runs:
            tx.execute(
                "UPDATE flags SET modseq = ? WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?",
                (modseq, account, mailbox, first, last),
            )
        raise_highest_modseq(tx, account, mailbox, modseq)


INVARIANTS = (
    Invariant(
        "change-log-gives-mailbox",
        "Replaying the log of changes gives the mailbox.",
        _replayed,
        "the log of mailbox {1} of account {0} differs from it: surplus {2}, missing {3}",
        "Log what it lacks, so that clients are told.",
        _log,
    ),
    Invariant(
        "change-log-has-modseq",
        "Every message's MODSEQ is that of a change in the log.",
        "SELECT f.account, f.mailbox, f.uid " + _UNLOGGED,
        "the log does not know when message {2} of mailbox {1} of account {0} changed",
        "Log it.",
        (
            "INSERT INTO changes SELECT f.account, f.modseq, f.mailbox, 2, min(f.uid), max(f.uid) "
            + _UNLOGGED
            + " GROUP BY f.account, f.modseq, f.mailbox ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
        ),
    ),
    Invariant(
        "modseq-in-order",
        "No MODSEQ is above its mailbox's, and none above its account's.",
        "SELECT m.account, m.id FROM mailboxes m JOIN ledgers l ON l.account = m.account"
        " WHERE m.highest_modseq > l.modseq OR m.highest_modseq < coalesce("
        "(SELECT max(modseq) FROM flags f WHERE f.account = m.account AND f.mailbox = m.id), 0)",
        "a message of mailbox {1} of account {0} changed after its mailbox did",
        "Raise the mailbox's and the account's MODSEQ.",
        (
            (
                "UPDATE mailboxes AS m SET highest_modseq = max(m.highest_modseq, coalesce("
                "(SELECT max(modseq) FROM flags f WHERE f.account = m.account AND f.mailbox = m.id), 0))"
            ),
            (
                "UPDATE ledgers AS l SET modseq = max(l.modseq, coalesce("
                "(SELECT max(highest_modseq) FROM mailboxes m WHERE m.account = l.account), 0))"
            ),
        ),
    ),
)


def raise_highest_modseq(tx: Transaction, account: AccountId, mailbox: MailboxId, modseq: ModSeq) -> None:
    """Let HIGHESTMODSEQ of a mailbox be at least this."""
    tx.execute(
        "UPDATE mailboxes SET highest_modseq = max(highest_modseq, ?) WHERE account = ? AND id = ?",
        (modseq, account, mailbox),
    )
