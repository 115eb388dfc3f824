"""The counters of an account, one row each: the numbers to assign next, and the usage.

Every verb that writes takes one MODSEQ here, however much it changes; so a MODSEQ identifies one call of one verb,
and "everything since" is one range of the change log.

The id of an email is the account's number in the upper bits and a rising count in the lower `EMAIL_BITS`. So the
emails of an account are adjacent in every table and index that is ordered by email alone, ids stay unique when
accounts move between shards, and a run of ids never includes another account's mail. A thread has the id of its first
email.

The ledger also has the MODSEQs at which emails, mailboxes and threads last changed: the states of JMAP, which are so
the same in every process, and after a restart (`states`).

What is always true: MODSEQ and ids only rise; `octets` is the sum of the sizes of the account's
emails (an email in three mailboxes counts once), `messages` their number.
"""

from enum import Enum
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq
from pillarbox.world.database import Transaction, ValuesDamaged
from pillarbox.world.database.values import MAX_NUMBER

EMAIL_BITS: Final = 36
"""An account can receive 2**36 messages in its life; there can be 2**27 accounts."""
MAX_UID: Final = 2**32 - 1
"""Of UIDs and UIDVALIDITYs (RFC 9051 §2.3.1.1)."""
MAX_MODSEQ: Final = 2**48
"""Far above what an account reaches in its life, and so far below 2**63 (RFC 7162 §3.1) that it can go on."""


class NoSuchAccount(LookupError):
    """The account has no counters: call `open_account` first."""


class NoSuchMailbox(LookupError):
    """There is no mailbox with this name or id."""


class OverQuota(Exception):
    """The quota of the account would be exceeded."""


class Usage(Struct, frozen=True, gc=False):
    """The usage of an account (RFC 9208 §5: STORAGE, here in octets, and MESSAGE)."""

    octets: int
    messages: int


class Allocation(Struct, frozen=True, gc=False):
    """Numbers for new emails: the MODSEQ of the call, and the id of the first email."""

    modseq: ModSeq
    first_email: EmailId


def open_account(tx: Transaction, account: AccountId) -> None:
    """Create the account's counters; no effect if they exist."""
    tx.execute(
        "INSERT INTO ledgers VALUES (?, 1, 0, 0, ?, 0, 0, ?, 1, 1, 1, 1) ON CONFLICT (account) DO NOTHING",
        (account, account << EMAIL_BITS, account << EMAIL_BITS),
    )


def usage(tx: Transaction, account: AccountId) -> Usage:
    """The usage of the account, counted where what is recorded is damaged; zero if it was never opened."""
    octets, messages = tx.row("SELECT octets, messages FROM ledgers WHERE account = ?", (account,)) or (0, 0)
    if not all(type(number) is int and 0 <= number <= MAX_NUMBER for number in (octets, messages)):
        octets, messages = tx.row(_COUNT, (account,)) or (0, 0)
    return Usage(octets, messages)


def total_usage(tx: Transaction) -> Usage:
    """The usage of all accounts together."""
    return Usage(
        *(tx.row("SELECT sum(octets), sum(messages) FROM ledgers HAVING count(*) > 0", ()) or (0, 0))
    )


def heaviest(tx: Transaction, *, limit: int) -> list[tuple[AccountId, Usage]]:
    """The accounts that use most, with their usage."""
    rows = tx.rows(
        "SELECT account, octets, messages FROM ledgers ORDER BY octets DESC, account LIMIT ?", (limit,)
    )
    return [(account, Usage(octets, messages)) for account, octets, messages in rows]


