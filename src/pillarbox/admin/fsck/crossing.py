"""Invariants that cross rooms: who uses a blob, who has an account, where an email is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.summary import summarize
from pillarbox.store import account_counters, append, mailboxes
from pillarbox.world.blobs import BlobMissing, Blobs, prepare
from pillarbox.world.blobs.invariants import adopt, loose_files, loose_rows
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.database.invariant import Invariant, Violation
from pillarbox.world.durable import make_folder, write_whole

RECOVERED = "Recovered"
"""The mailbox for messages that were in none."""
_RESTORE = "Restore a backup to have it back; `pillarbox rebuild` takes it out of the mailbox."

_USERS = "(SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages)"
_COUNTED = f"""
SELECT b.digest AS digest, b.uses AS uses, count(u.blob) AS counted
FROM blobs b LEFT JOIN {_USERS} u ON u.blob = b.digest GROUP BY b.digest"""  # noqa: S608 - a constant
_BLOBLESS = f"SELECT DISTINCT blob FROM {_USERS} u WHERE blob NOT IN (SELECT digest FROM blobs)"  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class Ground:
    """What mending needs beside the rows."""

    blobs: Blobs
    now_ms: int
    lost_and_found: Path
    """The folder for octets that nobody uses, each as a file to be read and kept or thrown away."""


def invariants(ground: Ground) -> tuple[Invariant, ...]:
    """All of them, in the order of repair; the rooms' own come before."""
    return (*_of_octets(ground), *_of_accounts(ground), *_of_emails(ground))


def _of_octets(ground: Ground) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "octets-have-blob",
            "Octets in the database belong to a blob.",
            lambda tx: ((found.digest.hex(),) for found in loose_rows(tx)),
            "octets {0} belong to no blob",
            "Give them their row again, or put them into lost+found.",
            lambda tx: _adopt_rows(tx, ground),
        ),
        Invariant(
            "blob-exists",
            "Every email and every queued message has its octets.",
            _without_octets,
            "the octets of message {0} are lost",
            "Take them from a file nobody knows of, if there is one. Otherwise: " + _RESTORE,
            lambda tx: _adopt_files(tx, ground),
        ),
        Invariant(
            "blob-uses-match",
            "A blob's uses are the rows that name it.",
            lambda tx: (
                (digest.hex(), uses, counted)
                for digest, uses, counted in tx.rows(
                    f"SELECT * FROM ({_COUNTED}) c WHERE uses <> counted AND counted > 0"  # noqa: S608 - a constant
                )
            ),
            "blob {0} is said to be used {1} times and is used {2} times",
            "Count anew.",
            (
                (
                    f"UPDATE blobs AS b SET uses = c.counted FROM ({_COUNTED}) c"  # noqa: S608 - a constant
                    " WHERE c.digest = b.digest AND c.counted > 0 AND c.uses <> c.counted"
                ),
            ),
        ),
        Invariant(
            "blob-is-used",
            "Somebody uses every blob.",
            lambda tx: ((digest.hex(),) for (digest,) in tx.rows(_UNUSED)),
            "nobody uses blob {0}",
            "Put it into lost+found, as a file.",
            lambda tx: _put_into_lost_and_found(tx, ground),
        ),
    )


_UNUSED = f"SELECT digest FROM ({_COUNTED}) c WHERE counted = 0"  # noqa: S608 - a constant


def _without_octets(tx: Transaction) -> Iterator[Violation]:
    for (digest,) in tx.rows(_BLOBLESS):
        yield (digest.hex(),)


def _adopt_rows(tx: Transaction, ground: Ground) -> None:
    for found in list(loose_rows(tx)):
        if not adopt(tx, ground.blobs, found):
            tx.execute("DELETE FROM blob_octets WHERE id = ?", (found.octets_id,))  # another row has the same


def _adopt_files(tx: Transaction, ground: Ground) -> None:
    wanted = {digest for (digest,) in tx.rows(_BLOBLESS)}
    for found in loose_files(tx, ground.blobs.directory):
        if found.digest in wanted and adopt(tx, ground.blobs, found):
            wanted.discard(found.digest)


