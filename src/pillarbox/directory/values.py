"""The values that rows of the directory have, and what is put in the place of others.

They are repaired first: an account whose login is lost gets its address as login, by the invariants that follow.
"""

from functools import reduce
from typing import Final

from pillarbox.directory.addresses import ACCOUNT, ALIAS, GROUP
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.directory.domains import DEFAULT_SEPARATOR
from pillarbox.directory.roles import Role
from pillarbox.directory.sign_in import browser_sessions, link_tokens, recovery_addresses, reset_links
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.browser_sessions import Method
from pillarbox.directory.sign_in.credential_marks import Reason
from pillarbox.directory.sign_in.devices import Kind
from pillarbox.directory.sign_in.passkeys import AAGUID_OCTETS, HANDLE_OCTETS, MAX_SIGN_COUNT
from pillarbox.directory.sign_in.recovery_codes import DIGEST_OCTETS
from pillarbox.directory.sign_in.sign_in_steps import Purpose
from pillarbox.directory.sign_in.sign_ins import Result, Way
from pillarbox.directory.sign_in.totp import SECRET_OCTETS
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, KEY_OCTETS, SALT_OCTETS
from pillarbox.world.database.values import Rule, TableValues, date, integer, octets, optional, text

_MAX_ITERATIONS: Final = 10**7
_MAX_ACCOUNT: Final = 2**26
_LOST_NUMBER: Final = (
    "coalesce((SELECT d.account FROM addresses d WHERE d.kind = 'account'"
    " AND d.local || '@' || d.domain = accounts.login AND d.account NOT IN (SELECT a.id FROM accounts a)),"
    " (SELECT 1 + latest FROM accounts_issued))"
)
_LOST_GROUP: Final = (
    "coalesce((SELECT min(d.group_id) FROM addresses d WHERE d.kind = 'group'"
    " AND d.group_id NOT IN (SELECT g.id FROM member_groups g)), (SELECT 1 + max(g.id) FROM member_groups g))"
)
"""The numbers by which their addresses know them."""
_NO_KEY: Final = f"randomblob({KEY_OCTETS})"
"""A key that nothing matches."""

_DOMAINS: Final = TableValues(
    name="domain-values-valid",
    table="domains",
    columns={
        "name": text(),
        "alias_of": optional(text("''")),
        "separator": text(f"'{DEFAULT_SEPARATOR}'"),
        "quota_octets": optional(integer()),
        "postmaster": optional(integer(instead="(SELECT min(id) FROM accounts WHERE domain = domains.name)")),
        "created_at_ms": date("0"),
    },
    rule="What is known of a domain has its types.",
    named="quote(name)",
    message="domain {0} has a name, target, separator, quota, postmaster or date of a wrong type",
    remedy=f"Its separator becomes '{DEFAULT_SEPARATOR}', its quota none, its postmaster the oldest account; without"
    " its name, it is dropped.",
)

_ACCOUNTS: Final = TableValues(
    name="account-values-valid",
    table="accounts",
    columns={
        "id": integer(1, _MAX_ACCOUNT, _LOST_NUMBER),
        "login": text("'account-' || id"),
        "domain": text("substr(login, instr(login, '@') + 1)"),
        "address": text("login"),
        "name": text("''"),
        "quota_octets": optional(integer()),
        "enabled": integer(0, 1, "1"),
        "responds": integer(0, 1, "0"),
        "scram_salt": octets(f"randomblob({SALT_OCTETS})", length=SALT_OCTETS),
        "scram_iterations": integer(1, _MAX_ITERATIONS, f"{DEFAULT_ITERATIONS}"),
        "created_at_ms": date("0"),
    },
    rule="What is known of an account has its types.",
    named="id",
    message="account {0} has a login, address, name, quota, salt or state of a wrong type",
    remedy="Its login becomes its address or the other way round; it becomes enabled, its quota that of its domain."
    " With a new salt, SCRAM works again when its password is set.",
)

