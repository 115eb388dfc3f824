"""The tables of what somebody signs in with, each as it was made; `directory.schema` has their order.

`app_passwords` and `passwords`, which are older, hold no passwords, only their hashes.

`foreign_passwords` has hashes that another server has made, until the first login with each; an account with a row in
`passwords` has none that counts. `former_marks` has the marks (`credential_marks`) of passwords whose sessions go on.

`totp_secrets` has what one-time codes are computed from, `totp_setups` the secrets that wait for their first code, and
`recovery_codes` the digests of those that have not been used.

`browser_sessions` and `sign_in_steps` have digests of the tokens that browsers show, never the tokens.

`reset_links` and `recovery_confirmations` hold digests of tokens that were given out; `recovery_mails`, what was sent
within the last day to recovery addresses, and to owners about changes.

`sign_ins` has the last sign-ins of each account (`failed` keeps those apart that did not succeed), `devices` what has
signed in to it (`device`: what one is known by), and `device_notices` whether its owner is told of new ones.
"""

from typing import Final

APP_LIMITS: Final = """
ALTER TABLE app_passwords ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE app_passwords ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE app_passwords ADD COLUMN last_used_address TEXT;
ALTER TABLE app_passwords ADD COLUMN last_used_scope TEXT
"""

FOREIGN_PASSWORDS: Final = """
CREATE TABLE foreign_passwords (
  account INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL
);
CREATE TABLE former_marks (
  account INTEGER NOT NULL,
  mark TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (account, mark)
) WITHOUT ROWID;
CREATE INDEX accounts_by_salt ON accounts (scram_salt)
"""

ONE_TIME_CODES: Final = """
CREATE TABLE totp_secrets (
  account INTEGER PRIMARY KEY,
  secret BLOB NOT NULL,
  last_step INTEGER NOT NULL,
  confirmed_at_ms INTEGER NOT NULL
);
CREATE TABLE totp_setups (
  account INTEGER PRIMARY KEY,
  secret BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL,
  session TEXT NOT NULL
);
CREATE TABLE recovery_codes (
  account INTEGER NOT NULL,
  digest BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, digest)
) WITHOUT ROWID
"""

BROWSER_SESSIONS: Final = """
CREATE TABLE browser_sessions (
  id TEXT PRIMARY KEY,
  account INTEGER NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  former BLOB,
  former_until_ms INTEGER NOT NULL,
  method TEXT NOT NULL,
  agent TEXT NOT NULL,
  address TEXT NOT NULL,
  device BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  proven_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  cookie_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX browser_sessions_by_account ON browser_sessions (account);
CREATE INDEX browser_sessions_by_former ON browser_sessions (former) WHERE former IS NOT NULL;
CREATE INDEX browser_sessions_by_expiry ON browser_sessions (expires_at_ms);
CREATE TABLE sign_in_steps (
  digest BLOB PRIMARY KEY,
  account INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  session TEXT NOT NULL,
  credential TEXT NOT NULL,
  challenge BLOB NOT NULL,
  tries INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  network TEXT NOT NULL,
  known INTEGER NOT NULL,
  sign_in INTEGER
) WITHOUT ROWID;
CREATE INDEX sign_in_steps_by_account ON sign_in_steps (account);
CREATE INDEX sign_in_steps_by_expiry ON sign_in_steps (expires_at_ms);
CREATE TABLE used_challenges (
  digest BLOB PRIMARY KEY,
  expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at_ms)
"""

PASSKEYS: Final = """
CREATE TABLE passkey_handles (
  account INTEGER PRIMARY KEY,
  handle BLOB NOT NULL UNIQUE
);
CREATE TABLE passkeys (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  credential BLOB NOT NULL UNIQUE,
  public_key BLOB NOT NULL,
  sign_count INTEGER NOT NULL,
  name TEXT NOT NULL,
  transports TEXT NOT NULL,
  aaguid BLOB NOT NULL,
  domain TEXT NOT NULL,
  verified INTEGER NOT NULL,
  backup_eligible INTEGER NOT NULL,
  backed_up INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_used_at_ms INTEGER,
  last_used_address TEXT,
  warned_at_ms INTEGER
);
CREATE INDEX passkeys_by_account ON passkeys (account)
"""

RESET_LINKS: Final = """
CREATE TABLE reset_links (
  account INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  made_by TEXT NOT NULL,
  asks_factor INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  made_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
);
CREATE TABLE recovery_addresses (
  account INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  confirmed_at_ms INTEGER NOT NULL
);
CREATE TABLE recovery_confirmations (
  account INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  expires_at_ms INTEGER NOT NULL
);
CREATE TABLE recovery_mails (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  address TEXT NOT NULL,
  purpose TEXT NOT NULL,
  at_ms INTEGER NOT NULL
);
CREATE INDEX recovery_mails_by_account ON recovery_mails (account);
CREATE INDEX recovery_mails_by_address ON recovery_mails (address)
"""

# What has signed in before is no new device; of programs with the account's own password, the address is known alone
SIGN_INS: Final = """
CREATE TABLE sign_ins (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  way TEXT NOT NULL,
  address TEXT NOT NULL,
  method TEXT NOT NULL,
  name TEXT NOT NULL,
  result TEXT NOT NULL,
  reason TEXT NOT NULL,
  agent TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  first_at_ms INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL
);
CREATE INDEX sign_ins_by_account ON sign_ins (account, failed, last_at_ms);
CREATE INDEX sign_ins_by_time ON sign_ins (last_at_ms);
CREATE TABLE devices (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  kind TEXT NOT NULL,
  device TEXT NOT NULL,
  app_password INTEGER,
  name TEXT NOT NULL,
  first_seen_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  address TEXT NOT NULL,
  way TEXT NOT NULL,
  agent TEXT NOT NULL,
  told_at_ms INTEGER
);
CREATE UNIQUE INDEX devices_by_account ON devices (account, kind, device);
CREATE INDEX devices_by_time ON devices (last_seen_at_ms);
CREATE TABLE device_notices (
  account INTEGER PRIMARY KEY,
  wanted INTEGER NOT NULL,
  had_device INTEGER NOT NULL
);
INSERT INTO devices (account, kind, device, app_password, name, first_seen_at_ms, last_seen_at_ms, address, way,
  agent) SELECT account, 'app password', CAST(id AS TEXT), id, name, last_used_at_ms, last_used_at_ms,
  coalesce(last_used_address, ''), coalesce(last_used_scope, 'imap'), ''
  FROM app_passwords WHERE last_used_at_ms IS NOT NULL;
INSERT INTO devices (account, kind, device, app_password, name, first_seen_at_ms, last_seen_at_ms, address, way,
  agent) SELECT account, 'earlier', client, NULL, '', last_seen_at_ms, last_seen_at_ms, client, 'imap', ''
  FROM known_clients;
INSERT INTO device_notices (account, wanted, had_device) SELECT DISTINCT account, 1, 1 FROM devices
"""
