"""Invariants that join tables of several rooms: uses of blobs, owners of mail, emails and their mailboxes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from pillarbox.admin.fsck import loss
from pillarbox.admin.fsck.context import RepairContext, read_or_none
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.summary import summarize
from pillarbox.store import account_counters, append, mailboxes
from pillarbox.store.invariants.values import EMAILS
from pillarbox.world.blobs import BlobDamaged, prepare
from pillarbox.world.blobs.invariants import adopt, loose_files, loose_rows
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.durable import make_folder, write_whole

RECOVERED = "Recovered"
"""The mailbox for messages that were in no mailbox."""

_COUNTED = f"""
SELECT b.digest AS digest, b.uses AS uses, count(u.blob) AS counted
FROM blobs b LEFT JOIN {loss.USERS} u ON u.blob = b.digest GROUP BY b.digest"""  # noqa: S608 - a constant


def invariants(context: RepairContext) -> tuple[Invariant, ...]:
    """All of them, in the order of repair; those of single rooms come before."""
    return (_rendered(context), *_of_octets(context), *_of_accounts(context), *_of_emails(context))


def _rendered(context: RepairContext) -> Invariant:
    return replace(EMAILS.invariant(), repair=lambda tx: _render_again(tx, context))


def _render_again(tx: Transaction, context: RepairContext) -> None:
    """Where the octets can't be read, what was damaged stays empty."""
    wrong = [email for (email,) in EMAILS.invariant().find(tx)]
    EMAILS.invariant().run_repair(tx)
    for email in wrong:
        digest = tx.value("SELECT blob FROM emails WHERE id = ?", (email,))
        content = None if digest is None else read_or_none(tx, context.blobs, digest)
        if content is not None:
            append.rewrite_email(tx, email, digest, summarize(content))


def _of_octets(context: RepairContext) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "blob-describes-octets",
            "The digest and the size of a blob are those of its octets.",
            lambda tx: ((digest.hex(),) for digest in _wrongly_described(tx)),
            "blob {0} has a wrong digest or size, and its octets are right",
            "Recreate the blob's row.",
            _drop_wrongly_described,
        ),
        Invariant(
            "octets-have-blob",
            "All octets in the database belong to a blob.",
            lambda tx: ((found.digest.hex(),) for found in loose_rows(tx)),
            "octets {0} belong to no blob",
            "Recreate the blob's row, or put them into lost+found.",
            lambda tx: _adopt_rows(tx, context),
        ),
        Invariant(
            "blob-exists",
            "Every email and every queued message has its octets.",
            loss.without_blob,
            "the octets of message {0} are missing ({1})",
            "Take them from a blob file without a row, if there is one. Otherwise: " + loss.RESTORE,
            lambda tx: _adopt_files(tx, context),
            is_loss=True,
        ),
        Invariant(
            "upload-has-blob",
            "Every upload has its octets, and their size.",
            f"SELECT account, hex(blob) {_UPLOAD_WITHOUT_BLOB}",
            "the octets of an upload of account {0} are missing, or of another size ({1})",
            "Drop it: its client uploads them again.",
            (f"DELETE {_UPLOAD_WITHOUT_BLOB}",),
        ),
        Invariant(
            "card-media-has-blob",
            "Every image and sound of a card has its octets.",
            f"SELECT account, card, hex(blob) {loss.MEDIA_WITHOUT_BLOB}",
            "the octets of an image or sound of card {1} of account {0} are missing ({2})",
            loss.RESTORE,
            is_loss=True,
        ),
        Invariant(
            "blob-uses-match",
            "A blob's use count is the number of rows that refer to it.",
            lambda tx: (
                (digest.hex(), uses, counted)
                for digest, uses, counted in tx.rows(
                    f"SELECT * FROM ({_COUNTED}) c WHERE uses <> counted AND counted > 0"  # noqa: S608 - a constant
                )
            ),
            "blob {0} has a use count of {1} and is used {2} times",
            "Correct the count.",
            (
                (
                    f"UPDATE blobs AS b SET uses = c.counted FROM ({_COUNTED}) c"  # noqa: S608 - a constant
                    " WHERE c.digest = b.digest AND c.counted > 0 AND c.uses <> c.counted"
                ),
            ),
        ),
        Invariant(
            "blob-is-used",
            "Every blob is used by an email, a queued message, an upload or a card.",
            lambda tx: ((digest.hex(),) for (digest,) in tx.rows(_UNUSED)),
            "blob {0} is not used",
            "Move it to lost+found, as a file.",
            lambda tx: _put_into_lost_and_found(tx, context),
        ),
    )


