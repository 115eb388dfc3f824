"""Every account has its counters, and they are above all numbers in use."""

from pillarbox.store.account_counters import EMAIL_BITS
from pillarbox.world.database.invariant import Invariant

_LATEST = f"""
SELECT l.account,
  max(l.modseq, l.email_modseq, l.mailbox_modseq, l.thread_modseq, l.logged_from,
    coalesce((SELECT max(highest_modseq) FROM mailboxes m WHERE m.account = l.account), 0),
    coalesce((SELECT max(modseq) FROM changes c WHERE c.account = l.account), 0),
    coalesce((SELECT max(modseq) FROM flags f WHERE f.account = l.account), 0)) AS modseq,
  max(l.last_email,
    coalesce((SELECT max(id) FROM emails
      WHERE id BETWEEN l.account << {EMAIL_BITS} AND ((l.account + 1) << {EMAIL_BITS}) - 1), 0),
    coalesce((SELECT max(email) FROM placements p WHERE p.account = l.account), 0)) AS last_email,
  max(l.last_mailbox,
    coalesce((SELECT max(id) FROM mailboxes m WHERE m.account = l.account), 0),
    coalesce((SELECT max(mailbox) FROM placements p WHERE p.account = l.account), 0),
    coalesce((SELECT max(mailbox) FROM changes c WHERE c.account = l.account), 0)) AS last_mailbox,
  max(l.last_uid_validity,
    coalesce((SELECT max(uid_validity) FROM mailboxes m WHERE m.account = l.account), 0)) AS last_uid_validity
FROM ledgers l"""  # noqa: S608 - a constant

INVARIANTS = (
    Invariant(
        "account-has-counters",
        "Every account that has mailboxes, mail or changes has a row of counters.",
        "SELECT account FROM (SELECT account FROM mailboxes UNION SELECT account FROM placements"
        " UNION SELECT account FROM changes) WHERE account NOT IN (SELECT account FROM ledgers)",
        "account {0} has no row of counters",
        "Create it, and count its mail.",
        (
            (
                f"INSERT INTO ledgers SELECT account, 1, 0, 0, account << {EMAIL_BITS}, 0, 0,"  # noqa: S608 - a constant
                f" account << {EMAIL_BITS}, 1, 1, 1, 1"
                " FROM (SELECT account FROM mailboxes UNION SELECT account FROM placements"
                " UNION SELECT account FROM changes) WHERE account NOT IN (SELECT account FROM ledgers)"
            ),
        ),
    ),
    Invariant(
        "counters-above-used",
        "The numbers that an account assigns next are above all that it has assigned.",
        f"SELECT l.account FROM ledgers l JOIN ({_LATEST}) n ON n.account = l.account WHERE l.modseq < n.modseq"  # noqa: S608 - a constant
        " OR l.last_email < n.last_email OR l.last_mailbox < n.last_mailbox"
        " OR l.last_uid_validity < n.last_uid_validity OR l.indexed_email > n.last_email",
        "account {0} would assign a MODSEQ, id or UIDVALIDITY a second time",
        "Continue above the highest in use.",
        (
            (
                f"UPDATE ledgers AS l SET modseq = n.modseq, last_email = n.last_email,"  # noqa: S608 - a constant
                f" last_mailbox = n.last_mailbox, last_uid_validity = n.last_uid_validity,"
                f" indexed_email = min(l.indexed_email, n.last_email) FROM ({_LATEST}) n WHERE n.account = l.account"
            ),
        ),
    ),
)
