"""Every message is in a mailbox, every account has an INBOX, and UIDs are below UIDNEXT."""

from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.store import account_counters, changes
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation


def _without_mailbox(tx: Transaction) -> list[Violation]:
    return tx.rows(
        "SELECT account, mailbox, count(*), max(uid) FROM placements p WHERE NOT EXISTS"
        " (SELECT 1 FROM mailboxes m WHERE m.account = p.account AND m.id = p.mailbox) GROUP BY account, mailbox"
    )


def _recreate_mailboxes(tx: Transaction) -> None:
    for account, mailbox, _count, last_uid in _without_mailbox(tx):
        modseq = account_counters.next_modseq(tx, account)
        validity = tx.value(
            "UPDATE ledgers SET last_uid_validity = last_uid_validity + 1 WHERE account = ?"
            " RETURNING last_uid_validity",
            (account,),
        )
        tx.execute(
            "INSERT INTO mailboxes VALUES (?, ?, ?, NULL, ?, ?, 1, ?, 0, 0, 0, 0, NULL)",
            (account, mailbox, f"Recovered {mailbox}", validity, last_uid + 1, modseq),
        )
        changes.record_mailbox(tx, account, modseq, MailboxId(mailbox), ChangeKind.MAILBOX_CREATED)


def _create_inboxes(tx: Transaction) -> None:
    for (account,) in tx.rows(_WITHOUT_INBOX):
        modseq = account_counters.next_modseq(tx, account)
        mailbox, validity = tx.row(
            "UPDATE ledgers SET last_mailbox = last_mailbox + 1, last_uid_validity = last_uid_validity + 1"
            " WHERE account = ? RETURNING last_mailbox, last_uid_validity",
            (account,),
        ) or (1, 1)
        tx.execute(
            "INSERT INTO mailboxes VALUES (?, ?, ?, 'inbox', ?, 1, 1, ?, 0, 0, 0, 0, NULL)",
            (account, mailbox, INBOX, validity, modseq),
        )
        changes.record_mailbox(tx, account, modseq, mailbox, ChangeKind.MAILBOX_CREATED)


_WITHOUT_INBOX = f"""
SELECT account FROM ledgers l WHERE NOT EXISTS
  (SELECT 1 FROM mailboxes m WHERE m.account = l.account AND m.name = '{INBOX}')"""  # noqa: S608 - a constant

INVARIANTS = (
    Invariant(
        "message-has-mailbox",
        "Every message is in an existing mailbox.",
        _without_mailbox,
        "{2} messages of account {0} are in mailbox {1}, which does not exist",
        "Recreate the mailbox, named 'Recovered' and its number.",
        _recreate_mailboxes,
    ),
    Invariant(
        "inbox-exists",
        "Every account has an INBOX.",
        _WITHOUT_INBOX,
        "account {0} has no INBOX",
        "Create it.",
        _create_inboxes,
    ),
    Invariant(
        "uid-below-uidnext",
        "Every UID is below its mailbox's UIDNEXT.",
        "SELECT m.account, m.id, m.uid_next FROM mailboxes m WHERE m.uid_next <= coalesce((SELECT max(uid) FROM"
        " placements p WHERE p.account = m.account AND p.mailbox = m.id), 0) OR m.first_recent > m.uid_next"
        " OR m.uid_next <= coalesce((SELECT max(last) FROM changes c WHERE c.account = m.account"
        " AND c.mailbox = m.id AND c.kind = 1), 0)",
        "mailbox {1} of account {0} has UIDNEXT {2}, at or below a UID that it has assigned",
        "Continue above the highest UID that was ever assigned.",
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