_ISSUED: Final = TableValues(
    name="account-series-valid",
    table="accounts_issued",
    columns={"series": text("'account'", among=("account",)), "latest": integer(instead="0")},
    rule="The number of the latest account is a number.",
    named="1",
    message="the number of the latest account is not a number",
    remedy="Continue above the highest.",
)

_ADDRESSES: Final = TableValues(
    name="address-values-valid",
    table="addresses",
    columns={
        "local": text(),
        "domain": text(),
        "written": text("local"),
        "account": optional(integer()),
        "group_id": optional(integer()),
        "kind": text(
            f"CASE WHEN account IS NOT NULL THEN '{ACCOUNT}' WHEN group_id IS NOT NULL THEN '{GROUP}'"
            f" ELSE '{ALIAS}' END",
            among=(ACCOUNT, ALIAS, GROUP),
        ),
        "may_send": integer(0, 1, f"kind = '{ACCOUNT}'"),
    },
    rule="An address is a text, and belongs to an account, an alias or a group.",
    named="quote(local), quote(domain)",
    message="address {0}@{1} has a text, kind or number of a wrong type",
    remedy="Give it the kind of what it belongs to. Without its text, it is dropped: add it again, if it is not the"
    " first one of its account, which is given back.",
)

_TARGETS: Final = TableValues(
    name="alias-target-values-valid",
    table="alias_targets",
    columns={
        "local": text(),
        "domain": text(),
        "target": Rule("typeof({0}) = 'text' AND instr({0}, '@') > 1", None),
        "position": integer(instead="rowid << 20"),
    },
    rule="The targets of an alias are texts.",
    named="quote(local), quote(domain), quote(target)",
    message="target {2} of alias {0}@{1} has a text or place of a wrong type",
    remedy="Drop a target that is no text: look at the alias, and set its targets.",
)

_GROUPS: Final = TableValues(
    name="group-values-valid",
    table="member_groups",
    columns={"id": integer(1, instead=_LOST_GROUP), "name": text("'group-' || id")},
    rule="The name of a group is a text.",
    named="id",
    message="group {0} has a name that is no text",
    remedy="Name it 'group-' and its number.",
)

_MEMBERS: Final = TableValues(
    name="group-member-values-valid",
    table="group_members",
    columns={"group_id": integer(), "account": integer()},
    rule="The members of a group are numbers of accounts.",
    named="CAST(group_id AS INTEGER), CAST(account AS INTEGER)",
    message="member {1} of group {0} is not a number",
    remedy="Drop the row: look at the group, and let who is missing join it.",
)

_PASSWORDS: Final = TableValues(
    name="password-values-valid",
    table="passwords",
    columns={
        "argon2": text(),
        "stored_key": octets(_NO_KEY, length=KEY_OCTETS),
        "server_key": octets(_NO_KEY, length=KEY_OCTETS),
        "changed_at_ms": date("0"),
    },
    rule="The hash of a password is a text, its keys are octets.",
    named="account",
    message="the password of account {0} has a hash, key or date of a wrong type",
    remedy="With keys that nothing matches, SCRAM works again when the password is set. Without its hash, it is"
    " dropped.",
)

_FOREIGN_PASSWORDS: Final = TableValues(
    name="foreign-password-values-valid",
    table="foreign_passwords",
    columns={"hash": text(), "changed_at_ms": date("0")},
    rule="The hash of a password that another server has made is a text.",
    named="account",
    message="the imported password of account {0} has a hash or date of a wrong type",
    remedy="Without its hash, it is dropped: set a new password.",
)

_FORMER_MARKS: Final = TableValues(
    name="former-mark-values-valid",
    table="former_marks",
    columns={"account": integer(), "mark": text(), "reason": text(among=tuple(Reason))},
    rule="What sessions of a former password are known by is a text.",
    named="CAST(account AS INTEGER)",
    message="a former password of account {0} is known by something of a wrong type",
    remedy="Forget it: clients log in anew.",
)

