"""The counts of mailboxes and accounts are those of their rows."""

from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.world.database.invariant import Invariant

_COUNTED = """
SELECT m.account AS account, m.id AS id, coalesce(sum(f.more + 1), 0) AS messages,
  coalesce(sum((instr(f.flags, '\\Seen') = 0) * (f.more + 1)), 0) AS unseen,
  coalesce(sum((instr(f.flags, '\\Deleted') > 0) * (f.more + 1)), 0) AS deleted,
  coalesce((SELECT sum(p.size) FROM placements p WHERE p.account = m.account AND p.mailbox = m.id), 0) AS octets
FROM mailboxes m
LEFT JOIN flags f ON f.account = m.account AND f.mailbox = m.id
GROUP BY m.account, m.id"""

_USED = """
SELECT l.account AS account, coalesce(sum(u.size), 0) AS octets, count(u.email) AS messages
FROM ledgers l LEFT JOIN (SELECT DISTINCT account, email, size FROM placements) u ON u.account = l.account
GROUP BY l.account"""

_TEXTS = f"""
SELECT account, mailbox, flags, sum(more + 1) AS messages FROM flags WHERE length(flags) > {SHORT_TEXT_OCTETS}
GROUP BY account, mailbox, flags"""  # noqa: S608 - a number of ours

INVARIANTS = (
    Invariant(
        "mailbox-counts-match",
        "A mailbox's counts are those of its messages.",
        f"SELECT m.account, m.id FROM mailboxes m JOIN ({_COUNTED}) n ON n.account = m.account AND n.id = m.id"  # noqa: S608 - a constant
        " WHERE (m.messages, m.unseen, m.deleted, m.octets) <> (n.messages, n.unseen, n.deleted, n.octets)",
        "mailbox {1} of account {0} has wrong counts",
        "Count again.",
        (
            (
                f"UPDATE mailboxes AS m SET messages = n.messages, unseen = n.unseen, deleted = n.deleted,"  # noqa: S608 - a constant
                f" octets = n.octets FROM ({_COUNTED}) n WHERE n.account = m.account AND n.id = m.id"
            ),
        ),
    ),
    Invariant(
        "account-usage-matches",
        "The usage of an account is the sum of its emails, each counted once.",
        f"SELECT l.account, l.octets, u.octets FROM ledgers l JOIN ({_USED}) u ON u.account = l.account"  # noqa: S608 - a constant
        " WHERE l.octets <> u.octets OR l.messages <> u.messages",
        "account {0} is recorded with {1} octets and uses {2}",
        "Count again.",
        (
            (
                f"UPDATE ledgers AS l SET octets = u.octets, messages = u.messages FROM ({_USED}) u"  # noqa: S608 - a constant
                " WHERE u.account = l.account"
            ),
        ),
    ),
    Invariant(
        "flag-texts-match",
        "The long flags of a mailbox are counted as its messages have them.",
        f"SELECT account, mailbox FROM (SELECT * FROM ({_TEXTS}) a EXCEPT SELECT * FROM flag_texts)"  # noqa: S608 - a constant
        f" UNION SELECT account, mailbox FROM (SELECT * FROM flag_texts EXCEPT SELECT * FROM ({_TEXTS}) b)",
        "the flags of mailbox {1} of account {0} are counted wrongly",
        "Count again.",
        ("DELETE FROM flag_texts", f"INSERT INTO flag_texts {_TEXTS}"),
    ),
)
