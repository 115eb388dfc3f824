"""Where blobs are kept: what is known of each, and apart from it the octets of the small ones.

The octets lie under a rising number, so that a new message is written at the end of its table
and reading a mailbox reads forwards; the digest finds the number.
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
"""A query for `blobs b` adds it to have `o.octets` beside `b.location`. Of a blob that is there, one is NULL."""

SCHEMA = Schema("blobs", migrations=(_TABLES,))
