"""The search index holds the emails that it should, and no others."""

from pillarbox.store import sqlite_fts
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant


def _forget_stale(tx: Transaction) -> None:
    tx.execute_many(sqlite_fts.REMOVE, tx.rows(sqlite_fts.STALE))
    tx.execute("DELETE FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)")


INVARIANTS = (
    Invariant(
        "email-is-indexed",
        "Every email the index has passed is in it, or known not to be.",
        "SELECT e.id " + sqlite_fts.UNFINDABLE,
        "searches do not look at email {0}",
        "Have searches look at its text.",
        ("INSERT INTO search_unindexed SELECT e.id " + sqlite_fts.UNFINDABLE,),
    ),
    Invariant(
        "index-entry-has-email",
        "The index holds emails that are there.",
        f"{sqlite_fts.STALE} UNION SELECT email FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)",  # noqa: S608 - a constant
        "the search index holds email {0}, which is not there",
        "Take it out.",
        _forget_stale,
    ),
)
