"""Challenges of passkeys that have let somebody in, before it was known whose they were: each does so once.

Those that are open have no row, or strangers could fill the table (`server.sign_in.open_challenges`). The row of one
that was used is written in the transaction that opens the session, and stays until the challenge would have expired.
"""

from typing import Final

from pillarbox.world.database.transaction import Transaction

REMOVED_TOGETHER: Final = 1000


def use(tx: Transaction, digest: bytes, *, expires_at_ms: int, now_ms: int) -> bool:
    """Use up the challenge whose token has this digest (`browser_sessions.digest_of`); false where it was used before.

    One that has expired is refused here too, since its row may have been removed.
    """
    if expires_at_ms <= now_ms:
        return False
    added = tx.execute(
        "INSERT INTO used_challenges (digest, expires_at_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (digest, expires_at_ms),
    )
    return added == 1


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    return tx.row("SELECT 1 FROM used_challenges WHERE expires_at_ms <= ? LIMIT 1", (now_ms,)) is not None


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of those that have expired; returns how many."""
    return tx.execute(
        "DELETE FROM used_challenges WHERE digest IN"
        " (SELECT digest FROM used_challenges WHERE expires_at_ms <= ? LIMIT ?)",
        (now_ms, REMOVED_TOGETHER),
    )
