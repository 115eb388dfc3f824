"""What is lost, and how it is taken out once the operator accepts the loss; `admin.lost_mail` says where it was.

Octets that can still be read, be it a part, become files in `lost+found`; nothing else but the rows of what is lost
is removed. Counts, flags and the change log are corrected by the repairs that follow.
"""

from collections.abc import Iterator

from pillarbox.admin import lost_mail
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.contacts import removal
from pillarbox.contacts.invariants import remove_lost
from pillarbox.mail.identifiers import AccountId
from pillarbox.store import account_counters, mailboxes
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.blobs.invariants import octets
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.durable import make_folder, write_whole

ACCEPT = "pillarbox fsck --repair --accept-loss"
RESTORE = f"To have it back from a backup: pillarbox restore BACKUP --missing. To remove what is lost instead: {ACCEPT}"
RESTORE_AS_NEW = (
    "To have it back from a backup, as a new message: pillarbox restore BACKUP --account LOGIN. Then, or to do without"
    f" it: {ACCEPT}"
)

USERS = (
    "(SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages UNION ALL SELECT blob FROM uploads"
    " UNION ALL SELECT blob FROM card_media)"
)
"""Every row that uses a blob."""
_MESSAGES = "(SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages)"
_BLOBLESS = f"SELECT DISTINCT blob FROM {_MESSAGES} u WHERE blob NOT IN (SELECT digest FROM blobs)"  # noqa: S608 - a constant


MEDIA_WITHOUT_BLOB = "FROM card_media WHERE blob NOT IN (SELECT digest FROM blobs)"
CONTACTS_OF_NOBODY = "SELECT account FROM contact_counters WHERE account NOT IN (SELECT id FROM accounts)"


class LossRefused(Exception):
    """What seems lost may be there. The text says why."""


@may(OPERATOR)
def without_email(tx: Transaction) -> list[tuple[str]]:
    """Messages in mailboxes that have lost their row in `emails`."""
    return [(lost.title,) for lost in lost_mail.without_email(tx)]


@may(OPERATOR)
def blobless(tx: Transaction) -> list[bytes]:
    """Digests of octets that have lost their row in `blobs`."""
    return [digest for (digest,) in tx.rows(_BLOBLESS)]


@may(OPERATOR)
def without_blob(tx: Transaction) -> Iterator[tuple[str, str]]:
    """`blobless`, and where these were."""
    for digest, where in lost_mail.whereabouts(tx, blobless(tx)).items():
        yield digest.hex(), where


# --- accepting


@may(OPERATOR)
def accept(tx: Transaction, context: RepairContext) -> int:
    """Remove all that is lost; return how many messages. Raises `LossRefused`."""
    lost = [checked.digest for checked in octets(tx, context.blobs) if checked.lost]
    _refuse_where_all_files_are_gone(tx, context)
    lost += blobless(tx)
    removed = sum(_remove_messages(tx, some) for some in lost_mail.in_parts(lost))
    removed += remove_lost(tx) + tx.execute(f"DELETE {MEDIA_WITHOUT_BLOB}")
    for digest in lost:
        _remove_blob(tx, context, digest)
    for account in _accounts_gone(tx):
        _forget_account(tx, account)
    for (account,) in tx.rows(CONTACTS_OF_NOBODY):
        removal.remove_account(tx, account)
    return removed + len(remove_without_octets(tx))


@may(OPERATOR)
def remove_without_octets(tx: Transaction) -> list[str]:
    """Remove placements and recipients that have lost their email or message; return what they were."""
    told = [what for (what,) in without_email(tx)]
    told += [
        f"queued for {address}"
        for (address,) in tx.rows(
            "SELECT address FROM queue_recipients WHERE message NOT IN (SELECT id FROM queue_messages)"
        )
    ]
    tx.execute("DELETE FROM placements WHERE email NOT IN (SELECT id FROM emails)")
    tx.execute("DELETE FROM queue_recipients WHERE message NOT IN (SELECT id FROM queue_messages)")
    tx.execute("DELETE FROM queue_attempts WHERE recipient NOT IN (SELECT id FROM queue_recipients)")
    return told


