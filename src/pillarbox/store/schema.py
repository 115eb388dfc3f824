"""The tables of the store.

`account` is first in every key, so that the rows of an account are adjacent and every verb stays within one account;
but `indicators` are of no account. The id of an email has its account in the upper bits (see `account_counters`), so
it does the same.

- `ledgers`: the counters of an account, one row each: the numbers to assign next, the usage, the MODSEQs at which its
  emails, mailboxes and threads last changed, and `logged_from`: of what happened before that MODSEQ, the change log
  does not say which emails it concerned.
- `mailboxes`: one row each, with counts maintained by the verbs, so that STATUS never counts. `sort_order` is NULL
  where no client has set it.
- `placements`: which email is message *uid* of a mailbox. It repeats the email's small immutable values (size, dates,
  thread), so that listing, sorting and searching by them is one scan of a narrow table.
- `flags`: what changes of placements: a row for each run of messages that have the same (`flag_runs`), so that STORE
  on a whole mailbox leaves one.
- `flag_texts`: long texts of `flags`, with the number of messages; see the module of that name.
- `emails`: what was rendered once at delivery. `blob` is the name of the octets, `digest` the cached header fields,
  `links` the message ids of References (or the first of In-Reply-To). Small columns come first: SQLite reads a row
  from its start. `authentication` is what checks found when the message came, as JSON (`authentication.py`); NULL
  where we have not received it.
- `orphans`: emails without placements, until `orphans.sweep` releases their octets.
- `thread_keys`: the thread of a Message-ID or of a subject.
- `unfinished_copies`: parts of large copies, to be expunged unless the copy is finished; see the module of that name.
- `changes`: the change log. One row for each run of UIDs and call of a verb. `email` is the id of the first email of a
  run that arrived, whose ids rise as the UIDs do; it is NULL in all other rows.
- `search_index`: trigrams of each email's text; see `sqlite_fts`.
- `search_unindexed`: emails that were not indexed, so that searches always read them.
- `search_attempts`: how far the reading for the index was begun in an account, written before it begins.
- `search_given_up`: those of `search_unindexed` that could not be read for the index, so that `fsck` can say so.
- `uploads`: octets that clients have uploaded, until they expire; see the module of that name. `emails_by_blob` finds
  the emails with certain octets: 8 octets of a digest are enough for that.
- `signature_verdicts`: what was found of the signatures of emails; see the module of that name.
- `undo_tokens`, `undo_emails`: what calls of clients have changed, as long as it can be undone, with destroyed emails,
  which are not in `orphans` until then; see the module `undo_tokens`. `number` is a MODSEQ: that of the call.
  `snoozed_in` and what follows tell where an email was snoozed that was taken from there, and how (as in `snoozes`).
- `saved_searches`: filters of emails that an account has saved, as JSON, with the MODSEQs of their first and last
  change; those that were destroyed have no content. `saved_search_counters` has the last id of an account, and since
  when none of these is missing.
- `snoozes`: emails that are away until a time, or were; see `snoozing`. `mailbox` and `uid` name the message that
  waits. Of what came back (`is_waiting` 0), `until_ms` is when it did.
- `indicators`: images that senders ask to be shown beside their mail, for all accounts; see the module of that name.
  `kept_until_s` is when a row may go, `until_s` when it is to be fetched again.
"""