_UPLOAD_WITHOUT_BLOB = """
FROM uploads WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = uploads.blob AND b.size = uploads.size)"""
_DOUBTFUL = f"""
SELECT b.digest, b.octets_id FROM blobs b JOIN blob_octets o ON o.id = b.octets_id
WHERE b.size <> length(o.octets) OR b.digest NOT IN (SELECT blob FROM {loss.USERS})"""  # noqa: S608 - a constant
_WANTED = f"SELECT 1 FROM {loss.USERS} WHERE blob = ?1 AND blob NOT IN (SELECT digest FROM blobs)"  # noqa: S608 - likewise


def _wrongly_described(tx: Transaction) -> Iterator[bytes]:
    """Blobs in the database whose octets have the digest, or one that messages have and no blob."""
    for digest, octets_id in tx.rows(_DOUBTFUL):
        octets = tx.value("SELECT octets FROM blob_octets WHERE id = ?", (octets_id,))
        if not isinstance(octets, bytes):
            continue
        right, size = sha256(octets).digest(), len(octets)
        if right != digest:
            found = tx.row(_WANTED, (right,))
        else:
            found = tx.row("SELECT 1 FROM blobs WHERE digest = ? AND size <> ?", (digest, size))
        if found is not None:
            yield digest


def _drop_wrongly_described(tx: Transaction) -> None:
    """What follows gives their octets another row."""
    for digest in list(_wrongly_described(tx)):
        tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))


_UNUSED = f"SELECT digest FROM ({_COUNTED}) c WHERE counted = 0"  # noqa: S608 - a constant


def _adopt_rows(tx: Transaction, context: RepairContext) -> None:
    for found in list(loose_rows(tx)):
        if not adopt(tx, context.blobs, found):
            tx.execute(
                "DELETE FROM blob_octets WHERE id = ?", (found.octets_id,)
            )  # a duplicate: another row holds the same octets


def _adopt_files(tx: Transaction, context: RepairContext) -> None:
    wanted = set(loss.blobless(tx))
    for found in loose_files(tx, context.blobs.directory):
        if found.digest in wanted and adopt(tx, context.blobs, found):
            wanted.discard(found.digest)


@may(OPERATOR)
def adopt_every_file(tx: Transaction, context: RepairContext) -> None:
    """Give a row to each file that has none, after rows were lost: else it is removed as what a crash has left."""
    for found in loose_files(tx, context.blobs.directory):
        with suppress(BlobDamaged):  # it stays, and a later look finds it again
            adopt(tx, context.blobs, found)


def _put_into_lost_and_found(tx: Transaction, context: RepairContext) -> None:
    """The file is durable before the row is deleted."""
    make_folder(context.lost_and_found)
    for (digest,) in tx.rows(_UNUSED):
        octets = read_or_none(tx, context.blobs, digest)
        if octets is not None:
            write_whole(context.lost_and_found / f"{digest.hex()}.eml", octets)
        octets_id, location = tx.row("SELECT octets_id, location FROM blobs WHERE digest = ?", (digest,)) or (
            None,
            None,
        )
        tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        if octets_id is not None:
            tx.execute("DELETE FROM blob_octets WHERE id = ?", (octets_id,))
        if location is not None:
            tx.execute("INSERT INTO blob_files_unused VALUES (?) ON CONFLICT DO NOTHING", (location,))


