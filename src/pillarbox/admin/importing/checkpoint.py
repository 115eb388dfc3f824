"""How far each source has been imported into an account."""

from pillarbox.admin.importing.source import Checkpoint
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

SCHEMA = Schema("importing", migrations=(_TABLES,))


def latest(tx: Transaction, account: AccountId, source: str) -> Checkpoint | None:
    """The latest checkpoint of a stream; `None` where nothing of it was imported."""
    row = tx.row(
        "SELECT item, position, fingerprint FROM imported WHERE account = ? AND source = ? AND item = ''",
        (account, source),
    )
    return Checkpoint(*row) if row else None


def is_imported(tx: Transaction, account: AccountId, source: str, item: str) -> bool:
    """Whether this item was imported."""
    sql = "SELECT 1 FROM imported WHERE account = ? AND source = ? AND item = ?"
    return tx.value(sql, (account, source, item)) is not None


def save(tx: Transaction, account: AccountId, source: str, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, in the transaction that stores its message."""
    tx.execute(
        "INSERT INTO imported VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, source, item) DO UPDATE SET"
        " position = excluded.position, fingerprint = excluded.fingerprint",
        (account, source, checkpoint.item, checkpoint.position, checkpoint.fingerprint),
    )


def delete(tx: Transaction, account: AccountId, source: str | None = None) -> None:
    """Delete the checkpoints of one source, or of all."""
    if source is None:
        tx.execute("DELETE FROM imported WHERE account = ?", (account,))
    else:
        tx.execute("DELETE FROM imported WHERE account = ? AND source = ?", (account, source))
