"""The queue's tables: a message once, a row for each recipient that still waits, a row for each destination.

A recipient's row is due at a time; to *lease* it is to move that time on, so that a worker that
crashed leaves nothing to clean up: what it held becomes due again. A destination's row says when it wants its
next turn, so that finding work looks at a handful of destinations however many messages wait. And a
recipient's row says when its sender is to hear of it (`tell_at_ms`): late once, at the end for good, whether
or not anybody could try meanwhile. No number is ever given twice (`AUTOINCREMENT`), so what is said of a
message or a recipient late is never taken for another's.
"""

from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE queue_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  blob BLOB NOT NULL,
  size INTEGER NOT NULL,
  reverse_path TEXT,
  account INTEGER,
  body TEXT NOT NULL,
  smtputf8 INTEGER NOT NULL,
  require_tls INTEGER NOT NULL,
  envelope_id TEXT,
  return_content TEXT,
  queued_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
);
CREATE TABLE queue_recipients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL,
  destination TEXT NOT NULL,
  address TEXT NOT NULL,
  notify TEXT NOT NULL,
  original TEXT,
  state TEXT NOT NULL,
  due_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  tell_at_ms INTEGER NOT NULL,
  last_attempt_ms INTEGER,
  last_status TEXT,
  last_reply TEXT,
  last_host TEXT
);
CREATE INDEX queue_recipients_by_message ON queue_recipients (message, destination);
CREATE INDEX queue_recipients_due ON queue_recipients (destination, state, due_at_ms);
CREATE INDEX queue_recipients_told ON queue_recipients (state, tell_at_ms);
CREATE TABLE queue_destinations (
  name TEXT PRIMARY KEY,
  turn_at_ms INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  closed_until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX queue_destinations_turn ON queue_destinations (turn_at_ms)
"""

SCHEMA = Schema("queue", migrations=(_TABLES,))
