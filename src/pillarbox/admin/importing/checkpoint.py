"""How far sources have been taken into an account."""

from pillarbox.admin.importing.source import Mark
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


def last(tx: Transaction, account: AccountId, source: str) -> Mark | None:
    """The mark of a stream; `None` where nothing of it was taken."""
    row = tx.row(
        "SELECT item, position, fingerprint FROM imported WHERE account = ? AND source = ? AND item = ''",
        (account, source),
    )
    return Mark(*row) if row else None


def taken(tx: Transaction, account: AccountId, source: str, item: str) -> bool:
    """Whether this item was taken."""
    sql = "SELECT 1 FROM imported WHERE account = ? AND source = ? AND item = ?"
    return tx.value(sql, (account, source, item)) is not None


def remember(tx: Transaction, account: AccountId, source: str, mark: Mark) -> None:
    """Keep a mark, in the transaction that stores what it stands for."""
    tx.execute(
        "INSERT INTO imported VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, source, item) DO UPDATE SET"
        " position = excluded.position, fingerprint = excluded.fingerprint",
        (account, source, mark.item, mark.position, mark.fingerprint),
    )


def forget(tx: Transaction, account: AccountId, source: str | None = None) -> None:
    """Drop the record of one source, or of all."""
    if source is None:
        tx.execute("DELETE FROM imported WHERE account = ?", (account,))
    else:
        tx.execute("DELETE FROM imported WHERE account = ? AND source = ?", (account, source))
