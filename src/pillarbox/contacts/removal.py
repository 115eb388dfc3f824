"""Removing all contacts of an account that is removed."""

from typing import Final

from pillarbox.mail.identifiers import AccountId
from pillarbox.world import blobs
from pillarbox.world.database import Transaction

_TABLES: Final = (
    "card_media", "card_books", "contact_contents", "contact_cards", "address_books", "contact_log", "contact_counters",
)  # fmt: skip


def remove_account(tx: Transaction, account: AccountId) -> None:
    """Remove everything, and the uses of blobs."""
    for (digest,) in tx.rows("SELECT blob FROM card_media WHERE account = ?", (account,)):
        blobs.release(tx, digest)
    for table in _TABLES:
        tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608 - names from above
