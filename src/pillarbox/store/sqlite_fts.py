"""The full-text index in SQLite's FTS5: its table, and every statement that names it. Another engine needs others.

`search_index` holds the trigrams of each email's text, case folded; its rowid is the email's id. Measured on
3 240 list posts (3 kB of text each): with positions the index is 3.4 times the text and 470 us a message, without
0.7 times and 310 us, and it narrows nearly as well; the text itself decides. `deletemerge` is off: a removal would
sometimes rewrite a large part of the index (0.2 s measured); ordinary merges drop what was removed as well.
"""

from collections.abc import Iterable
from typing import Final

from pillarbox.store.account_counters import EMAIL_BITS

TABLE: Final = """
CREATE VIRTUAL TABLE search_index USING fts5 (
  text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO search_index (search_index, rank) VALUES ('deletemerge', 0);
"""

ADD: Final = "INSERT INTO search_index (rowid, text) VALUES (?, ?)"
REMOVE: Final = "DELETE FROM search_index WHERE rowid = ?"

NARROW: Final = """
SELECT uid FROM placements
WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? AND (
  email > (SELECT indexed_email FROM ledgers WHERE account = ?)
  OR email IN (SELECT rowid FROM search_index WHERE search_index MATCH ? AND rowid BETWEEN ? AND ?)
  OR email IN (SELECT email FROM search_unindexed WHERE email BETWEEN ? AND ?))"""
"""UIDs between two of those messages that may match: not indexed yet, in the index, or listed as not indexed."""

NOT_INDEXED: Final = f"""
FROM emails e JOIN ledgers l ON l.account = e.id >> {EMAIL_BITS}
WHERE e.id <= l.indexed_email
  AND NOT EXISTS (SELECT 1 FROM search_index_docsize d WHERE d.id = e.id)
  AND NOT EXISTS (SELECT 1 FROM search_unindexed u WHERE u.email = e.id)"""  # noqa: S608 - a constant
"""Emails `e` up to the last indexed one that are neither in the index nor listed as not indexed."""

STALE: Final = (
    "SELECT id FROM search_index_docsize d WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.id = d.id)"
)
"""Ids in the index of emails that do not exist."""


def match_all(trigrams: Iterable[str]) -> str:
    """The parameter of MATCH for texts that contain all of these."""
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in trigrams)
