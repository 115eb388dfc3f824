"""What is always true of the store's rows; in an order in which one mending prepares the next.

Whatever a client may have seen is mended as a change like any other: with a new MODSEQ and a row in the log, so
that it is told.
"""

from collections.abc import Iterable, Iterator

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, sqlite_fts, threads
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Breach, Invariant

_RESTORE = "Restore a backup to have it back; `pillarbox rebuild` takes it out of the mailbox."

# --- ledgers and mailboxes

_LATEST = """
SELECT l.account,
  max(l.modseq,
    coalesce((SELECT max(highest_modseq) FROM mailboxes m WHERE m.account = l.account), 0),
    coalesce((SELECT max(modseq) FROM changes c WHERE c.account = l.account), 0),
    coalesce((SELECT max(modseq) FROM flags f WHERE f.account = l.account), 0)) AS modseq,
  max(l.last_email,
    coalesce((SELECT max(id) FROM emails WHERE id BETWEEN l.account << 36 AND ((l.account + 1) << 36) - 1), 0),
    coalesce((SELECT max(email) FROM placements p WHERE p.account = l.account), 0)) AS last_email,
  max(l.last_mailbox,
    coalesce((SELECT max(id) FROM mailboxes m WHERE m.account = l.account), 0),
    coalesce((SELECT max(mailbox) FROM placements p WHERE p.account = l.account), 0),
    coalesce((SELECT max(mailbox) FROM changes c WHERE c.account = l.account), 0)) AS last_mailbox,
  max(l.last_uid_validity,
    coalesce((SELECT max(uid_validity) FROM mailboxes m WHERE m.account = l.account), 0)) AS last_uid_validity
FROM ledgers l"""

_LEDGERS = (
    Invariant(
        "ledger-per-account",
        "Every account that has mailboxes, mail or a log has a ledger.",
        "SELECT account FROM (SELECT account FROM mailboxes UNION SELECT account FROM placements"
        " UNION SELECT account FROM changes) WHERE account NOT IN (SELECT account FROM ledgers)",
        "account {0} has no ledger",
        "Make it, and count anew.",
        (
            (
                "INSERT INTO ledgers SELECT account, 1, 0, 0, account << 36, 0, 0, account << 36"
                " FROM (SELECT account FROM mailboxes UNION SELECT account FROM placements"
                " UNION SELECT account FROM changes) WHERE account NOT IN (SELECT account FROM ledgers)"
            ),
        ),
    ),
    Invariant(
        "numbers-ahead",
        "The numbers an account gives out next are above all that it has given out.",
        f"SELECT l.account FROM ledgers l JOIN ({_LATEST}) n ON n.account = l.account WHERE l.modseq < n.modseq"  # noqa: S608 - a constant
        " OR l.last_email < n.last_email OR l.last_mailbox < n.last_mailbox"
        " OR l.last_uid_validity < n.last_uid_validity OR l.indexed_email > n.last_email",
        "account {0} would give out a MODSEQ, id or UIDVALIDITY once more",
        "Go on above the highest that is found.",
        (
            (
                f"UPDATE ledgers AS l SET modseq = n.modseq, last_email = n.last_email,"  # noqa: S608 - a constant
                f" last_mailbox = n.last_mailbox, last_uid_validity = n.last_uid_validity,"
                f" indexed_email = min(l.indexed_email, n.last_email) FROM ({_LATEST}) n WHERE n.account = l.account"
            ),
        ),
    ),
)


def _homeless(tx: Transaction) -> list[Breach]:
    return tx.rows(
        "SELECT account, mailbox, count(*), max(uid) FROM placements p WHERE NOT EXISTS"
        " (SELECT 1 FROM mailboxes m WHERE m.account = p.account AND m.id = p.mailbox) GROUP BY account, mailbox"
    )


def _house(tx: Transaction) -> None:
    for account, mailbox, _count, last_uid in _homeless(tx):
        modseq = account_counters.next_modseq(tx, account)
        validity = tx.value(
            "UPDATE ledgers SET last_uid_validity = last_uid_validity + 1 WHERE account = ?"
            " RETURNING last_uid_validity",
            (account,),
        )
        tx.execute(
            "INSERT INTO mailboxes VALUES (?, ?, ?, NULL, ?, ?, 1, ?, 0, 0, 0, 0)",
            (account, mailbox, f"Recovered {mailbox}", validity, last_uid + 1, modseq),
        )
        changes.record_mailbox(tx, account, modseq, MailboxId(mailbox), ChangeKind.MAILBOX_CREATED)


