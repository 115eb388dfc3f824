"""What somebody has beside the password, or in its place."""

from typing import Final

from pillarbox.directory.sign_in.passkeys import AAGUID_OCTETS, HANDLE_OCTETS, MAX_SIGN_COUNT
from pillarbox.directory.sign_in.recovery_codes import DIGEST_OCTETS
from pillarbox.directory.sign_in.totp import SECRET_OCTETS
from pillarbox.world.database.values import TableValues, date, integer, octets, optional, text

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
    columns={"secret": octets(length=SECRET_OCTETS), "made_at_ms": date(), "session": text("''")},
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

TABLES: Final[tuple[TableValues, ...]] = (
    _TOTP_SECRETS,
    _TOTP_SETUPS,
    _RECOVERY_CODES,
    _PASSKEYS,
    _PASSKEY_HANDLES,
)