from pillarbox.store import sqlite_fts
from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE ledgers (
  account INTEGER PRIMARY KEY,
  modseq INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  last_email INTEGER NOT NULL,
  last_mailbox INTEGER NOT NULL,
  last_uid_validity INTEGER NOT NULL,
  indexed_email INTEGER NOT NULL
);
CREATE TABLE mailboxes (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  role TEXT,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL,
  first_recent INTEGER NOT NULL,
  highest_modseq INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX mailboxes_by_name ON mailboxes (account, name);
CREATE TABLE subscriptions (
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE placements (
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  email INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  size INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  sent_at_ms INTEGER,
  sent_day INTEGER,
  saved_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX placements_by_email ON placements (email);
CREATE TABLE flags (
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  flags TEXT NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (account, mailbox, uid)
) WITHOUT ROWID;
CREATE TABLE emails (
  id INTEGER PRIMARY KEY,
  blob BLOB NOT NULL,
  header_size INTEGER NOT NULL,
  crlf_size INTEGER NOT NULL,
  has_attachment INTEGER NOT NULL,
  base_subject TEXT NOT NULL,
  is_reply INTEGER NOT NULL,
  sort_from TEXT NOT NULL,
  sort_to TEXT NOT NULL,
  sort_cc TEXT NOT NULL,
  sort_display_from TEXT NOT NULL,
  sort_display_to TEXT NOT NULL,
  subject TEXT NOT NULL,
  message_id TEXT,
  links TEXT NOT NULL,
  envelope BLOB NOT NULL,
  bodystructure BLOB NOT NULL,
  digest BLOB NOT NULL,
  preview TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE orphans (
  email INTEGER PRIMARY KEY
);
CREATE TABLE thread_keys (
  account INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  PRIMARY KEY (account, hash)
) WITHOUT ROWID;
CREATE TABLE changes (
  account INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (account, modseq, mailbox, kind, first)
) WITHOUT ROWID;
"""

_UNINDEXED = """
CREATE TABLE search_unindexed (
  email INTEGER PRIMARY KEY
)
"""

_ATTEMPTS = """
CREATE TABLE search_attempts (
  account INTEGER PRIMARY KEY,
  upto INTEGER NOT NULL,
  singly_upto INTEGER NOT NULL
);
CREATE TABLE search_given_up (
  email INTEGER PRIMARY KEY
)
"""

_RUNS = """
ALTER TABLE flags ADD COLUMN more INTEGER NOT NULL DEFAULT 0
"""

_TEXTS = """
CREATE TABLE flag_texts (
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  flags TEXT NOT NULL,
  messages INTEGER NOT NULL,
  PRIMARY KEY (account, mailbox, flags)
) WITHOUT ROWID;
INSERT INTO flag_texts
SELECT account, mailbox, flags, sum(more + 1) FROM flags WHERE length(flags) > 40 GROUP BY account, mailbox, flags
"""

_COPIES = """
CREATE TABLE unfinished_copies (
  account INTEGER NOT NULL,
  copy INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (account, copy, first)
) WITHOUT ROWID
"""

_AUTHENTICATION = """
ALTER TABLE emails ADD COLUMN authentication BLOB
"""

_INDICATORS = """
CREATE TABLE indicators (
  organization TEXT PRIMARY KEY,
  location TEXT NOT NULL,
  evidence TEXT NOT NULL,
  roots TEXT NOT NULL,
  problem TEXT NOT NULL,
  authority TEXT NOT NULL,
  names TEXT NOT NULL,
  until_s INTEGER NOT NULL,
  claimed_until_s INTEGER NOT NULL,
  kept_until_s INTEGER NOT NULL,
  digest TEXT NOT NULL,
  octets INTEGER NOT NULL,
  image BLOB NOT NULL
);
CREATE INDEX indicators_expiring ON indicators (kept_until_s, octets)
"""

_EMAILS_LOGGED = """
ALTER TABLE changes ADD COLUMN email INTEGER;
ALTER TABLE ledgers ADD COLUMN email_modseq INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledgers ADD COLUMN mailbox_modseq INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledgers ADD COLUMN thread_modseq INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledgers ADD COLUMN logged_from INTEGER NOT NULL DEFAULT 1;
UPDATE ledgers SET email_modseq = modseq, mailbox_modseq = modseq, thread_modseq = modseq, logged_from = modseq;
CREATE INDEX placements_by_thread ON placements (thread) WHERE thread <> email
"""

_UPLOADS = """
CREATE TABLE uploads (
  account INTEGER NOT NULL,
  blob BLOB NOT NULL,
  size INTEGER NOT NULL,
  type TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, blob)
) WITHOUT ROWID;
CREATE INDEX uploads_by_time ON uploads (at_ms);
CREATE INDEX emails_by_blob ON emails (substr(blob, 1, 8))
"""

_SORT_ORDERS = """
ALTER TABLE mailboxes ADD COLUMN sort_order INTEGER
"""

_SIGNATURE_VERDICTS = """
CREATE TABLE signature_verdicts (
  email INTEGER PRIMARY KEY,
  status TEXT NOT NULL,
  errors TEXT NOT NULL,
  verified_at_ms INTEGER NOT NULL,
  at_delivery TEXT NOT NULL
)
"""

_UNDO = """
CREATE TABLE undo_tokens (
  account INTEGER NOT NULL,
  token BLOB NOT NULL,
  number INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  text_octets INTEGER NOT NULL,
  PRIMARY KEY (account, token)
) WITHOUT ROWID;
CREATE INDEX undo_tokens_by_time ON undo_tokens (until_ms);
CREATE TABLE undo_emails (
  account INTEGER NOT NULL,
  token BLOB NOT NULL,
  kind INTEGER NOT NULL,
  email INTEGER NOT NULL,
  mailboxes_before TEXT,
  flags_before TEXT,
  mailboxes_after TEXT,
  flags_after TEXT,
  thread INTEGER,
  size INTEGER,
  received_at_ms INTEGER,
  sent_at_ms INTEGER,
  sent_day INTEGER,
  PRIMARY KEY (account, token, kind, email)
) WITHOUT ROWID;
CREATE INDEX undo_emails_held ON undo_emails (email) WHERE kind = 3
"""

_SAVED_SEARCHES = """
CREATE TABLE saved_searches (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  filter TEXT,
  sort TEXT,
  collapse_threads INTEGER NOT NULL,
  sort_order INTEGER NOT NULL,
  created_modseq INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  destroyed INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE TABLE saved_search_counters (
  account INTEGER PRIMARY KEY,
  latest INTEGER NOT NULL,
  complete_from INTEGER NOT NULL
)
"""

_SNOOZES = """
CREATE TABLE snoozes (
  email INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  is_waiting INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  move_to INTEGER,
  set_flags TEXT NOT NULL,
  unset_flags TEXT NOT NULL
);
CREATE INDEX snoozes_due ON snoozes (until_ms, email) WHERE is_waiting = 1;
CREATE INDEX snoozes_by_account ON snoozes (account)
"""

_UNDO_OF_SNOOZED = """
ALTER TABLE undo_emails ADD COLUMN snoozed_in INTEGER;
ALTER TABLE undo_emails ADD COLUMN until_ms INTEGER;
ALTER TABLE undo_emails ADD COLUMN move_to INTEGER;
ALTER TABLE undo_emails ADD COLUMN set_flags TEXT;
ALTER TABLE undo_emails ADD COLUMN unset_flags TEXT
"""

_MIGRATIONS = (
    _TABLES + sqlite_fts.TABLE + _UNINDEXED,
    _ATTEMPTS,
    _RUNS,
    _TEXTS,
    _COPIES,
    _AUTHENTICATION,
    _INDICATORS,
    _EMAILS_LOGGED,
    _SORT_ORDERS,
    _UPLOADS,
    _SIGNATURE_VERDICTS,
    _UNDO,
    _SAVED_SEARCHES,
    _SNOOZES,
    _UNDO_OF_SNOOZED,
)

# Older code writes rows of `undo_emails` without these columns
SCHEMA = Schema("store", migrations=_MIGRATIONS, compatible_back_to=_MIGRATIONS.index(_UNDO_OF_SNOOZED) + 1)
