"""What is always true of what somebody signs in with."""

from typing import Final

from pillarbox.directory.of_accounts import has_account
from pillarbox.directory.sign_in.second_factors import ACCOUNTS
from pillarbox.directory.sign_in.totp import SECRET_OCTETS
from pillarbox.world.database.invariant import Invariant

_FACTORLESS = f"FROM recovery_codes WHERE account NOT IN ({ACCOUNTS})"
_REVOKED_DEVICES = (
    "FROM devices WHERE kind = 'app password' AND NOT EXISTS (SELECT 1 FROM app_passwords p"
    " WHERE p.id = devices.app_password AND p.account = devices.account)"
)

INVARIANTS: Final = (
    has_account("passwords", "account", "password-has-account", "A password"),
    has_account("foreign_passwords", "account", "foreign-password-has-account", "An imported password"),
    has_account("former_marks", "account", "former-mark-has-account", "A former password"),
    has_account("totp_secrets", "account", "totp-secret-has-account", "A secret of one-time codes"),
    has_account("totp_setups", "account", "totp-setup-has-account", "A secret that waits for a code"),
    has_account("recovery_codes", "account", "recovery-code-has-account", "A recovery code"),
    # After what has no account is dropped: this makes rows
    Invariant(
        "recovery-code-has-second-factor",
        "Recovery codes go with the last second factor of an account.",
        f"SELECT DISTINCT account {_FACTORLESS}",
        "account {0} has recovery codes, and the second factor that they stand for is lost",
        # Without it, the password alone would let in
        "It gets one that nobody has: sign in with a recovery code, or remove it (pillarbox account second-factor).",
        (
            (
                "INSERT INTO totp_secrets (account, secret, last_step, confirmed_at_ms)"
                f" SELECT account, randomblob({SECRET_OCTETS}), 0, 0 {_FACTORLESS} GROUP BY account"
            ),
        ),
    ),
    has_account("app_passwords", "account", "app-password-has-account", "An app password"),
    has_account("browser_sessions", "account", "browser-session-has-account", "A browser session"),
    has_account("sign_in_steps", "account", "sign-in-step-has-account", "A sign-in that is not complete"),
    has_account("passkeys", "account", "passkey-has-account", "A passkey"),
    has_account("passkey_handles", "account", "passkey-handle-has-account", "A handle of passkeys"),
    has_account("sign_ins", "account", "sign-in-has-account", "A sign-in"),
    has_account("devices", "account", "device-has-account", "A device"),
    has_account(
        "device_notices", "account", "device-notice-has-account", "Whether somebody is told of devices"
    ),
    Invariant(
        "device-has-app-password",
        "A device that is an app password has one that exists.",
        f"SELECT account, quote(name) {_REVOKED_DEVICES}",
        "device {1} of account {0} is an app password that does not exist",
        "Forget it.",
        (f"DELETE {_REVOKED_DEVICES}",),
    ),
    has_account("reset_links", "account", "reset-link-has-account", "A link for a new password"),
    has_account("recovery_addresses", "account", "recovery-address-has-account", "A recovery address"),
    has_account(
        "recovery_confirmations",
        "account",
        "recovery-confirmation-has-account",
        "A recovery address to be confirmed",
    ),
)
"""In the order of repair."""
