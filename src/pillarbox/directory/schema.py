"""The directory's tables.

`addresses` has each address once; its `kind` is that of its target: `account` (column `account`),
`group` (column `group_id`) or `alias` (rows in `alias_targets`). A local part of `''` is the
domain's catch-all. `passwords` and `app_passwords` hold no passwords, only their hashes. `identities` has what accounts
have set of the addresses they send from, `vacation_responses` what their mail is answered with while they are away, and
`vacation_senders` who has had that answer. `accounts.responds` says whether there is one.

`foreign_passwords` has hashes that another server has made, until the first login with each; an account with a row in
`passwords` has none that counts. `former_marks` has the marks (`credential_marks`) of passwords whose sessions go on.

`totp_secrets` has what one-time codes are computed from, `totp_setups` the secrets that wait for their first code, and
`recovery_codes` the digests of those that have not been used.

`browser_sessions` and `sign_in_steps` have digests of the tokens that browsers show, never the tokens.
`roles` has what accounts may do beyond their own things.

`reset_links` and `recovery_confirmations` hold digests of tokens that were given out; `recovery_mails`, what was sent
to recovery addresses within the last hour.

`sign_ins` has the last sign-ins of each account (`failed` keeps those apart that did not succeed), `devices` what has
signed in to it (`device`: what one is known by), and `device_notices` whether its owner is told of new ones.
"""

from pillarbox.world.database.schema import Schema

_FIRST = """
CREATE TABLE domains (
  name TEXT PRIMARY KEY,
  alias_of TEXT,
  separator TEXT NOT NULL,
  quota_octets INTEGER,
  postmaster INTEGER,
  created_at_ms INTEGER NOT NULL
);
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  domain TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  quota_octets INTEGER,
  enabled INTEGER NOT NULL,
  scram_salt BLOB NOT NULL,
  scram_iterations INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
);
CREATE TABLE accounts_issued (
  series TEXT PRIMARY KEY,
  latest INTEGER NOT NULL
);
INSERT INTO accounts_issued VALUES ('account', 0);
CREATE TABLE addresses (
  local TEXT NOT NULL,
  domain TEXT NOT NULL,
  written TEXT NOT NULL,
  kind TEXT NOT NULL,
  account INTEGER,
  group_id INTEGER,
  may_send INTEGER NOT NULL,
  PRIMARY KEY (local, domain)
);
CREATE INDEX addresses_by_domain ON addresses (domain);
CREATE INDEX addresses_by_account ON addresses (account);
CREATE TABLE alias_targets (
  local TEXT NOT NULL,
  domain TEXT NOT NULL,
  position INTEGER NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (local, domain, position)
);
CREATE TABLE member_groups (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE group_members (
  group_id INTEGER NOT NULL,
  account INTEGER NOT NULL,
  PRIMARY KEY (group_id, account)
);
CREATE INDEX group_members_by_account ON group_members (account);
CREATE TABLE passwords (
  account INTEGER PRIMARY KEY,
  argon2 TEXT NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  changed_at_ms INTEGER NOT NULL
);
CREATE TABLE app_passwords (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  last_used_at_ms INTEGER
);
CREATE INDEX app_passwords_by_account ON app_passwords (account);
CREATE TABLE known_clients (
  account INTEGER NOT NULL,
  client TEXT NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, client)
);
CREATE TABLE installation_secrets (
  name TEXT PRIMARY KEY,
  octets BLOB NOT NULL
);
"""

_DKIM_KEYS = """
CREATE TABLE dkim_keys (
  domain TEXT NOT NULL,
  selector TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  pem TEXT NOT NULL,
  state TEXT NOT NULL,
  made_at_ms INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (domain, selector)
)
"""

_IDENTITIES = """
CREATE TABLE identities (
  account INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  reply_to TEXT,
  bcc TEXT,
  text_signature TEXT NOT NULL,
  html_signature TEXT NOT NULL,
  created_modseq INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  destroyed INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE TABLE identity_counters (
  account INTEGER PRIMARY KEY,
  latest INTEGER NOT NULL,
  complete_from INTEGER NOT NULL
);
CREATE INDEX addresses_by_group ON addresses (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX alias_targets_by_target ON alias_targets (lower(target))
"""

_VACATION = """
ALTER TABLE accounts ADD COLUMN responds INTEGER NOT NULL DEFAULT 0;
CREATE TABLE vacation_responses (
  account INTEGER PRIMARY KEY,
  enabled INTEGER NOT NULL,
  from_ms INTEGER,
  to_ms INTEGER,
  subject TEXT,
  text_body TEXT,
  html_body TEXT,
  modseq INTEGER NOT NULL
);
CREATE TABLE vacation_senders (
  account INTEGER NOT NULL,
  sender TEXT NOT NULL,
  answered_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, sender)
) WITHOUT ROWID;
CREATE INDEX vacation_senders_by_time ON vacation_senders (account, answered_at_ms)
"""

_APP_LIMITS = """
ALTER TABLE app_passwords ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE app_passwords ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE app_passwords ADD COLUMN last_used_address TEXT;
ALTER TABLE app_passwords ADD COLUMN last_used_scope TEXT
"""

_FOREIGN_PASSWORDS = """
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

_ONE_TIME_CODES = """
CREATE TABLE totp_secrets (
  account INTEGER PRIMARY KEY,
  secret BLOB NOT NULL,
  last_step INTEGER NOT NULL,
  confirmed_at_ms INTEGER NOT NULL
);
CREATE TABLE totp_setups (
  account INTEGER PRIMARY KEY,
  secret BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL
);
CREATE TABLE recovery_codes (
  account INTEGER NOT NULL,
  digest BLOB NOT NULL,
  made_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, digest)
) WITHOUT ROWID
"""
_ROLES = """
CREATE TABLE roles (
  account INTEGER NOT NULL,
  role TEXT NOT NULL,
  domain TEXT NOT NULL,
  granted_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, role, domain)
) WITHOUT ROWID;
CREATE INDEX roles_by_domain ON roles (domain)
"""


_BROWSER_SESSIONS = """
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
  account INTEGER,
  purpose TEXT NOT NULL,
  session TEXT NOT NULL,
  credential TEXT NOT NULL,
  challenge BLOB NOT NULL,
  tries INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_in_steps_by_account ON sign_in_steps (account);
CREATE INDEX sign_in_steps_by_expiry ON sign_in_steps (expires_at_ms)
"""

_PASSKEYS = """
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

_RESET_LINKS = """
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
_SIGN_INS = """
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

_MIGRATIONS = (
    _FIRST,
    _DKIM_KEYS,
    _IDENTITIES,
    _VACATION,
    _APP_LIMITS,
    _FOREIGN_PASSWORDS,
    _ONE_TIME_CODES,
    _BROWSER_SESSIONS,
    _PASSKEYS,
    _ROLES,
    _RESET_LINKS,
    _SIGN_INS,
)

# Code that knows of no second factor would let in who has the password alone
SCHEMA = Schema("directory", migrations=_MIGRATIONS, compatible_back_to=_MIGRATIONS.index(_PASSKEYS) + 1)