def _put_into_lost_and_found(tx: Transaction, ground: Ground) -> None:
    """The file is durable before the row goes."""
    make_folder(ground.lost_and_found)
    for (digest,) in tx.rows(_UNUSED):
        octets = _readable(tx, ground.blobs, digest)
        if octets is not None:
            write_whole(ground.lost_and_found / f"{digest.hex()}.eml", octets)
        octets_id, location = tx.row("SELECT octets_id, location FROM blobs WHERE digest = ?", (digest,)) or (
            None,
            None,
        )
        tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        if octets_id is not None:
            tx.execute("DELETE FROM blob_octets WHERE id = ?", (octets_id,))
        if location is not None:
            tx.execute("INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (location,))


def _of_accounts(ground: Ground) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "account-has-mailboxes",
            "Every account has its ledger and its first mailboxes.",
            "SELECT login FROM accounts WHERE id NOT IN (SELECT account FROM ledgers)",
            "{0} has no mailboxes",
            "Make the first ones.",
            lambda tx: _open_accounts(tx, ground),
        ),
        Invariant(
            "mail-has-account",
            "All mail belongs to an account that exists.",
            "SELECT account, messages FROM ledgers WHERE account NOT IN (SELECT id FROM accounts)",
            "{1} messages belong to account {0}, which is not there",
            "Restore a backup that has the account.",
        ),
    )


def _open_accounts(tx: Transaction, ground: Ground) -> None:
    for (account,) in tx.rows("SELECT id FROM accounts WHERE id NOT IN (SELECT account FROM ledgers)"):
        mailboxes.create_defaults(tx, account, now_ms=ground.now_ms)


def _of_emails(ground: Ground) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "message-size-matches",
            "A message's size is that of its octets.",
            "SELECT p.account, p.mailbox, p.uid, p.size, b.size " + _WRONG_SIZE,
            "message {2} of mailbox {1} of account {0} is said to have {3} octets and has {4}",
            "Tell the true size.",
            (
                (
                    "UPDATE placements AS p SET size = b.size FROM emails e JOIN blobs b ON b.digest = e.blob"
                    " WHERE e.id = p.email AND b.size <> p.size"
                ),
            ),
        ),
        Invariant(
            "email-has-mailbox",
            "Every email is in a mailbox, or waits to be dropped.",
            _UNPLACED,
            "email {0} is in no mailbox",
            f"Put it into the mailbox '{RECOVERED}'.",
            lambda tx: _recover(tx, ground),
        ),
    )


_WRONG_SIZE = """
FROM placements p JOIN emails e ON e.id = p.email JOIN blobs b ON b.digest = e.blob WHERE b.size <> p.size"""

_UNPLACED = """
SELECT id, blob FROM emails e WHERE NOT EXISTS (SELECT 1 FROM placements p WHERE p.email = e.id)
  AND NOT EXISTS (SELECT 1 FROM orphans o WHERE o.email = e.id)"""


def _recover(tx: Transaction, ground: Ground) -> None:
    """Append it anew, as it was, and leave the old row to the sweep; what can't be read stays for the operator."""
    for email, digest in tx.rows(_UNPLACED):
        octets = _readable(tx, ground.blobs, digest)
        if octets is not None:
            account = account_counters.account_of(email)
            message = append.Message(prepare(octets), summarize(octets))
            received_at_ms = message.summary.sent_at_ms or ground.now_ms
            append.append(
                tx,
                account,
                _recovered(tx, account, ground),
                message,
                flags="",
                received_at_ms=received_at_ms,
                now_ms=ground.now_ms,
            )
            tx.execute("INSERT INTO orphans VALUES (?)", (email,))


def _readable(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes | None:
    try:
        return blobs.read(tx, digest)
    except (BlobMissing, DatabaseUnavailable):
        return None


def _recovered(tx: Transaction, account: AccountId, ground: Ground) -> MailboxId:
    account_counters.open_account(tx, account)
    try:
        return mailboxes.by_name(tx, account, RECOVERED).id
    except account_counters.NoSuchMailbox:
        return mailboxes.create(tx, account, RECOVERED, now_ms=ground.now_ms).id
