"""The maildrop: an account's INBOX in a POP3 session, with the lock that RFC 1939 §4 requires.

The lock is a lease, so a process that dies delays others only briefly: it is taken when a session first marks a
message for deletion, extended while the session lives, and released in the commit that deletes. A session that only
reads takes no lock and costs no write; UIDs keep its message numbers valid whatever others do.

What is always true: an account has at most one holder whose lease has not expired; messages are only deleted by
`update`, by the holder, all in one commit.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, MailboxId, Uid, UidValidity
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import fetch, mailboxes, placements
from pillarbox.store.fetch import NoSuchMessage
from pillarbox.store.flag_runs import damaged
from pillarbox.world.blobs import WITH_OCTETS, Blobs
from pillarbox.world.database import DatabaseDamaged, Schema, Transaction

LEASE_MS: Final = 90_000
"""The duration of a lease that is not extended."""
READ_TOGETHER: Final = 5_000
"""Messages that are read together, so that the thread which reads a large INBOX lets the loop run between."""

_TABLES = """
CREATE TABLE maildrop_leases (
  account INTEGER PRIMARY KEY,
  holder BLOB NOT NULL,
  until_ms INTEGER NOT NULL
)
"""

SCHEMA = Schema("maildrop", migrations=(_TABLES,))


class InUse(Exception):
    """Another session has locked the maildrop (RFC 2449 §8.1.2)."""


@dataclass(frozen=True, slots=True)
class MaildropMessages:
    """The messages in the maildrop when a session opens it."""

    mailbox: MailboxId
    uid_validity: UidValidity
    uids: "array[int]"
    """Ascending."""
    sizes: "array[int]"
    """Of each, on the wire (`Summary.crlf_size`)."""
    octets: int
    """The sum of `sizes`."""


_SOME: Final = """
SELECT p.uid, e.crlf_size FROM placements p JOIN emails e ON e.id = p.email
WHERE p.account = ? AND p.mailbox = ? AND p.uid > ? ORDER BY p.uid LIMIT ?"""


def load(tx: Transaction, account: AccountId, *, together: int = READ_TOGETHER) -> MaildropMessages:
    """The messages of the INBOX, of which so many are read at a time. Raises `ValuesDamaged`."""
    inbox = mailboxes.by_name(tx, account, INBOX)
    uids, sizes, last = array("I"), array("Q"), 0
    while rows := tx.rows(_SOME, (account, inbox.id, last, together)):
        last = rows[-1][0]
        uids.extend([row[0] for row in rows])
        sizes.extend([row[1] for row in rows])
    if len(uids) < inbox.messages:
        raise damaged(account, inbox.id)  # no message may be there and not be seen
    return MaildropMessages(inbox.id, inbox.uid_validity, uids, sizes, sum(sizes))


def count_messages(tx: Transaction, account: AccountId) -> int:
    """The number of messages that `load` would return."""
    return mailboxes.by_name(tx, account, INBOX).messages


class StoredMessage(NamedTuple):
    """A message as it is stored."""

    octets: bytes
    header_size: int
    """Octets of the header with its empty line."""


_MESSAGES: Final = f"""
SELECT p.uid, o.octets, b.size, e.header_size
FROM placements p JOIN emails e ON e.id = p.email LEFT JOIN blobs b ON b.digest = e.blob {WITH_OCTETS}
WHERE p.account = ? AND p.mailbox = ? AND p.uid BETWEEN ? AND ?"""  # noqa: S608 - a constant


def messages(
    tx: Transaction, blobs: Blobs, account: AccountId, mailbox: MailboxId, first: Uid, last: Uid
) -> dict[Uid, StoredMessage]:
    """A small message, `first`, and those up to `last` that this one query can read.

    Raises `NoSuchMessage`, and what `Blobs.read` raises, where that is true of the first.
    """
    try:
        rows = tx.rows(_MESSAGES, (account, mailbox, first, last))
    except DatabaseDamaged:
        if last != first:  # it may concern another one
            return messages(tx, blobs, account, mailbox, first, first)
        fetch.octets(
            tx, blobs, account, mailbox, first
        )  # raises `BlobDamaged` where it concerns this message alone
        raise
    found, header_sizes = {}, {}
    for uid, octets, size, header_size in rows:
        header_sizes[uid] = header_size
        if octets is not None and len(octets) == size:  # else it is in a file, missing or damaged
            found[uid] = StoredMessage(octets, header_size)
    if first not in header_sizes:
        raise NoSuchMessage(first)
    if first not in found:
        octets = fetch.octets(tx, blobs, account, mailbox, first)
        found[first] = StoredMessage(octets, header_sizes[first])
    return found


def is_locked(tx: Transaction, account: AccountId, *, now_ms: int) -> bool:
    """Whether some session has locked the maildrop."""
    return _holder(tx, account, now_ms) is not None


def lock(tx: Transaction, account: AccountId, holder: bytes, *, now_ms: int) -> None:
    """Lock the maildrop, or extend the lease. Raises `InUse` where another session has the lock."""
    if _holder(tx, account, now_ms) not in (None, holder):
        raise InUse
    tx.execute(
        "INSERT INTO maildrop_leases VALUES (?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms",
        (account, holder, now_ms + LEASE_MS),
    )


def unlock(tx: Transaction, account: AccountId, holder: bytes) -> None:
    """Release the lock; no effect where another session has it by now."""
    tx.execute("DELETE FROM maildrop_leases WHERE account = ? AND holder = ?", (account, holder))


def update(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: Iterable[Uid],
    *,
    holder: bytes,
    now_ms: int,
    more: bool = False,
) -> None:
    """Delete messages and release the lock (RFC 1939 §6, the UPDATE state), unless there are `more` to be deleted.

    Messages that were expunged meanwhile are ignored. Raises `InUse`, without having deleted anything, and
    `NoSuchMailbox`.
    """
    if _holder(tx, account, now_ms) not in (None, holder):
        raise InUse
    placements.expunge(tx, account, mailbox, NumberSet.of(uids), deleted_only=False)
    if not more:
        unlock(tx, account, holder)


def _holder(tx: Transaction, account: AccountId, now_ms: int) -> bytes | None:
    holder: bytes | None = tx.value(
        "SELECT holder FROM maildrop_leases WHERE account = ? AND until_ms > ? AND until_ms <= ?",
        (account, now_ms, now_ms + 2 * LEASE_MS),  # a later one is from when the clock was ahead
    )
    return holder