def modseq(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ of the last change. Raises `NoSuchAccount`, `ValuesDamaged`."""
    row = tx.row("SELECT modseq FROM ledgers WHERE account = ?", (account,))
    if row is None:
        raise NoSuchAccount(account)
    found: ModSeq = row[0]
    if type(found) is not int or not 0 <= found <= MAX_MODSEQ:
        raise damaged(account)
    return found


class Touched(Enum):
    """What of an account's state changes with a MODSEQ. `add_emails` and `remove_emails` change threads, too."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    NOTHING = ("modseq",)
    EMAILS = ("modseq", "email_modseq")
    """What no count depends on."""
    MAILBOXES = ("modseq", "mailbox_modseq")
    BOTH = ("modseq", "email_modseq", "mailbox_modseq")
    """Emails, and with them the counts of mailboxes."""
    ALL = ("modseq", "email_modseq", "mailbox_modseq", "thread_modseq")
    """Also which emails a thread has."""


def next_modseq(tx: Transaction, account: AccountId, touched: Touched = Touched.BOTH) -> ModSeq:
    """Take the next MODSEQ, and announce that the account changed. Raises `NoSuchAccount`, `ValuesDamaged`."""
    tx.touch(account)
    taken = tx.execute(_NEXT_MODSEQ[touched], (account,))
    found = modseq(tx, account)
    if not taken:
        raise damaged(account)
    return found


def touch_threads(tx: Transaction, account: AccountId) -> None:
    """Threads have changed with the last MODSEQ."""
    tx.execute("UPDATE ledgers SET thread_modseq = modseq WHERE account = ?", (account,))


def forget_changes(tx: Transaction) -> None:
    """Have every client of JMAP read everything again: rows were repaired, and the log does not tell what they were."""
    tx.execute(_FORGET_CHANGES)


_FORGET_CHANGES = f"""
UPDATE ledgers SET modseq = modseq + 1, email_modseq = modseq + 1, mailbox_modseq = modseq + 1,
  thread_modseq = modseq + 1, logged_from = modseq + 1 WHERE modseq BETWEEN 0 AND {MAX_MODSEQ}"""  # noqa: S608 - a number of ours


def damaged(account: AccountId) -> ValuesDamaged:
    """What to raise where a counter is such as nobody wrote: nothing is counted on from there."""
    return ValuesDamaged(f"account {account} has a damaged counter: pillarbox fsck --repair mends it")


# Bounds, which no text, octets or NULL is within, and few fractions: nothing is written that goes on from those
_NEXT_MODSEQ = {
    touched: f"UPDATE ledgers SET {', '.join(f'{name} = modseq + 1' for name in touched.value)}"  # noqa: S608 - names and numbers of ours
    f" WHERE account = ? AND modseq BETWEEN 0 AND {MAX_MODSEQ}"
    for touched in Touched
}
"""Not RETURNING, for which SQLite makes a table of its own; the row is ours since the update."""
_IN_BOUNDS = f"""
modseq BETWEEN 0 AND {MAX_MODSEQ} AND messages BETWEEN 0 AND {MAX_NUMBER} AND octets BETWEEN 0 AND {MAX_NUMBER}
  AND last_email BETWEEN account << {EMAIL_BITS} AND ((account + 1) << {EMAIL_BITS}) - 1"""
_ADD_EMAILS = f"""
UPDATE ledgers SET modseq = modseq + 1,
  email_modseq = modseq + 1, mailbox_modseq = modseq + 1, thread_modseq = modseq + 1,
  octets = octets + ?, messages = messages + ?, last_email = last_email + ?
WHERE account = ? AND {_IN_BOUNDS} AND octets + ? <= ?
  AND EXISTS (SELECT 1 FROM mailboxes m WHERE m.account = ? AND m.id = ?)"""  # noqa: S608 - constants
_ADDED = "SELECT modseq, last_email FROM ledgers WHERE account = ?"

_UNLIMITED = 2**62


def add_emails(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    *,
    octets: int,
    messages: int,
    quota_octets: int | None,
) -> Allocation:
    """Add new emails to the usage, allocate their ids and a MODSEQ, and announce that the account changed.

    Usage that is damaged is counted anew. Raises `NoSuchAccount`, `ValuesDamaged`, `NoSuchMailbox` or `OverQuota`,
    without having added anything.
    """
    limit = _UNLIMITED if quota_octets is None else quota_octets
    row = (octets, messages, messages, account, octets, limit, account, mailbox)
    if not tx.execute(_ADD_EMAILS, row) and not (_counted_anew(tx, account) and tx.execute(_ADD_EMAILS, row)):
        if tx.value("SELECT 1 FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)) is None:
            raise NoSuchMailbox(mailbox)
        raise OverQuota(account)
    tx.touch(account)
    added = tx.row(_ADDED, (account,))
    if added is None:
        raise NoSuchAccount(account)
    if type(added[0]) is not int or type(added[1]) is not int:
        raise damaged(account)
    return Allocation(ModSeq(added[0]), EmailId(added[1] - messages + 1))


def remove_emails(tx: Transaction, account: AccountId, *, octets: int, messages: int) -> None:
    """Subtract emails that have left their last mailbox, and are placed nowhere, from the usage, at the last MODSEQ.

    Usage that is damaged, or less than what is subtracted, is counted anew. Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    if not tx.execute(_REMOVE_EMAILS, (octets, messages, account, octets, messages)):
        _count_anew(tx, account)


def restore_emails(tx: Transaction, account: AccountId, *, octets: int, messages: int) -> None:
    """Add emails that are in a mailbox again to the usage, at the last MODSEQ: the opposite of `remove_emails`.

    Usage that is damaged is counted anew. Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    if not tx.execute(_RESTORE_EMAILS, (octets, messages, account)):
        _count_anew(tx, account)


_RESTORE_EMAILS = f"""
UPDATE ledgers SET octets = octets + ?, messages = messages + ?, thread_modseq = modseq
WHERE account = ? AND {_IN_BOUNDS}"""  # noqa: S608 - constants
_REMOVE_EMAILS = f"""
UPDATE ledgers SET octets = octets - ?, messages = messages - ?, thread_modseq = modseq
WHERE account = ? AND {_IN_BOUNDS} AND octets >= ? AND messages >= ?"""  # noqa: S608 - constants


def _counted_anew(tx: Transaction, account: AccountId) -> bool:
    """Whether usage was out of bounds, and is counted now. Raises as `_count_anew` does."""
    if tx.value(f"SELECT 1 FROM ledgers WHERE account = ? AND {_IN_BOUNDS}", (account,)) is not None:  # noqa: S608 - constants
        return False
    _count_anew(tx, account)
    return True


def _count_anew(tx: Transaction, account: AccountId) -> None:
    """Count the usage from the messages: mail to the account need not wait for a repair of what they tell.

    Raises `NoSuchAccount`, and `ValuesDamaged` where other numbers are damaged.
    """
    modseq(tx, account)
    tx.execute(_COUNT_ANEW, (account, account))
    if tx.value(f"SELECT 1 FROM ledgers WHERE account = ? AND {_IN_BOUNDS}", (account,)) is None:  # noqa: S608 - constants
        raise damaged(account)


_COUNT = """
SELECT coalesce(sum(size), 0), count(email) FROM (SELECT DISTINCT email, size FROM placements WHERE account = ?)"""
_COUNT_ANEW = f"UPDATE ledgers SET thread_modseq = modseq, (octets, messages) = ({_COUNT}) WHERE account = ?"  # noqa: S608 - a constant


def email_bounds(account: AccountId) -> tuple[EmailId, EmailId]:
    """The smallest and the largest id that an email of this account can have."""
    return EmailId(account << EMAIL_BITS), EmailId(((account + 1) << EMAIL_BITS) - 1)


def account_of(email: EmailId) -> AccountId:
    """The account of this email."""
    return AccountId(email >> EMAIL_BITS)
