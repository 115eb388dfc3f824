"""What clients have uploaded to use it in messages (RFC 8620 §6): octets of an account, for a day.

An upload is one more use of its blob. A message that is made of it is made of copies, a draft and mail that waits in
the queue as well, so nothing ever needs an upload longer than its client does. The same octets again are the same
upload, which is then new. Where an account has too many, or too many octets, the oldest go first.

Expired uploads are removed a few at a time by a chore, as are those of an account that was deleted.
"""

from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId
from pillarbox.world import blobs
from pillarbox.world.blobs import PreparedBlob
from pillarbox.world.database import Transaction

KEPT_MS: Final = 24 * 3600 * 1000
"""How long an upload is kept after it was made, or made again; RFC 8620 §6 wants an hour at least."""
REMOVED_TOGETHER: Final = 32
"""Uploads that one call of a verb removes, some 20 microseconds each."""


class UploadQuota(Struct, frozen=True, gc=False):
    """What the uploads of one account may be, beside the quota of its mail (RFC 8620 §6)."""

    uploads: int = 1_000
    octets: int = 500_000_000
    """All of them together; more than one upload may have, and than a message may have attachments."""


QUOTA: Final = UploadQuota()


class Upload(Struct, frozen=True, gc=False):
    """One upload."""

    digest: bytes
    """Of its octets: their name in `world.blobs`."""
    size: int
    """Octets."""
    type: str
    """The media type that its client has named last; nothing depends on it."""


def add(
    tx: Transaction,
    account: AccountId,
    prepared: PreparedBlob,
    media_type: str,
    *,
    now_ms: int,
    quota: UploadQuota = QUOTA,
) -> Upload | None:
    """Keep octets as an upload of the account.

    None: some of the oldest have made room, but it is not enough yet, and the caller has to call again.
    """
    digest, size = prepared.blob.digest, prepared.blob.size
    if tx.execute(_RENEW, (media_type, now_ms, account, digest)):
        prepared.keep(tx)  # where its file is another than that of the same octets, it goes
        blobs.release(tx, digest)
    elif not _has_room(tx, account, size, quota):
        return None
    else:
        prepared.keep(tx)
        tx.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", (account, digest, size, media_type, now_ms))
    return Upload(digest, size, media_type)


_RENEW: Final = "UPDATE uploads SET type = ?, at_ms = ? WHERE account = ? AND blob = ?"


def _has_room(tx: Transaction, account: AccountId, size: int, quota: UploadQuota) -> bool:
    """Whether there is room for one more; removes some of the oldest where there is none."""
    uploads, octets = tx.row(_USAGE, (account,)) or (0, 0)
    if uploads < quota.uploads and octets + size <= quota.octets:
        return True
    for digest, freed in tx.rows(_OLDEST, (account, REMOVED_TOGETHER)):
        if uploads < quota.uploads and octets + size <= quota.octets:
            break
        _remove(tx, account, digest)
        uploads, octets = uploads - 1, octets - freed
    return not uploads or (uploads < quota.uploads and octets + size <= quota.octets)


_USAGE: Final = "SELECT count(*), coalesce(sum(size), 0) FROM uploads WHERE account = ?"
_OLDEST: Final = "SELECT blob, size FROM uploads WHERE account = ? ORDER BY at_ms, blob LIMIT ?"


def _remove(tx: Transaction, account: AccountId, digest: bytes) -> None:
    blobs.release(tx, digest)
    tx.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", (account, digest))


def find(tx: Transaction, account: AccountId, digest: bytes) -> Upload | None:
    """The upload of the account with these octets."""
    row = tx.row("SELECT size, type FROM uploads WHERE account = ? AND blob = ?", (account, digest))
    return None if row is None else Upload(digest, *row)


def delete_account(tx: Transaction, account: AccountId) -> None:
    """Have `sweep` remove all uploads of an account."""
    tx.execute("UPDATE uploads SET at_ms = 0 WHERE account = ?", (account,))


# --- the chore


def expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether `sweep` has work."""
    return tx.row("SELECT 1 FROM uploads WHERE at_ms <= ? LIMIT 1", (now_ms - KEPT_MS,)) is not None


def sweep(tx: Transaction, *, now_ms: int) -> int:
    """Remove some uploads that have expired; return how many."""
    rows = tx.rows(_EXPIRED, (now_ms - KEPT_MS, REMOVED_TOGETHER))
    for account, digest in rows:
        _remove(tx, account, digest)
    return len(rows)


_EXPIRED: Final = "SELECT account, blob FROM uploads WHERE at_ms <= ? ORDER BY at_ms LIMIT ?"
