"""The account's one row: which numbers come next, and how much is used.

Every verb that writes takes one MODSEQ here, once, however much it changes; so a MODSEQ names one call of one
verb, and "everything since" is one range of the log.

The id of an email is the account's number in the upper bits and a rising count in the lower
`EMAIL_BITS`. So an account's emails lie together in every table and index that is ordered by email alone,
ids stay unique when accounts move between shards, and a run of ids never holds another account's mail. A
conversation bears the id of the email that began it.

What is always true: MODSEQ and ids only rise; `octets` is the sum of the sizes of the account's
emails (an email in three mailboxes counts once), `messages` their number.
"""

from dataclasses import dataclass
from typing import Final

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq
from pillarbox.world.database import Transaction

EMAIL_BITS: Final = 36
"""An account can receive 2**36 messages in its life; there can be 2**27 accounts."""


class NoSuchAccount(LookupError):
    """The store has never heard of this account: `open_account` comes first."""


class NoSuchMailbox(LookupError):
    """There is no mailbox of this name or id."""


class OverQuota(Exception):
    """The account may not hold that many octets."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account holds (RFC 9208 §5: STORAGE in octets here, MESSAGE)."""

    octets: int
    messages: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """Leave to add emails: this call's MODSEQ, and the id of the first of them."""

    modseq: ModSeq
    first_email: EmailId


def open_account(tx: Transaction, account: AccountId) -> None:
    """Make the account's row; nothing happens if it is there."""
    tx.execute(
        "INSERT INTO ledgers VALUES (?, 1, 0, 0, ?, 0, 0, ?) ON CONFLICT (account) DO NOTHING",
        (account, account << EMAIL_BITS, account << EMAIL_BITS),
    )


def usage(tx: Transaction, account: AccountId) -> Usage:
    """What the account holds now; nothing, if it was never opened."""
    return Usage(*(tx.row("SELECT octets, messages FROM ledgers WHERE account = ?", (account,)) or (0, 0)))


def modseq(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ of the last change. Raises `NoSuchAccount`."""
    found: ModSeq | None = tx.value("SELECT modseq FROM ledgers WHERE account = ?", (account,))
    if found is None:
        raise NoSuchAccount(account)
    return found


def next_modseq(tx: Transaction, account: AccountId) -> ModSeq:
    """Take the next MODSEQ, and have the account's watchers woken. Raises `NoSuchAccount`."""
    tx.touch(account)
    taken: ModSeq | None = tx.value(
        "UPDATE ledgers SET modseq = modseq + 1 WHERE account = ? RETURNING modseq", (account,)
    )
    if taken is None:
        raise NoSuchAccount(account)
    return taken


_ADD_EMAILS = """
UPDATE ledgers SET modseq = modseq + 1,
  octets = octets + ?, messages = messages + ?, last_email = last_email + ?
WHERE account = ? AND octets + ? <= ? AND EXISTS (SELECT 1 FROM mailboxes m WHERE m.account = ? AND m.id = ?)
RETURNING modseq, last_email"""

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
    """Count new emails in and take the next MODSEQ; the account's watchers are woken.

    Raises `NoSuchAccount`, `NoSuchMailbox` or `OverQuota`, and then has changed nothing.
    """
    limit = _UNLIMITED if quota_octets is None else quota_octets
    row = tx.row(_ADD_EMAILS, (octets, messages, messages, account, octets, limit, account, mailbox))
    if row is None:
        modseq(tx, account)
        if tx.value("SELECT 1 FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)) is None:
            raise NoSuchMailbox(mailbox)
        raise OverQuota(account)
    tx.touch(account)
    return Allocation(row[0], EmailId(row[1] - messages + 1))


def remove_emails(tx: Transaction, account: AccountId, *, octets: int, messages: int) -> None:
    """Count emails out whose last placement has gone."""
    tx.execute(
        "UPDATE ledgers SET octets = octets - ?, messages = messages - ? WHERE account = ?",
        (octets, messages, account),
    )


def email_bounds(account: AccountId) -> tuple[EmailId, EmailId]:
    """The smallest and the largest id that an email of this account can have."""
    return EmailId(account << EMAIL_BITS), EmailId(((account + 1) << EMAIL_BITS) - 1)


def account_of(email: EmailId) -> AccountId:
    """Whose email this is."""
    return AccountId(email >> EMAIL_BITS)