_TOTP_SECRETS: Final = TableValues(
    name="totp-secret-values-valid",
    table="totp_secrets",
    columns={
        "secret": octets(f"randomblob({SECRET_OCTETS})", length=SECRET_OCTETS),
        "last_step": integer(instead="0"),
        "confirmed_at_ms": date("0"),
    },
    rule="The secret of one-time codes has its length, its last step is a number.",
    named="account",
    message="the secret of one-time codes of account {0} has a length or date of a wrong type",
    # Without its row, the password alone would let in
    remedy="It becomes one that nobody knows: sign in with a recovery code, or remove it (pillarbox account"
    " second-factor).",
)

_TOTP_SETUPS: Final = TableValues(
    name="totp-setup-values-valid",
    table="totp_setups",
    columns={"secret": octets(length=SECRET_OCTETS), "made_at_ms": date()},
    rule="A secret that waits for its first one-time code has its length.",
    named="account",
    message="the secret of account {0} that waits for its first one-time code has a length or date of a wrong type",
    remedy="Drop it: one-time codes are set up anew.",
)

_RECOVERY_CODES: Final = TableValues(
    name="recovery-code-values-valid",
    table="recovery_codes",
    columns={"account": integer(), "digest": octets(length=DIGEST_OCTETS), "made_at_ms": date("0")},
    rule="The digest of a recovery code has its length.",
    named="CAST(account AS INTEGER)",
    message="a recovery code of account {0} has a digest or date of a wrong type",
    remedy="Without its digest, it is dropped: make new ones (pillarbox account recovery-codes).",
)

_ONLY_SCOPES: Final = reduce(
    lambda left, scope: f"replace({left}, '{scope}', '')", Scope, "replace({0}, ' ', '')"
)
_ONLY_NETWORKS: Final = reduce(
    lambda left, character: f"replace({left}, '{character}', '')", "0123456789abcdef.:/ ", "{0}"
)
_APP_PASSWORDS: Final = TableValues(
    name="app-password-values-valid",
    table="app_passwords",
    columns={
        "account": integer(),
        "digest": octets(),
        "stored_key": octets(length=KEY_OCTETS),
        "server_key": octets(length=KEY_OCTETS),
        "scopes": Rule(f"typeof({{0}}) = 'text' AND {_ONLY_SCOPES} = ''", None),
        "name": text("''"),
        "created_at_ms": date("0"),
        "expires_at_ms": optional(date("0")),
        "last_used_at_ms": optional(date()),
        "read_only": integer(0, 1, "1"),
        "networks": Rule(f"typeof({{0}}) = 'text' AND {_ONLY_NETWORKS} = ''", None),
        "last_used_address": optional(text()),
        "last_used_scope": optional(text(among=tuple(Scope))),
    },
    rule="What is kept of an app password has its types.",
    named="CAST(account AS INTEGER), quote(name)",
    message="app password {1} of account {0} has a digest, key, scope, network or date of a wrong type",
    remedy="Without digest, keys, scope or networks, it is dropped: make a new one. Without a date it has expired;"
    " where nobody knows whether it may only read, it may.",
)

_BROWSER_SESSIONS: Final = TableValues(
    name="browser-session-values-valid",
    table="browser_sessions",
    columns={
        "id": text(),
        "account": integer(),
        "digest": octets(length=browser_sessions.DIGEST_OCTETS),
        "former": optional(octets(length=browser_sessions.DIGEST_OCTETS)),
        "former_until_ms": integer(instead="0"),
        "method": text(among=tuple(Method)),
        **dict.fromkeys(("agent", "address"), text("''")),
        "device": octets("x''"),
        **dict.fromkeys(("created_at_ms", "seen_at_ms", "proven_at_ms", "cookie_at_ms"), date("0")),
        "expires_at_ms": date(),
    },
    rule="What is kept of a browser session has its types.",
    named="CAST(account AS INTEGER)",
    message="a browser session of account {0} has a digest, text or date of a wrong type",
    remedy="Without its digest, its way of signing in or its end, it is dropped: the person signs in anew.",
)

