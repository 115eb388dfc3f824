"""Emails that are in no mailbox any more: removed a few at a time, with the octets that nothing else uses.

EXPUNGE, DELETE and the removal of an account only list them in `orphans`, so that a large one delays no other client.
"""

from typing import Final

from pillarbox.store import signature_verdicts, sqlite_fts
from pillarbox.world import blobs
from pillarbox.world.database import Transaction

EMAILS_PER_SWEEP: Final = 256
"""Emails that one call of `sweep` removes, some 20 microseconds each."""


def exist(tx: Transaction) -> bool:
    """Whether `sweep` has work to do."""
    return tx.row("SELECT 1 FROM orphans LIMIT 1") is not None


def sweep(tx: Transaction, limit: int = EMAILS_PER_SWEEP) -> int:
    """Remove emails that are in no mailbox and release their octets; return how many were removed.

    A chore calls this until it returns 0.
    """
    orphans = tx.rows(
        "SELECT o.email, e.blob FROM orphans o LEFT JOIN emails e ON e.id = o.email ORDER BY o.email LIMIT ?",
        (limit,),
    )
    for email, digest in orphans:
        if digest is not None:
            blobs.release(tx, digest)
        for statement in _DROP:
            tx.execute(statement, (email,))
    return len(orphans)


_DROP = (
    sqlite_fts.REMOVE,
    "DELETE FROM search_unindexed WHERE email = ?",
    "DELETE FROM search_given_up WHERE email = ?",
    signature_verdicts.REMOVE,
    "DELETE FROM snoozes WHERE email = ?",
    "DELETE FROM emails WHERE id = ?",
    "DELETE FROM orphans WHERE email = ?",
)
