"""The tables of pushes.

`vapid_keys` has the private keys by which push services know this provider, as scalars of P-256. The last one is in
use; those before are kept as long as there may be subscriptions that were made with them. A number is used once.

`push_subscriptions` has where clients want to be told, and what was told (`subscriptions.py`). A number is used once,
so that what becomes known late of one subscription is never taken for another's. `push_verifications` has which
accounts have had how many URLs verified lately, at which hosts.
"""

from pillarbox.world.database import Schema

_VAPID_KEYS = """
CREATE TABLE vapid_keys (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  scalar BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL
)
"""

_SUBSCRIPTIONS = """
CREATE TABLE push_subscriptions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  credential TEXT NOT NULL,
  device TEXT NOT NULL,
  url TEXT NOT NULL,
  p256dh BLOB,
  auth BLOB,
  vapid_key INTEGER NOT NULL,
  types TEXT,
  email_push TEXT,
  code TEXT NOT NULL,
  state TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  told TEXT NOT NULL,
  told_email INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  retry_at_ms INTEGER NOT NULL
);
CREATE INDEX push_subscriptions_by_account ON push_subscriptions (account);
CREATE INDEX push_subscriptions_expiring ON push_subscriptions (expires_at_ms);
CREATE TABLE push_verifications (
  account INTEGER NOT NULL,
  host TEXT NOT NULL,
  at_ms INTEGER NOT NULL
);
CREATE INDEX push_verifications_by_account ON push_verifications (account, at_ms);
CREATE INDEX push_verifications_by_host ON push_verifications (host, at_ms);
CREATE INDEX push_verifications_by_time ON push_verifications (at_ms)
"""

SCHEMA = Schema("push", migrations=(_VAPID_KEYS, _SUBSCRIPTIONS))