_SIGN_IN_STEPS: Final = TableValues(
    name="sign-in-step-values-valid",
    table="sign_in_steps",
    columns={
        "digest": octets(length=browser_sessions.DIGEST_OCTETS),
        "account": Rule("{0} IS NULL OR typeof({0}) = 'integer'", None),
        "purpose": text(among=tuple(Purpose)),
        **dict.fromkeys(("session", "credential"), text()),
        "challenge": octets(),
        "tries": integer(),
        "expires_at_ms": date(),
    },
    rule="What is kept of a sign-in that is not complete has its types.",
    named="CAST(account AS INTEGER)",
    message="a sign-in of account {0} that is not complete has a digest, text or number of a wrong type",
    remedy="Drop it: the person signs in anew.",
)

_CLIENTS: Final = TableValues(
    name="known-client-values-valid",
    table="known_clients",
    columns={"account": integer(), "client": text(), "last_seen_at_ms": date()},
    rule="Clients that have logged in before are known by texts.",
    named="CAST(account AS INTEGER)",
    message="a known client of account {0} has a text or date of a wrong type",
    remedy="Forget it, until it logs in again.",
)

_SIGN_INS: Final = TableValues(
    name="sign-in-values-valid",
    table="sign_ins",
    columns={
        "account": integer(),
        "failed": integer(0, 1, f"result <> '{Result.SUCCEEDED}'"),
        "way": text(among=tuple(Way)),
        "result": text(f"'{Result.FAILED}'", among=tuple(Result)),
        **dict.fromkeys(("address", "method", "name", "reason", "agent"), text("''")),
        "attempts": integer(instead="1"),
        **dict.fromkeys(("first_at_ms", "last_at_ms"), date()),
    },
    rule="What is kept of a sign-in has its types.",
    named="CAST(account AS INTEGER)",
    message="a sign-in to account {0} has a text, number or date of a wrong type",
    remedy="Leave it out. Without knowing when or by what protocol, drop the row.",
)

_DEVICES: Final = TableValues(
    name="device-values-valid",
    table="devices",
    columns={
        "account": integer(),
        "kind": text(among=tuple(Kind)),
        "device": text(),
        "app_password": optional(integer(1)),
        **dict.fromkeys(("name", "address", "agent"), text("''")),
        **dict.fromkeys(("first_seen_at_ms", "last_seen_at_ms"), date()),
        "way": text(f"'{Way.IMAP}'", among=tuple(Way)),
        "told_at_ms": optional(date()),
    },
    rule="What is known of a device has its types.",
    named="CAST(account AS INTEGER), quote(name)",
    message="device {1} of account {0} has a text, number or date of a wrong type",
    remedy="Leave it out. Without what it is known by, forget it: it is a new device when it signs in again.",
)

_DEVICE_NOTICES: Final = TableValues(
    name="device-notice-values-valid",
    table="device_notices",
    columns={"wanted": integer(0, 1, "1"), "had_device": integer(0, 1, "1")},
    rule="Whether somebody is told of new devices is known.",
    named="account",
    message="whether account {0} is told of new devices is not known",
    remedy="It is told.",
)

_SECRETS: Final = TableValues(
    name="secret-values-valid",
    table="installation_secrets",
    columns={"name": text(), "octets": octets()},
    rule="The secrets of the installation are octets.",
    named="quote(name)",
    message="the secret {0} of the installation has a wrong type",
    remedy="Drop it: all app passwords and recovery codes have to be made anew.",
)

_DKIM_KEYS: Final = TableValues(
    name="dkim-key-values-valid",
    table="dkim_keys",
    columns={
        **dict.fromkeys(("domain", "selector", "algorithm", "pem"), text()),
        "state": text("'retired'", among=tuple(KeyState)),
        **dict.fromkeys(("made_at_ms", "since_ms"), date("0")),
    },
    rule="What is known of a signing key has its types.",
    named="quote(selector) || ' of ' || quote(domain)",
    message="signing key {0} has a part of a wrong type",
    remedy="Without name or key, it is dropped: make a new one (pillarbox dkim new). Without a state it is retired.",
)

