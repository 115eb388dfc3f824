"""Every message has its email, its flags and its thread, and these agree with each other."""

from collections.abc import Iterable, Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, flag_runs, threads
from pillarbox.store.changes import ChangeKind
from pillarbox.store.invariants import flag_values
from pillarbox.store.invariants.change_log import raise_highest_modseq
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_WRONG_THREAD = f"thread > email OR thread >> {account_counters.EMAIL_BITS} <> account"

_FOREIGN = f"email >> {account_counters.EMAIL_BITS} <> account"

_WRONG_SNOOZE = f"{_FOREIGN} OR NOT EXISTS (SELECT 1 FROM emails e WHERE e.id = email)"  # noqa: S608 - a constant

_WITHOUT_FLAGS = """
SELECT p.account, p.mailbox, p.uid FROM placements p WHERE NOT EXISTS (
  SELECT 1 FROM flags f WHERE f.account = p.account AND f.mailbox = p.mailbox AND f.uid + f.more >= p.uid AND f.uid =
    (SELECT max(g.uid) FROM flags g WHERE g.account = p.account AND g.mailbox = p.mailbox AND g.uid <= p.uid))
ORDER BY p.account, p.mailbox, p.uid"""

_NEXT_RUN = """
(SELECT min(g.uid) FROM flags g WHERE g.account = f.account AND g.mailbox = f.mailbox AND g.uid > f.uid)"""

_OVERLAPPING_RUN = f"f.more < 0 OR f.uid + f.more >= {_NEXT_RUN}"

_RUNS_WITHOUT_MESSAGE = """
SELECT f.account, f.mailbox, f.uid, f.uid + f.more, f.flags, f.modseq FROM flags f WHERE f.more + 1 <> (
  SELECT count(*) FROM placements p
  WHERE p.account = f.account AND p.mailbox = f.mailbox AND p.uid BETWEEN f.uid AND f.uid + f.more)"""


def _add_flags(tx: Transaction) -> None:
    for (account, mailbox), uids in _by_mailbox(tx.rows(_WITHOUT_FLAGS)):
        modseq = account_counters.next_modseq(tx, account)
        flag_runs.insert(tx, account, mailbox, [(first, last, "", modseq) for first, last in uids.runs])
        changes.record(tx, account, modseq, mailbox, ChangeKind.FLAGGED, uids)
        raise_highest_modseq(tx, account, mailbox, modseq)


def _cut_to_messages(tx: Transaction) -> None:
    for account, mailbox, first, last, flags, modseq in tx.rows(_RUNS_WITHOUT_MESSAGE):
        there = tx.rows(
            "SELECT uid FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?",
            (account, mailbox, first, last),
        )
        kept = NumberSet.of(uid for (uid,) in there)
        after = [(*run, flags, modseq) for run in kept.runs]
        flag_runs.replace(tx, account, mailbox, [(first, last, flags, modseq)], after)


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
        "signature-verdict-has-email",
        "What was found of a signature is about an email that is there.",
        "SELECT email FROM signature_verdicts WHERE email NOT IN (SELECT id FROM emails)",
        "something was found of the signature of email {0}, which does not exist",
        "Delete it.",
        ("DELETE FROM signature_verdicts WHERE email NOT IN (SELECT id FROM emails)",),
    ),
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
        "snooze-has-email",
        "What is away until a time, or was, is an email of the same account.",
        f"SELECT email FROM snoozes WHERE {_WRONG_SNOOZE}",  # noqa: S608 - a constant
        "email {0} is away until a time, and does not exist or is of another account",
        "Forget it.",
        (f"DELETE FROM snoozes WHERE {_WRONG_SNOOZE}",),  # noqa: S608 - likewise
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
        "flag-runs-apart",
        "No message is in two runs of flags.",
        f"SELECT f.account, f.mailbox, f.uid FROM flags f WHERE {_OVERLAPPING_RUN}",  # noqa: S608 - a constant
        "the run of flags from message {2} on, in mailbox {1} of account {0}, does not end before the next",
        "End it there.",
        (
            f"UPDATE flags AS f SET more = max(0, coalesce({_NEXT_RUN} - f.uid - 1, 0)) WHERE {_OVERLAPPING_RUN}",  # noqa: S608 - a constant
        ),
    ),
    *flag_values.INVARIANTS,
    Invariant(
        "message-has-flags",
        "Every message in a mailbox is in a run of flags.",
        _WITHOUT_FLAGS,
        "message {2} of mailbox {1} of account {0} has no flags",
        "Add a run without flags, as of an unseen message.",
        _add_flags,
    ),
    Invariant(
        "flags-have-message",
        "Every UID of a run of flags is that of a message in the mailbox.",
        _RUNS_WITHOUT_MESSAGE,
        "flags of messages {2} to {3} of mailbox {1} of account {0}, of which some do not exist",
        "Drop theirs.",
        _cut_to_messages,
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