def _make_inboxes(tx: Transaction) -> None:
    for (account,) in tx.rows(_WITHOUT_INBOX):
        modseq = account_counters.next_modseq(tx, account)
        mailbox, validity = tx.row(
            "UPDATE ledgers SET last_mailbox = last_mailbox + 1, last_uid_validity = last_uid_validity + 1"
            " WHERE account = ? RETURNING last_mailbox, last_uid_validity",
            (account,),
        ) or (1, 1)
        tx.execute(
            "INSERT INTO mailboxes VALUES (?, ?, ?, 'inbox', ?, 1, 1, ?, 0, 0, 0, 0)",
            (account, mailbox, INBOX, validity, modseq),
        )
        changes.record_mailbox(tx, account, modseq, mailbox, ChangeKind.MAILBOX_CREATED)


_WITHOUT_INBOX = f"""
SELECT account FROM ledgers l WHERE NOT EXISTS
  (SELECT 1 FROM mailboxes m WHERE m.account = l.account AND m.name = '{INBOX}')"""  # noqa: S608 - a constant

_MAILBOXES = (
    Invariant(
        "mailbox-of-placement",
        "Every message is in a mailbox that exists.",
        _homeless,
        "{2} messages of account {0} are in mailbox {1}, which is not there",
        "Make the mailbox again, called 'Recovered' and its number.",
        _house,
    ),
    Invariant(
        "inbox-exists",
        "Every account has an INBOX.",
        _WITHOUT_INBOX,
        "account {0} has no INBOX",
        "Make it.",
        _make_inboxes,
    ),
    Invariant(
        "uid-below-next",
        "UIDs rise: every UID is below its mailbox's UIDNEXT.",
        "SELECT m.account, m.id, m.uid_next FROM mailboxes m WHERE m.uid_next <= coalesce((SELECT max(uid) FROM"
        " placements p WHERE p.account = m.account AND p.mailbox = m.id), 0) OR m.first_recent > m.uid_next"
        " OR m.uid_next <= coalesce((SELECT max(last) FROM changes c WHERE c.account = m.account"
        " AND c.mailbox = m.id AND c.kind = 1), 0)",
        "mailbox {1} of account {0} has UIDNEXT {2}, at or below a UID that it has given",
        "Go on above the highest UID that was ever given.",
        (
            (
                "UPDATE mailboxes AS m SET uid_next = max(m.uid_next,"
                " 1 + coalesce((SELECT max(uid) FROM placements p WHERE p.account = m.account"
                " AND p.mailbox = m.id), 0),"
                " 1 + coalesce((SELECT max(last) FROM changes c WHERE c.account = m.account"
                " AND c.mailbox = m.id AND c.kind = 1), 0))"
            ),
            "UPDATE mailboxes SET first_recent = uid_next WHERE first_recent > uid_next",
        ),
    ),
)

# --- placements, emails, flags

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
        tx.execute(_RAISE, (modseq, account, mailbox))


_RAISE = "UPDATE mailboxes SET highest_modseq = max(highest_modseq, ?) WHERE account = ? AND id = ?"


def _by_mailbox(
    rows: Iterable[Breach],
) -> Iterator[tuple[tuple[AccountId, MailboxId], NumberSet]]:
    """Rows (account, mailbox, uid) as one set of UIDs for each mailbox."""
    found: dict[tuple[AccountId, MailboxId], list[int]] = {}
    for account, mailbox, uid in rows:
        found.setdefault((account, mailbox), []).append(uid)
    for key, uids in found.items():
        yield key, NumberSet.of(uids)


_MESSAGES = (
    Invariant(
        "email-of-placement",
        "Every message in a mailbox has what was rendered of it.",
        "SELECT account, mailbox, uid FROM placements p WHERE NOT EXISTS"
        " (SELECT 1 FROM emails e WHERE e.id = p.email)",
        "message {2} of mailbox {1} of account {0} has lost its email",
        _RESTORE,
    ),
    Invariant(
        "orphan-is-nowhere",
        "What waits to be dropped is in no mailbox.",
        "SELECT email FROM orphans o WHERE EXISTS (SELECT 1 FROM placements p WHERE p.email = o.email)",
        "email {0} is in a mailbox and is about to be dropped",
        "Keep it.",
        ("DELETE FROM orphans WHERE email IN (SELECT email FROM placements)",),
    ),
    Invariant(
        "same-email-same-facts",
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
        "thread-of-account",
        "A thread bears the id of the email that began it, in the same account.",
        "SELECT account, email, thread FROM placements WHERE thread > email OR thread >> 36 <> account",
        "email {1} of account {0} is in thread {2}, which can't be its own",
        "Begin a thread with it.",
        ("UPDATE placements SET thread = email WHERE thread > email OR thread >> 36 <> account",),
    ),
    Invariant(
        "flags-of-placement",
        "Every message in a mailbox has one row of flags.",
        _FLAGLESS,
        "message {2} of mailbox {1} of account {0} has no flags",
        "Give it none, as an unseen message.",
        _give_flags,
    ),
    Invariant(
        "placement-of-flags",
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
        "threads-known",
        "A reply finds the thread of every message by its Message-ID.",
        threads.unknown,
        "email {0} is unknown to later replies",
        "Make it known.",
        threads.make_known,
    ),
)