_IDENTITIES: Final = TableValues(
    name="identity-values-valid",
    table="identities",
    columns={
        "account": integer(),
        **dict.fromkeys(("id", "email"), text()),
        **dict.fromkeys(("name", "text_signature", "html_signature"), text("''")),
        **dict.fromkeys(("reply_to", "bcc"), optional(text())),
        **dict.fromkeys(("created_modseq", "modseq"), integer(instead="1")),
        "destroyed": integer(0, 1, "0"),
    },
    rule="What is kept of an identity has its types.",
    named="CAST(account AS INTEGER), quote(email)",
    message="identity {1} of account {0} has a text or number of a wrong type",
    remedy="Leave the text out. Without its address, it is dropped.",
)

_IDENTITY_COUNTERS: Final = TableValues(
    name="identity-counter-values-valid",
    table="identity_counters",
    columns={
        "latest": integer(
            instead="coalesce((SELECT max(CAST(substr(i.id, 2) AS INTEGER)) FROM identities i"
            " WHERE i.account = identity_counters.account AND i.id NOT LIKE 'Id%'), 0)"
        ),
        "complete_from": integer(
            instead="coalesce((SELECT max(i.modseq) FROM identities i WHERE i.account = identity_counters.account), 0)"
        ),
    },
    rule="The counters of identities are numbers.",
    named="account",
    message="the number of the latest identity of account {0} is not a number",
    remedy="Continue above the highest.",
)

_VACATION_RESPONSES: Final = TableValues(
    name="vacation-response-values-valid",
    table="vacation_responses",
    columns={
        "enabled": integer(0, 1, "0"),
        **dict.fromkeys(("from_ms", "to_ms"), optional(date())),
        **dict.fromkeys(("subject", "text_body", "html_body"), optional(text())),
        "modseq": integer(instead="1"),
    },
    rule="What mail is answered with has its types.",
    named="account",
    message="the answer of account {0} for when its owner is away has a text or date of a wrong type",
    remedy="Leave it out. Without knowing whether it is on, it is off.",
)

_VACATION_SENDERS: Final = TableValues(
    name="vacation-sender-values-valid",
    table="vacation_senders",
    columns={"account": integer(), "sender": text(), "answered_at_ms": date()},
    rule="Who has had an answer is known by texts.",
    named="CAST(account AS INTEGER)",
    message="a sender whom account {0} has answered has a text or date of a wrong type",
    remedy="Forget that there was an answer.",
)

_PASSKEYS: Final = TableValues(
    name="passkey-values-valid",
    table="passkeys",
    columns={
        "account": integer(),
        "credential": octets(),
        "public_key": octets(),
        "sign_count": integer(0, MAX_SIGN_COUNT, "0"),
        "name": text("'Passkey ' || id"),
        "transports": text("''"),
        "aaguid": octets(f"zeroblob({AAGUID_OCTETS})", length=AAGUID_OCTETS),
        "domain": text(),
        "verified": integer(0, 1, "0"),
        "backup_eligible": integer(0, 1, "0"),
        "backed_up": integer(0, 1, "0"),
        "created_at_ms": date("0"),
        "last_used_at_ms": optional(date()),
        "last_used_address": optional(text()),
        "warned_at_ms": optional(date("0")),
    },
    rule="What is kept of a passkey has its types.",
    named="CAST(account AS INTEGER), quote(name)",
    message="passkey {1} of account {0} has an id, key, counter, name or date of a wrong type",
    remedy="Without its id, its key or its domain, it is dropped: make a new one. Where nobody knows whether it may be"
    " used without the password, it may not.",
)