def _of_accounts(context: RepairContext) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "account-has-mailboxes",
            "Every account has its counters and its first mailboxes.",
            "SELECT login FROM accounts WHERE id NOT IN (SELECT account FROM ledgers)",
            "{0} has no mailboxes",
            "Create the first ones.",
            lambda tx: _open_accounts(tx, context),
        ),
        Invariant(
            "mail-has-account",
            "All mail belongs to an existing account.",
            "SELECT account, messages FROM ledgers WHERE account NOT IN (SELECT id FROM accounts)",
            "{1} messages belong to account {0}, which does not exist",
            f"Restore a backup that has the account. To have its mail as files in lost+found: {loss.ACCEPT}",
            is_loss=True,
        ),
        Invariant(
            "push-subscription-has-account",
            "Every push subscription belongs to an existing account.",
            f"SELECT DISTINCT account {_SUBSCRIBED_BY_NOBODY}",
            "a push subscription belongs to account {0}, which does not exist",
            "Drop it.",
            (f"DELETE {_SUBSCRIBED_BY_NOBODY}",),
        ),
        Invariant(
            "contacts-have-account",
            "All contacts belong to an existing account.",
            loss.CONTACTS_OF_NOBODY,
            "there are contacts of account {0}, which does not exist",
            f"Restore a backup that has the account. To remove them instead: {loss.ACCEPT}",
            is_loss=True,
        ),
    )


_SUBSCRIBED_BY_NOBODY = "FROM push_subscriptions WHERE account NOT IN (SELECT id FROM accounts)"


def _open_accounts(tx: Transaction, context: RepairContext) -> None:
    for (account,) in tx.rows("SELECT id FROM accounts WHERE id NOT IN (SELECT account FROM ledgers)"):
        mailboxes.create_defaults(tx, account, now_ms=context.now_ms)


def _of_emails(context: RepairContext) -> tuple[Invariant, ...]:
    return (
        Invariant(
            "message-has-email",
            "Every message in a mailbox has its row of rendered data in `emails`.",
            loss.without_email,
            "a message has lost its email ({0})",
            loss.RESTORE_AS_NEW,
            is_loss=True,
        ),
        Invariant(
            "message-size-matches",
            "The size of every message is that of its octets.",
            "SELECT p.account, p.mailbox, p.uid, p.size, b.size " + _WRONG_SIZE,
            "message {2} of mailbox {1} of account {0} is recorded with {3} octets and has {4}",
            "Record the real size.",
            (
                (
                    "UPDATE placements AS p SET size = b.size FROM emails e JOIN blobs b ON b.digest = e.blob"
                    " WHERE e.id = p.email AND b.size <> p.size"
                ),
            ),
        ),
        Invariant(
            "email-has-mailbox",
            "Every email is in a mailbox, is listed for removal, or is held for a client that may undo.",
            _UNPLACED,
            "email {0} is in no mailbox",
            f"Put it into the mailbox '{RECOVERED}'.",
            lambda tx: _recover(tx, context),
        ),
    )


_WRONG_SIZE = """
FROM placements p JOIN emails e ON e.id = p.email JOIN blobs b ON b.digest = e.blob WHERE b.size <> p.size"""

_UNPLACED = """
SELECT id, blob FROM emails e WHERE NOT EXISTS (SELECT 1 FROM placements p WHERE p.email = e.id)
  AND NOT EXISTS (SELECT 1 FROM orphans o WHERE o.email = e.id)
  AND NOT EXISTS (SELECT 1 FROM undo_emails u WHERE u.email = e.id AND u.kind = 3)
  AND EXISTS (SELECT 1 FROM blobs b WHERE b.digest = e.blob)"""
"""Without a blob there is nothing to put anywhere: `blob-exists` tells of it."""


def _recover(tx: Transaction, context: RepairContext) -> None:
    """Append the message again and list the old email for removal; one that can't be read stays for the operator."""
    for email, digest in tx.rows(_UNPLACED):
        octets = read_or_none(tx, context.blobs, digest)
        if octets is not None:
            account = account_counters.account_of(email)
            message = append.Message(prepare(octets), summarize(octets))
            received_at_ms = message.summary.sent_at_ms or context.now_ms
            append.append(
                tx,
                account,
                _recovered(tx, account, context),
                message,
                flags="",
                received_at_ms=received_at_ms,
                now_ms=context.now_ms,
            )
            tx.execute("INSERT INTO orphans VALUES (?)", (email,))


def _recovered(tx: Transaction, account: AccountId, context: RepairContext) -> MailboxId:
    account_counters.open_account(tx, account)
    try:
        return mailboxes.by_name(tx, account, RECOVERED).id
    except account_counters.NoSuchMailbox:
        return mailboxes.create(tx, account, RECOVERED, now_ms=context.now_ms).id
