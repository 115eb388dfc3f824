"""The search index holds the emails that it should, and no others."""

from pillarbox.store import sqlite_fts
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant


def _remove_stale(tx: Transaction) -> None:
    tx.execute_many(sqlite_fts.REMOVE, tx.rows(sqlite_fts.STALE))
    tx.execute("DELETE FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)")
    tx.execute("DELETE FROM search_given_up WHERE email NOT IN (SELECT id FROM emails)")


INVARIANTS = (
    Invariant(
        "email-is-indexed",
        "Every email up to the last indexed one is in the index or listed as not indexed.",
        "SELECT e.id " + sqlite_fts.NOT_INDEXED,
        "searches miss email {0}",
        "List it as not indexed: searches then read its text.",
        ("INSERT INTO search_unindexed SELECT e.id " + sqlite_fts.NOT_INDEXED,),
    ),
    Invariant(
        "index-entry-has-email",
        "The index holds existing emails only.",
        f"{sqlite_fts.STALE} UNION SELECT email FROM search_unindexed WHERE email NOT IN (SELECT id FROM emails)"  # noqa: S608 - a constant
        " UNION SELECT email FROM search_given_up WHERE email NOT IN (SELECT id FROM emails)",
        "the search index holds email {0}, which does not exist",
        "Remove it from the index.",
        _remove_stale,
    ),
)
