"""How far each source has been imported into an account."""

from pillarbox.admin.importing.source import Checkpoint
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Schema, Transaction

_TABLES = """
CREATE TABLE imported (
  account INTEGER NOT NULL,
  source TEXT NOT NULL,
  item TEXT NOT NULL,
  position INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  PRIMARY KEY (account, source, item)
)
"""

_MESSAGES = """
ALTER TABLE imported ADD COLUMN messages INTEGER NOT NULL DEFAULT 1;
"""

# Older code can't import into the new table, and can do all else.
SCHEMA = Schema("importing", migrations=(_TABLES, _MESSAGES), compatible_back_to=1)


IDENTITIES = "identities"
"""Stands for a source: the identities of messages that several sources may have are its items."""


@may(OPERATOR)
def find(tx: Transaction, account: AccountId, source: str, item: str) -> Checkpoint | None:
    """The checkpoint of an item; `None` where nothing of it was imported."""
    row = tx.row(
        "SELECT item, position, fingerprint, messages FROM imported"
        " WHERE account = ? AND source = ? AND item = ?",
        (account, source, item),
    )
    return Checkpoint(*row) if row else None


@may(OPERATOR)
def save(tx: Transaction, account: AccountId, source: str, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, in the transaction that stores its message."""
    tx.execute(
        "INSERT INTO imported (account, source, item, position, fingerprint, messages) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, source, item) DO UPDATE SET"
        " position = excluded.position, fingerprint = excluded.fingerprint, messages = excluded.messages",
        (
            account,
            source,
            checkpoint.item,
            checkpoint.position,
            checkpoint.fingerprint,
            checkpoint.messages,
        ),
    )


@may(OPERATOR)
def delete(tx: Transaction, account: AccountId, source: str | None = None) -> None:
    """Delete the checkpoints of one source, or of all."""
    if source is None:
        tx.execute("DELETE FROM imported WHERE account = ?", (account,))
    else:
        tx.execute("DELETE FROM imported WHERE account = ? AND source = ?", (account, source))
