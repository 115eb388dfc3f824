"""Every message has its email, its flags and its thread, and these agree with each other."""

from collections.abc import Iterable, Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, threads
from pillarbox.store.changes import ChangeKind
from pillarbox.store.invariants.change_log import raise_highest_modseq
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_WRONG_THREAD = f"thread > email OR thread >> {account_counters.EMAIL_BITS} <> account"

_FOREIGN = f"email >> {account_counters.EMAIL_BITS} <> account"

_WITHOUT_FLAGS = """
SELECT p.account, p.mailbox, p.uid FROM placements p LEFT JOIN flags f
  ON f.account = p.account AND f.mailbox = p.mailbox AND f.uid = p.uid WHERE f.uid IS NULL
ORDER BY p.account, p.mailbox, p.uid"""


def _add_flags(tx: Transaction) -> None:
    for (account, mailbox), uids in _by_mailbox(tx.rows(_WITHOUT_FLAGS)):
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
        "message-of-own-account",
        "A message in a mailbox is an email of the same account.",
        f"SELECT account, mailbox, uid, email FROM placements WHERE {_FOREIGN}",  # noqa: S608 - a constant
        "message {2} of mailbox {1} of account {0} is email {3} of another account",
        "Remove it there; its own account keeps it.",
        (f"DELETE FROM placements WHERE {_FOREIGN}",),  # noqa: S608 - likewise
    ),
    Invariant(
        "orphan-not-in-mailbox",
        "An email that is listed for removal is in no mailbox.",
        "SELECT email FROM orphans o WHERE EXISTS (SELECT 1 FROM placements p WHERE p.email = o.email)",
        "email {0} is in a mailbox and is listed for removal",
        "Keep it.",
        ("DELETE FROM orphans WHERE email IN (SELECT email FROM placements)",),
    ),
    Invariant(
        "email-same-everywhere",
        "An email has the same size and thread in all its mailboxes.",
        "SELECT email FROM placements GROUP BY email"
        " HAVING min(thread) <> max(thread) OR min(size) <> max(size)",
        "email {0} has a different size or thread in different mailboxes",
        "Use the oldest thread, and the size of its octets.",
        (
            (
                "UPDATE placements AS p SET thread = (SELECT min(thread) FROM placements q WHERE q.email = p.email)"
                " WHERE email IN (SELECT email FROM placements GROUP BY email HAVING min(thread) <> max(thread))"
            ),
        ),
    ),
    Invariant(
        "thread-id-of-account",
        "A thread's id is that of its first email, which is in the same account.",
        "SELECT account, email, thread FROM placements WHERE " + _WRONG_THREAD,  # noqa: S608 - a constant
        "email {1} of account {0} is in thread {2}, which can't be its thread",
        "Start a thread with it.",
        ("UPDATE placements SET thread = email WHERE " + _WRONG_THREAD,),  # noqa: S608 - a constant
    ),
    Invariant(
        "message-has-flags",
        "Every message in a mailbox has one row of flags.",
        _WITHOUT_FLAGS,
        "message {2} of mailbox {1} of account {0} has no flags",
        "Add a row without flags, as of an unseen message.",
        _add_flags,
    ),
    Invariant(
        "flags-have-message",
        "Every row of flags belongs to a message in a mailbox.",
        "SELECT f.account, f.mailbox, f.uid FROM flags f LEFT JOIN placements p"
        " ON p.account = f.account AND p.mailbox = f.mailbox AND p.uid = f.uid WHERE p.uid IS NULL",
        "flags of message {2} of mailbox {1} of account {0}, which does not exist",
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
        "The thread of every message is found by its Message-ID.",
        threads.emails_without_key,
        "replies to email {0} would not join its thread",
        "Record its Message-ID.",
        threads.add_missing_keys,
    ),
)