# --- the log

_UNLOGGED = """
FROM flags f WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.account = f.account AND c.modseq = f.modseq
  AND c.mailbox = f.mailbox AND c.kind IN (1, 2) AND f.uid BETWEEN c.first AND c.last)"""


def _replayed(tx: Transaction) -> Iterator[Breach]:
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
        tx.execute(_RAISE, (modseq, account, mailbox))


_CHANGES = (
    Invariant(
        "log-gives-mailbox",
        "Replaying the log of changes gives the mailbox.",
        _replayed,
        "the log of mailbox {1} of account {0} differs from it: surplus {2}, missing {3}",
        "Log what it lacks, so that clients are told.",
        _log,
    ),
    Invariant(
        "log-knows-flags",
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

# --- counts

_COUNTED = """
SELECT m.account AS account, m.id AS id, count(f.uid) AS messages,
  coalesce(sum(instr(f.flags, '\\Seen') = 0), 0) AS unseen,
  coalesce(sum(instr(f.flags, '\\Deleted') > 0), 0) AS deleted,
  coalesce(sum(p.size), 0) AS octets
FROM mailboxes m
LEFT JOIN flags f ON f.account = m.account AND f.mailbox = m.id
LEFT JOIN placements p ON p.account = f.account AND p.mailbox = f.mailbox AND p.uid = f.uid
GROUP BY m.account, m.id"""

_USED = """
SELECT l.account AS account, coalesce(sum(u.size), 0) AS octets, count(u.email) AS messages
FROM ledgers l LEFT JOIN (SELECT DISTINCT account, email, size FROM placements) u ON u.account = l.account
GROUP BY l.account"""

_COUNTS = (
    Invariant(
        "several-count",
        "A mailbox's counts are those of its messages.",
        f"SELECT m.account, m.id FROM mailboxes m JOIN ({_COUNTED}) n ON n.account = m.account AND n.id = m.id"  # noqa: S608 - a constant
        " WHERE (m.messages, m.unseen, m.deleted, m.octets) <> (n.messages, n.unseen, n.deleted, n.octets)",
        "mailbox {1} of account {0} counts wrong",
        "Count anew.",
        (
            (
                f"UPDATE mailboxes AS m SET messages = n.messages, unseen = n.unseen, deleted = n.deleted,"  # noqa: S608 - a constant
                f" octets = n.octets FROM ({_COUNTED}) n WHERE n.account = m.account AND n.id = m.id"
            ),
        ),
    ),
    Invariant(
        "usage-counts",
        "What an account uses is the sum of its emails, each counted once.",
        f"SELECT l.account, l.octets, u.octets FROM ledgers l JOIN ({_USED}) u ON u.account = l.account"  # noqa: S608 - a constant
        " WHERE l.octets <> u.octets OR l.messages <> u.messages",
        "account {0} is said to use {1} octets and uses {2}",
        "Count anew.",
        (
            (
                f"UPDATE ledgers AS l SET octets = u.octets, messages = u.messages FROM ({_USED}) u"  # noqa: S608 - a constant
                " WHERE u.account = l.account"
            ),
        ),
    ),
)

# --- the search index


def _forget_stale(tx: Transaction) -> None:
    tx.execute_many(sqlite_fts.REMOVE, tx.rows(sqlite_fts.STALE))
    tx.execute("DELETE FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)")


_SEARCH = (
    Invariant(
        "email-is-found",
        "Every email the index has passed is in it, or known not to be.",
        "SELECT e.id " + sqlite_fts.UNFINDABLE,
        "searches do not look at email {0}",
        "Have searches look at its text.",
        ("INSERT INTO search_unindexed SELECT e.id " + sqlite_fts.UNFINDABLE,),
    ),
    Invariant(
        "index-of-emails",
        "The index holds emails that are there.",
        f"{sqlite_fts.STALE} UNION SELECT email FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)",  # noqa: S608 - a constant
        "the search index holds email {0}, which is not there",
        "Take it out.",
        _forget_stale,
    ),
)

INVARIANTS = (*_LEDGERS, *_MAILBOXES, *_MESSAGES, *_CHANGES, *_COUNTS, *_SEARCH)
"""All of them, in the order in which to mend."""
