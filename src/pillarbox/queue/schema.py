"""The queue's tables: a row for each message, for each recipient that is still queued, and for each destination.

A recipient's row has the time at which it is due; *leasing* it moves that time into the future, so a worker that
crashes leaves nothing to clean up: its recipients become due again. A destination's row has the time of its next
attempt (`turn_at_ms`), so that finding work reads a handful of destinations however many messages are queued.
`tell_at_ms` is when the recipient's sender is next to get a DSN: once when delivery is delayed, and at the end,
whether or not an attempt could be made. `unfinished` counts leases in a row that ran out without a result.
A message with `release_at_ms` is held until then (`scheduled.py`): its recipients have the state `scheduled`, and
nothing tries them. `release_request` is how that was asked for (RFC 4865), which reports repeat.
`queue_attempts` has the attempts made for recipients that are queued. Ids are never reused (`AUTOINCREMENT`), so a
late result is never applied to another message or recipient. `mta_sts_policies` has what other providers demand of
connections to them (`sts_policies.py`). `submissions` and the tables beside it have what accounts have sent by JMAP
and what became of it (`submissions.py`); `message` is the queued message, NULL where it never was in the queue.
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

_UNFINISHED = "ALTER TABLE queue_recipients ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0"

_ATTEMPTS = """
CREATE TABLE queue_attempts (
  recipient INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  status TEXT NOT NULL,
  reply TEXT NOT NULL,
  host TEXT,
  address TEXT,
  tls TEXT,
  PRIMARY KEY (recipient, number)
) WITHOUT ROWID
"""

_STS_POLICIES = """
CREATE TABLE mta_sts_policies (
  domain TEXT PRIMARY KEY,
  policy TEXT,
  identity TEXT NOT NULL,
  fetched_at_s INTEGER NOT NULL,
  tried_at_s INTEGER NOT NULL,
  tried_identity TEXT NOT NULL,
  failure TEXT,
  failure_reason TEXT NOT NULL,
  expires_at_s INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX mta_sts_policies_expiring ON mta_sts_policies (expires_at_s)
"""

_SCHEDULED = """
ALTER TABLE queue_messages ADD COLUMN release_at_ms INTEGER;
ALTER TABLE queue_messages ADD COLUMN release_request TEXT;
CREATE INDEX queue_messages_released ON queue_messages (release_at_ms) WHERE release_at_ms IS NOT NULL;
CREATE INDEX queue_messages_scheduled ON queue_messages (account) WHERE release_at_ms IS NOT NULL
"""

_SUBMISSIONS = """
CREATE TABLE submissions (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  identity TEXT NOT NULL,
  email INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  send_at_ms INTEGER NOT NULL,
  undo TEXT NOT NULL,
  message INTEGER,
  envelope_id TEXT NOT NULL,
  message_id TEXT,
  created_modseq INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  destroyed INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE INDEX submissions_by_message ON submissions (message) WHERE message IS NOT NULL;
CREATE INDEX submissions_by_envelope_id ON submissions (account, envelope_id);
CREATE INDEX submissions_by_message_id ON submissions (account, message_id);
CREATE INDEX submissions_by_modseq ON submissions (account, modseq);
CREATE INDEX submissions_by_time ON submissions (send_at_ms);
CREATE TABLE submission_recipients (
  account INTEGER NOT NULL,
  submission INTEGER NOT NULL,
  position INTEGER NOT NULL,
  address TEXT NOT NULL,
  queued_as TEXT,
  delivered TEXT NOT NULL,
  reply TEXT NOT NULL,
  displayed TEXT NOT NULL,
  PRIMARY KEY (account, submission, position)
) WITHOUT ROWID;
CREATE TABLE submission_reports (
  account INTEGER NOT NULL,
  submission INTEGER NOT NULL,
  kind TEXT NOT NULL,
  number INTEGER NOT NULL,
  blob BLOB NOT NULL,
  PRIMARY KEY (account, submission, kind, number)
) WITHOUT ROWID;
CREATE TABLE submission_counters (
  account INTEGER PRIMARY KEY,
  latest INTEGER NOT NULL,
  complete_from INTEGER NOT NULL,
  recipients INTEGER NOT NULL
)
"""

SCHEMA = Schema(
    "queue", migrations=(_TABLES, _UNFINISHED, _ATTEMPTS, _STS_POLICIES, _SCHEDULED, _SUBMISSIONS)
)
