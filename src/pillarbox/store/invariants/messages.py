"""Every message has its email, its flags and its thread, and these agree with each other."""

from collections.abc import Iterable, Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, threads
from pillarbox.store.changes import ChangeKind
from pillarbox.store.invariants.change_log import raise_highest_modseq
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_RESTORE = "Restore a backup to have it back; `pillarbox rebuild` takes it out of the mailbox."

_FLAGLESS = """
SELECT p.account, p.mailbox, p.uid FROM placements p LEFT JOIN flags f
  ON f.account = p.account AND f.mailbox = p.mailbox AND f.uid = p.uid WHERE f.uid IS NULL
ORDER BY p.account, p.mailbox, p.uid"""


def _give_flags(tx: Transaction) -> None:
    for (account, mailbox), uids in _by_mailbox(tx.rows(_FLAGLESS)):
        modseq = account_counters.next_modseq(tx, account)
        tx.execute_many(
            "INSERT INTO flags VALUES (?, ?, ?, '', ?)", [(account, mailbox, uid, modseq) for uid in uids]
        )
        changes.record(tx, account, modseq, mailbox, ChangeKind.FLAGGED, uids)
        raise_highest_modseq(tx, account, mailbox, modseq)


def _by_mailbox(
    rows: Iterable[Violation],
) -> Iterator[tuple[tuple[AccountId, MailboxId], NumberSet]]:
    """Rows (account, mailbox, uid) as one set of UIDs for each mailbox."""
    found: dict[tuple[AccountId, MailboxId], list[int]] = {}
    for account, mailbox, uid in rows:
        found.setdefault((account, mailbox), []).append(uid)
    for key, uids in found.items():
        yield key, NumberSet.of(uids)


INVARIANTS = (
    Invariant(
        "message-has-email",
        "Every message in a mailbox has what was rendered of it.",
        "SELECT account, mailbox, uid FROM placements p WHERE NOT EXISTS"
        " (SELECT 1 FROM emails e WHERE e.id = p.email)",
        "message {2} of mailbox {1} of account {0} has lost its email",
        _RESTORE,
    ),
    Invariant(
        "orphan-not-in-mailbox",
        "What waits to be dropped is in no mailbox.",
        "SELECT email FROM orphans o WHERE EXISTS (SELECT 1 FROM placements p WHERE p.email = o.email)",
        "email {0} is in a mailbox and is about to be dropped",
        "Keep it.",
        ("DELETE FROM orphans WHERE email IN (SELECT email FROM placements)",),
    ),
    Invariant(
        "email-same-everywhere",
        "An email is of one account, one size and one thread, wherever it is.",
        "SELECT email FROM placements GROUP BY email"
        " HAVING min(thread) <> max(thread) OR min(size) <> max(size) OR min(account) <> max(account)",
        "email {0} has different facts in different mailboxes",
        "Take the oldest thread.",
        (
            (
                "UPDATE placements AS p SET thread = (SELECT min(thread) FROM placements q WHERE q.email = p.email)"
                " WHERE email IN (SELECT email FROM placements GROUP BY email HAVING min(thread) <> max(thread))"
            ),
        ),
    ),
    Invariant(
        "thread-id-of-account",
        "A thread bears the id of the email that began it, in the same account.",
        "SELECT account, email, thread FROM placements WHERE thread > email OR thread >> 36 <> account",
        "email {1} of account {0} is in thread {2}, which can't be its own",
        "Begin a thread with it.",
        ("UPDATE placements SET thread = email WHERE thread > email OR thread >> 36 <> account",),
    ),
    Invariant(
        "message-has-flags",
        "Every message in a mailbox has one row of flags.",
        _FLAGLESS,
        "message {2} of mailbox {1} of account {0} has no flags",
        "Give it none, as an unseen message.",
        _give_flags,
    ),
    Invariant(
        "flags-have-message",
        "Every row of flags is of a message in a mailbox.",
        "SELECT f.account, f.mailbox, f.uid FROM flags f LEFT JOIN placements p"
        " ON p.account = f.account AND p.mailbox = f.mailbox AND p.uid = f.uid WHERE p.uid IS NULL",
        "flags of message {2} of mailbox {1} of account {0}, which is not there",
        "Drop the row.",
        (
            (
                "DELETE FROM flags WHERE NOT EXISTS (SELECT 1 FROM placements p WHERE p.account = flags.account"
                " AND p.mailbox = flags.mailbox AND p.uid = flags.uid)"
            ),
        ),
    ),
    Invariant(
        "message-id-finds-thread",
        "A reply finds the thread of every message by its Message-ID.",
        threads.unknown,
        "email {0} is unknown to later replies",
        "Make it known.",
        threads.make_known,
    ),
)
