"""The tables of contacts. `account` is first in every key, so that the rows of an account are adjacent.

- `contact_counters`: one row for each account that has ever changed something: the MODSEQ, and those at which an
  address book and a card last changed (`log.py`); the numbers that were assigned last; the number of its cards and of
  all their octets; and which address book is the default one. An account without this row has an
  empty address book (`books.DEFAULT`), and nothing else.
- `address_books`: one row each.
- `contact_cards`: what queries compare of a card; times are NULL where the card has none. `octets` is what the card
  counts: those of its content and of its media.
- `contact_contents`: the card as JSON, without `id` and `addressBookIds`; and as `texts`, likewise, what filters look
  for in it: made of it when it is written.
- `card_books`: which cards an address book has.
- `card_media`: blobs that a card has, each one use of a blob.
- `contact_log`: each address book and card that there is or was, with the MODSEQ of its first and its last change
  (`log.py`).
"""

from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE contact_counters (
  account INTEGER PRIMARY KEY,
  modseq INTEGER NOT NULL,
  book_modseq INTEGER NOT NULL,
  card_modseq INTEGER NOT NULL,
  last_book INTEGER NOT NULL,
  last_card INTEGER NOT NULL,
  default_book INTEGER NOT NULL,
  cards INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  complete_from INTEGER NOT NULL
);
CREATE TABLE address_books (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  sort_order INTEGER NOT NULL,
  subscribed INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE TABLE contact_cards (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  uid TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_ms INTEGER,
  updated_ms INTEGER,
  given TEXT NOT NULL,
  surname TEXT NOT NULL,
  surname2 TEXT NOT NULL,
  octets INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX contact_cards_by_uid ON contact_cards (account, uid);
CREATE TABLE contact_contents (
  account INTEGER NOT NULL,
  card INTEGER NOT NULL,
  content BLOB NOT NULL,
  texts BLOB NOT NULL,
  PRIMARY KEY (account, card)
) WITHOUT ROWID;
CREATE TABLE card_books (
  account INTEGER NOT NULL,
  card INTEGER NOT NULL,
  book INTEGER NOT NULL,
  PRIMARY KEY (account, card, book)
) WITHOUT ROWID;
CREATE INDEX card_books_by_book ON card_books (account, book, card);
CREATE TABLE card_media (
  account INTEGER NOT NULL,
  card INTEGER NOT NULL,
  blob BLOB NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (account, card, blob)
) WITHOUT ROWID;
CREATE INDEX card_media_by_blob ON card_media (account, blob);
CREATE TABLE contact_log (
  account INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  id INTEGER NOT NULL,
  created_modseq INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  destroyed INTEGER NOT NULL,
  PRIMARY KEY (account, kind, id)
) WITHOUT ROWID;
CREATE INDEX contact_log_by_modseq ON contact_log (account, kind, modseq);
CREATE INDEX contact_log_destroyed ON contact_log (account, modseq) WHERE destroyed = 1
"""

SCHEMA = Schema("contacts", migrations=(_TABLES,))
