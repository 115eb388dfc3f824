"""The queue's tables: a message once, and a row for each recipient that still waits.

A recipient's row is all that a worker needs to decide whether it is due: its next hop's
name, when it is next tried, and who holds it until when. A row goes when its recipient has been
delivered to or reported; the message goes with its last recipient.
"""

from pillarbox.world.database import Schema

_TABLES = """
CREATE TABLE queue_messages (
  id INTEGER PRIMARY KEY,
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
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  destination TEXT NOT NULL,
  address TEXT NOT NULL,
  notify TEXT NOT NULL,
  original TEXT,
  state TEXT NOT NULL,
  due_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  leased_by TEXT,
  leased_until_ms INTEGER NOT NULL,
  delay_reported INTEGER NOT NULL,
  last_reply TEXT
);
CREATE INDEX queue_recipients_by_message ON queue_recipients (message);
CREATE INDEX queue_recipients_due ON queue_recipients (state, destination, due_at_ms)
"""

SCHEMA = Schema("queue", migrations=(_TABLES,))