_PASSKEY_HANDLES: Final = TableValues(
    name="passkey-handle-values-valid",
    table="passkey_handles",
    columns={"handle": octets(f"randomblob({HANDLE_OCTETS})", length=HANDLE_OCTETS)},
    rule="Handles of passkeys are octets.",
    named="account",
    message="the handle by which passkeys know account {0} is damaged",
    remedy="Make a new one: the account's passkeys still work after the password, and new ones without it.",
)

_ROLES: Final = TableValues(
    name="role-values-valid",
    table="roles",
    columns={
        "account": integer(),
        "role": text(among=tuple(Role)),
        "domain": text(),
        "granted_at_ms": date("0"),
    },
    rule="A role is one that there is.",
    named="CAST(account AS INTEGER)",
    message="a role of account {0} has a name, domain or date of a wrong type",
    remedy="Drop it: grant it again (pillarbox role grant). Only a date is left out.",
)

_RESET_LINKS: Final = TableValues(
    name="reset-link-values-valid",
    table="reset_links",
    columns={
        "digest": octets(length=link_tokens.DIGEST_OCTETS),
        "made_by": text(among=tuple(reset_links.MadeBy)),
        "asks_factor": integer(0, 1, "1"),
        "tries": integer(),
        **dict.fromkeys(("made_at_ms", "expires_at_ms"), date()),
    },
    rule="What is kept of a link for a new password has its types.",
    named="account",
    message="the link for a new password of account {0} has a digest, number or date of a wrong type",
    remedy="Drop it: make a new one. Where nobody knows whether a second factor is asked for, it is.",
)

_RECOVERY_ADDRESSES: Final = TableValues(
    name="recovery-address-values-valid",
    table="recovery_addresses",
    columns={"address": text(), "confirmed_at_ms": date("0")},
    rule="A recovery address is a text.",
    named="account",
    message="the recovery address of account {0} has a text or date of a wrong type",
    remedy="Without its text, it is dropped: its owner sets it again.",
)

_RECOVERY_CONFIRMATIONS: Final = TableValues(
    name="recovery-confirmation-values-valid",
    table="recovery_confirmations",
    columns={"address": text(), "digest": octets(length=link_tokens.DIGEST_OCTETS), "expires_at_ms": date()},
    rule="What is kept of a recovery address that is to be confirmed has its types.",
    named="account",
    message="a recovery address of account {0}, to be confirmed, has a text, digest or date of a wrong type",
    remedy="Drop it: its owner sets it again.",
)

_RECOVERY_MAILS: Final = TableValues(
    name="recovery-mail-values-valid",
    table="recovery_mails",
    columns={
        "account": integer(),
        "address": text(),
        "purpose": text(among=tuple(recovery_addresses.Purpose)),
        "at_ms": date(),
    },
    rule="What is kept of a mail to a recovery address has its types.",
    named="CAST(account AS INTEGER)",
    message="what was mailed to the recovery address of account {0} has a text or date of a wrong type",
    remedy="Forget it.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _DOMAINS,
    _ACCOUNTS,
    _ISSUED,
    _ADDRESSES,
    _TARGETS,
    _GROUPS,
    _MEMBERS,
    _PASSWORDS,
    _FOREIGN_PASSWORDS,
    _FORMER_MARKS,
    _TOTP_SECRETS,
    _TOTP_SETUPS,
    _RECOVERY_CODES,
    _ROLES,
    _APP_PASSWORDS,
    _BROWSER_SESSIONS,
    _SIGN_IN_STEPS,
    _PASSKEYS,
    _PASSKEY_HANDLES,
    _CLIENTS,
    _SIGN_INS,
    _DEVICES,
    _DEVICE_NOTICES,
    _SECRETS,
    _DKIM_KEYS,
    _IDENTITIES,
    _IDENTITY_COUNTERS,
    _VACATION_RESPONSES,
    _VACATION_SENDERS,
    _RESET_LINKS,
    _RECOVERY_ADDRESSES,
    _RECOVERY_CONFIRMATIONS,
    _RECOVERY_MAILS,
)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
