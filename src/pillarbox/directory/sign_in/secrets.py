"""Secrets of the installation: created once, stored in the database, shared by all its processes."""

from pillarbox.world.database.transaction import Transaction

SECRET_OCTETS = 32
CREDENTIALS = "credentials"
"""The key for digests of app passwords and for salts of logins."""
CHALLENGES = "challenges"
"""The key for challenges of passkeys of which it is not known yet whose they are."""


def find(tx: Transaction, name: str) -> bytes | None:
    """The secret of this name, if there is one."""
    kept: bytes | None = tx.value("SELECT octets FROM installation_secrets WHERE name = ?", (name,))
    return kept


def ensure(tx: Transaction, name: str, fresh: bytes) -> bytes:
    """The secret of this name; `fresh` is stored if there is none yet."""
    assert len(fresh) == SECRET_OCTETS
    tx.execute("INSERT INTO installation_secrets VALUES (?, ?) ON CONFLICT DO NOTHING", (name, fresh))
    kept: bytes = tx.value("SELECT octets FROM installation_secrets WHERE name = ?", (name,))
    return kept


def forget(tx: Transaction, name: str) -> None:
    """Forget it: another one is made when it is asked for."""
    tx.execute("DELETE FROM installation_secrets WHERE name = ?", (name,))
