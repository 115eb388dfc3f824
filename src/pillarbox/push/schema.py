"""The tables of pushes.

`vapid_keys` has the private keys by which push services know this provider, as scalars of P-256. The last one is in
use; those before are kept as long as there may be subscriptions that were made with them. A number is used once.
"""

from pillarbox.world.database import Schema

_VAPID_KEYS = """
CREATE TABLE vapid_keys (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  scalar BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL
)
"""

SCHEMA = Schema("push", migrations=(_VAPID_KEYS,))
