"""The tables of blobs: a row for each, and in a table of their own the octets of the small ones.

The octets have a rising number as their key, so that a new message is written at the end of the table and reading
a mailbox reads forwards; the row of the digest gives the number.
"""

from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE blobs (
  digest BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  uses INTEGER NOT NULL,
  octets_id INTEGER,
  location TEXT
) WITHOUT ROWID;
CREATE TABLE blob_octets (
  id INTEGER PRIMARY KEY,
  octets BLOB NOT NULL
);
CREATE TABLE blob_files_unused (
  location TEXT PRIMARY KEY
) WITHOUT ROWID
"""

WITH_OCTETS = "LEFT JOIN blob_octets o ON o.id = b.octets_id"
"""Added to a query of `blobs b` to have `o.octets` beside `b.location`; exactly one of them is NULL."""

SCHEMA = Schema("blobs", migrations=(_TABLES,))
