"""The change log gives the mailboxes as they are, and MODSEQs are in order."""

from collections.abc import Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, flag_runs
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_WITHOUT_CHANGE = """
FROM flags f WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.account = f.account AND c.modseq = f.modseq
  AND c.mailbox = f.mailbox AND c.kind IN (1, 2) AND f.uid >= c.first AND f.uid + f.more <= c.last)"""

_MISNAMED = """
FROM changes c JOIN placements p ON p.account = c.account AND p.mailbox = c.mailbox
  AND p.uid BETWEEN c.first AND c.last
WHERE c.kind = 1 AND c.email IS NOT NULL AND p.email <> c.email + p.uid - c.first"""

_STATES = """
SELECT account, coalesce(max(CASE WHEN kind IN (1, 2, 3, 4, 10, 12, 13, 14) THEN modseq END), 0) AS emails,
  coalesce(max(CASE WHEN kind IN (1, 3, 5, 6, 7, 9, 12, 13, 14) THEN modseq END), 0) AS mailboxes,
  coalesce(max(CASE WHEN kind IN (4, 11, 13, 14) OR email IS NOT NULL THEN modseq END), 0) AS threads
FROM changes GROUP BY account"""
_STATES_BEHIND = "l.email_modseq < n.emails OR l.mailbox_modseq < n.mailboxes OR l.thread_modseq < n.threads"


def _described_differences(tx: Transaction) -> Iterator[Violation]:
    for account, mailbox, surplus, missing in _differences(tx):
        yield account, mailbox, surplus.text() or "none", missing.text() or "none"


def _differences(tx: Transaction) -> Iterator[tuple[AccountId, MailboxId, NumberSet, NumberSet]]:
    """Mailboxes whose changes, replayed, differ from their rows; with surplus and missing UIDs."""
    for account, mailbox in tx.rows("SELECT account, id FROM mailboxes ORDER BY account, id"):
        logged = changes.runs(tx, account, mailbox, ModSeq(0))
        replayed = logged.get(ChangeKind.APPENDED, NumberSet()) - logged.get(ChangeKind.EXPUNGED, NumberSet())
        rows = tx.rows("SELECT uid FROM placements WHERE account = ? AND mailbox = ?", (account, mailbox))
        there = NumberSet.of(uid for (uid,) in rows)
        if replayed != there:
            yield account, mailbox, replayed - there, there - replayed


def _log_differences(tx: Transaction) -> None:
    for account, mailbox, surplus, missing in list(_differences(tx)):
        modseq = account_counters.next_modseq(tx, account)
        if surplus:
            changes.record(tx, account, modseq, mailbox, ChangeKind.EXPUNGED, surplus)
        if missing:
            _unlog_expunge(tx, account, mailbox, missing)
            changes.record(tx, account, modseq, mailbox, ChangeKind.APPENDED, missing)
            before = flag_runs.overlapping(tx, account, mailbox, missing)
            after = [
                (*run[:3], modseq) if inside else run for run, inside in flag_runs.divided(before, missing)
            ]
            flag_runs.replace(tx, account, mailbox, before, after)
        raise_highest_modseq(tx, account, mailbox, modseq)


def _unlog_expunge(tx: Transaction, account: AccountId, mailbox: MailboxId, there: NumberSet) -> None:
    """Take messages that are there out of what was logged as expunged: no later change is stronger than that."""
    of = (account, mailbox, ChangeKind.EXPUNGED.value)
    logged: dict[ModSeq, list[tuple[int, int]]] = {}
    for modseq, first, last in tx.rows(
        "SELECT modseq, first, last FROM changes WHERE account = ? AND mailbox = ? AND kind = ? ORDER BY first",
        of,
    ):
        logged.setdefault(modseq, []).append((first, last))
    for modseq, runs in logged.items():
        if NumberSet.of_ranges(runs) & there:
            tx.execute(
                "DELETE FROM changes WHERE account = ? AND mailbox = ? AND kind = ? AND modseq = ?",
                (*of, modseq),
            )
            left = NumberSet.of_ranges(runs) - there
            changes.record(tx, account, modseq, mailbox, ChangeKind.EXPUNGED, left)


INVARIANTS = (
    Invariant(
        "change-log-gives-mailbox",
        "Replaying the change log gives the mailbox.",
        _described_differences,
        "the change log of mailbox {1} of account {0} differs from its messages: surplus {2}, missing {3}",
        "Log the difference, so that clients learn of it.",
        _log_differences,
    ),
    Invariant(
        "change-log-has-modseq",
        "The MODSEQ of every message is that of a logged change.",
        "SELECT f.account, f.mailbox, f.uid " + _WITHOUT_CHANGE,
        "no logged change has the MODSEQ of message {2} of mailbox {1} of account {0}",
        "Log a change of its flags.",
        (
            "INSERT INTO changes SELECT f.account, f.modseq, f.mailbox, 2, min(f.uid), max(f.uid + f.more), NULL "
            + _WITHOUT_CHANGE
            + " GROUP BY f.account, f.modseq, f.mailbox ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
        ),
    ),
    Invariant(
        "change-log-names-emails",
        "What the change log says of an email that arrived is true of the message.",
        "SELECT p.account, p.mailbox, p.uid " + _MISNAMED,
        "the change log of account {0} takes message {2} of mailbox {1} for another email",
        "Have clients that know emails by their ids read them again.",
        (
            "UPDATE changes AS d SET email = NULL WHERE d.email IS NOT NULL AND EXISTS (SELECT 1 "  # noqa: S608 - constants
            + _MISNAMED
            + " AND (c.account, c.modseq, c.mailbox, c.kind, c.first)"
            " = (d.account, d.modseq, d.mailbox, d.kind, d.first))",
        ),
    ),
    Invariant(
        "states-follow-log",
        "The states of an account's emails, mailboxes and threads are those of the last change.",
        f"SELECT l.account FROM ledgers l JOIN ({_STATES}) n ON n.account = l.account WHERE {_STATES_BEHIND}",  # noqa: S608 - constants
        "the states of account {0} are older than its last changes",
        "Take them from the change log.",
        (
            (
                f"UPDATE ledgers AS l SET email_modseq = max(l.email_modseq, n.emails),"  # noqa: S608 - constants
                f" mailbox_modseq = max(l.mailbox_modseq, n.mailboxes),"
                f" thread_modseq = max(l.thread_modseq, n.threads) FROM ({_STATES}) n WHERE n.account = l.account"
            ),
        ),
    ),
    Invariant(
        "modseq-in-order",
        "No MODSEQ is above HIGHESTMODSEQ of its mailbox, and none above its account's.",
        "SELECT m.account, m.id FROM mailboxes m JOIN ledgers l ON l.account = m.account"
        " WHERE m.highest_modseq > l.modseq OR m.highest_modseq < coalesce("
        "(SELECT max(modseq) FROM flags f WHERE f.account = m.account AND f.mailbox = m.id), 0)",
        "HIGHESTMODSEQ of mailbox {1} of account {0} is too low or too high",
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
