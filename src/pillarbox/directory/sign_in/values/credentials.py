"""Passwords, app passwords, and the secrets that they are hashed with."""

from functools import reduce
from typing import Final

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.credential_marks import Reason
from pillarbox.protocol.sasl.scram_keys import KEY_OCTETS
from pillarbox.world.database.values import Rule, TableValues, date, integer, octets, optional, text

_NO_KEY: Final = f"randomblob({KEY_OCTETS})"
"""A key that nothing matches."""

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

_SECRETS: Final = TableValues(
    name="secret-values-valid",
    table="installation_secrets",
    columns={"name": text(), "octets": octets()},
    rule="The secrets of the installation are octets.",
    named="quote(name)",
    message="the secret {0} of the installation has a wrong type",
    remedy="Drop it: all app passwords and recovery codes have to be made anew.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _PASSWORDS,
    _FOREIGN_PASSWORDS,
    _FORMER_MARKS,
    _APP_PASSWORDS,
    _SECRETS,
)
