"""Secrets of the installation: made once, kept in the database, shared by all its processes."""

from pillarbox.world.database.transaction import Transaction

SECRET_OCTETS = 32
CREDENTIALS = "credentials"
"""Keys the digests of app passwords, and the salts shown for logins that do not exist."""


def ensure(tx: Transaction, name: str, fresh: bytes) -> bytes:
    """The secret of this name; `fresh` becomes it where there is none yet."""
    assert len(fresh) == SECRET_OCTETS
    tx.execute("INSERT INTO installation_secrets VALUES (?, ?) ON CONFLICT DO NOTHING", (name, fresh))
    kept: bytes = tx.value("SELECT octets FROM installation_secrets WHERE name = ?", (name,))
    return kept