def _refuse_where_all_files_are_gone(tx: Transaction, context: RepairContext) -> None:
    directory = context.blobs.directory
    files = [location for (location,) in tx.rows("SELECT location FROM blobs WHERE location IS NOT NULL")]
    if directory and len(files) > 1 and not any((directory / location).exists() for location in files):
        raise LossRefused(
            f"not one of {len(files)} files is in {directory}: is its disk mounted? Nothing was removed. If they are "
            f"lost indeed, put any file in the place of one of them first: {directory / files[0]}"
        )


def _remove_messages(tx: Transaction, digests: tuple[bytes, ...]) -> int:
    """Take messages with these octets out of mailboxes and queue, by one look for all; return how many."""
    marks = ", ".join("?" * len(digests))
    emails = tx.rows(f"SELECT id FROM emails WHERE blob IN ({marks})", digests)  # noqa: S608 - marks only
    queued = tx.rows(f"SELECT id FROM queue_messages WHERE blob IN ({marks})", digests)  # noqa: S608 - likewise
    tx.execute(f"DELETE FROM uploads WHERE blob IN ({marks})", digests)  # noqa: S608 - likewise
    tx.execute(f"DELETE FROM card_media WHERE blob IN ({marks})", digests)  # noqa: S608 - likewise
    removed = len(queued)
    for email in emails:
        removed += tx.execute("DELETE FROM placements WHERE email = ?", email)
        tx.execute("DELETE FROM orphans WHERE email = ?", email)
        tx.execute("DELETE FROM emails WHERE id = ?", email)
    for message in queued:
        tx.execute("DELETE FROM queue_recipients WHERE message = ?", message)
        tx.execute("DELETE FROM queue_messages WHERE id = ?", message)
        tx.execute("DELETE FROM queue_attempts WHERE recipient NOT IN (SELECT id FROM queue_recipients)")
    return removed


def _remove_blob(tx: Transaction, context: RepairContext, digest: bytes) -> None:
    _keep_rest(tx, context, digest)
    tx.execute("DELETE FROM blob_octets WHERE id = (SELECT octets_id FROM blobs WHERE digest = ?)", (digest,))
    tx.execute(
        "INSERT INTO blob_files_unused SELECT location FROM blobs WHERE digest = ? AND location IS NOT NULL"
        " ON CONFLICT DO NOTHING",
        (digest,),
    )
    tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))


def _keep_rest(tx: Transaction, context: RepairContext, digest: bytes) -> None:
    """What is left of damaged octets, as a file that is durable before the rows are deleted."""
    try:
        row = tx.row(
            "SELECT o.octets, b.location FROM blobs b LEFT JOIN blob_octets o ON o.id = b.octets_id"
            " WHERE b.digest = ?",
            (digest,),
        )
        rest = row and (context.blobs.read_file(row[1]) if row[1] else row[0])
    except (BlobDamaged, DatabaseUnavailable):
        return
    if rest:
        make_folder(context.lost_and_found)
        write_whole(context.lost_and_found / f"{digest.hex()}.damaged.eml", rest)


def _accounts_gone(tx: Transaction) -> list[AccountId]:
    return [
        account
        for (account,) in tx.rows(
            "SELECT account FROM ledgers WHERE account NOT IN (SELECT id FROM accounts)"
        )
    ]


def _forget_account(tx: Transaction, account: AccountId) -> None:
    """Its messages lose their last use, and become files in `lost+found` by the repair of unused blobs."""
    tx.execute("DELETE FROM emails WHERE id BETWEEN ? AND ?", account_counters.email_bounds(account))
    mailboxes.delete_account(tx, account)
