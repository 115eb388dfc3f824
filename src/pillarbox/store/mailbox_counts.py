"""The counts in a mailbox's row, and the only statement that changes them.

STATUS, SELECT and JMAP's Mailbox read these counts; the verbs maintain them, so that rows are never counted.
"""

from collections.abc import Iterable

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.store.account_counters import MAX_UID, NoSuchMailbox
from pillarbox.store.flag_runs import damaged
from pillarbox.world.database import Transaction


class MailboxCounts(Struct, frozen=True, gc=False):
    """Counts of a mailbox, or a change of them."""

    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    octets: int = 0

    @classmethod
    def of(cls, flags: str, *, octets: int, messages: int = 1) -> "MailboxCounts":
        """The counts of `messages` messages with the same flags."""
        unseen = 0 if flag_text.SEEN in flags else messages
        return cls(messages, unseen, messages if flag_text.DELETED in flags else 0, octets)

    @classmethod
    def total(cls, several: "Iterable[MailboxCounts]") -> "MailboxCounts":
        """The sum."""
        messages = unseen = deleted = octets = 0
        for counts in several:
            messages += counts.messages
            unseen += counts.unseen
            deleted += counts.deleted
            octets += counts.octets
        return cls(messages, unseen, deleted, octets)

    def __neg__(self) -> "MailboxCounts":
        return MailboxCounts(-self.messages, -self.unseen, -self.deleted, -self.octets)


_APPLY = f"""
UPDATE mailboxes SET highest_modseq = ?, uid_next = uid_next + ?,
  messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, octets = octets + ?
WHERE account = ? AND id = ? AND highest_modseq <= ? AND uid_next BETWEEN 1 AND {MAX_UID + 1}"""  # noqa: S608 - a number of ours
"""MODSEQ never falls, for a client would not be told of what happens then; nor goes anything on from a damaged one."""
_NEXT = "SELECT uid_next, uid_validity FROM mailboxes WHERE account = ? AND id = ?"


def apply(
    tx: Transaction, account: AccountId, mailbox: MailboxId, modseq: ModSeq, change: MailboxCounts
) -> None:
    """Change a mailbox's counts. Raises as `add` does."""
    if not _apply(tx, account, mailbox, modseq, change, 0):
        _next(tx, account, mailbox)
        raise damaged(account, mailbox)


def add(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    modseq: ModSeq,
    change: MailboxCounts,
    *,
    uids: int,
) -> tuple[Uid, UidValidity]:
    """`apply` for new messages: takes `uids` new UIDs, of which the first is returned with the UIDVALIDITY.

    Raises `NoSuchMailbox`, or `ValuesDamaged` where UIDs or MODSEQs of the mailbox can't go on from where they are.
    """
    applied = _apply(tx, account, mailbox, modseq, change, uids)
    uid_next, uid_validity = _next(tx, account, mailbox)
    if not applied or type(uid_next) is not int or type(uid_validity) is not int:
        raise damaged(account, mailbox)
    return Uid(uid_next - uids), UidValidity(uid_validity)


def _apply(
    tx: Transaction, account: AccountId, mailbox: MailboxId, modseq: ModSeq, change: MailboxCounts, uids: int
) -> int:
    counts = change.messages, change.unseen, change.deleted, change.octets
    return tx.execute(_APPLY, (modseq, uids, *counts, account, mailbox, modseq))


def _next(tx: Transaction, account: AccountId, mailbox: MailboxId) -> tuple[int, int]:
    """As stored. Raises `NoSuchMailbox`."""
    row = tx.row(_NEXT, (account, mailbox))
    if row is None:
        raise NoSuchMailbox(mailbox)
    return row[0], row[1]


def read(tx: Transaction, account: AccountId, mailbox: MailboxId) -> MailboxCounts:
    """A mailbox's counts. Raises `NoSuchMailbox`."""
    row = tx.row(
        "SELECT messages, unseen, deleted, octets FROM mailboxes WHERE account = ? AND id = ?",
        (account, mailbox),
    )
    if row is None:
        raise NoSuchMailbox(mailbox)
    return MailboxCounts(*row)
