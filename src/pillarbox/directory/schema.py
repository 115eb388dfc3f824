"""The directory's tables.

`addresses` has each address once; its `kind` is that of its target: `account` (column `account`),
`group` (column `group_id`) or `alias` (rows in `alias_targets`). A local part of `''` is the
domain's catch-all. `identities` has what accounts have set of the addresses they send from, `vacation_responses` what
their mail is answered with while they are away, and `vacation_senders` who has had that answer. `accounts.responds`
says whether there is one. `roles` has what accounts may do beyond their own things. What somebody signs in with is in
the tables of `sign_in.migrations`.
"""

from pillarbox.directory.sign_in import migrations as sign_in
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

_MIGRATIONS = (
    _FIRST,
    _DKIM_KEYS,
    _IDENTITIES,
    _VACATION,
    sign_in.APP_LIMITS,
    sign_in.FOREIGN_PASSWORDS,
    sign_in.ONE_TIME_CODES,
    sign_in.BROWSER_SESSIONS,
    sign_in.PASSKEYS,
    _ROLES,
    sign_in.RESET_LINKS,
    sign_in.SIGN_INS,
)

# Code that knows of no second factor would let in who has the password alone
SCHEMA = Schema(
    "directory", migrations=_MIGRATIONS, compatible_back_to=_MIGRATIONS.index(sign_in.PASSKEYS) + 1
)
