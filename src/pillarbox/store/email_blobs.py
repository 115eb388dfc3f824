"""Which emails of an account have certain octets."""

from typing import Final

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import account_counters
from pillarbox.world.database import Transaction

# In the words of the index `emails_by_blob`, whose entries have the id as well
_WITH_BLOB: Final = (
    "FROM emails WHERE substr(blob, 1, 8) = substr(?, 1, 8) AND id BETWEEN ? AND ? AND blob = ?"
)


def size(tx: Transaction, account: AccountId, digest: bytes) -> int | None:
    """How many octets the messages with this digest have; `None` where the account has none.

    An email that was removed counts as long as its octets are there (`orphans`): RFC 8620 §6 wants them to outlast
    the call that removed it.
    """
    if tx.row(f"SELECT 1 {_WITH_BLOB} LIMIT 1", _bounds(account, digest)) is None:
        return None
    octets: int | None = tx.value("SELECT size FROM blobs WHERE digest = ?", (digest,))
    return octets


def emails(tx: Transaction, account: AccountId, digest: bytes, *, limit: int) -> list[EmailId]:
    """The first emails of the account with these octets, in no mailbox perhaps."""
    rows = tx.rows(f"SELECT id {_WITH_BLOB} ORDER BY id LIMIT ?", (*_bounds(account, digest), limit))
    return [email for (email,) in rows]


def _bounds(account: AccountId, digest: bytes) -> tuple[bytes, int, int, bytes]:
    return digest, *account_counters.email_bounds(account), digest
