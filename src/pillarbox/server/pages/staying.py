"""The ways into an account that stay when its password is changed: who changes it looks whether all are theirs."""

from typing import Final

from pillarbox.directory.sign_in import app_passwords, passkeys, recovery_addresses
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction

PASSKEYS: Final = "passkeys"
APP_PASSWORDS: Final = "app_passwords"
RECOVERY_ADDRESS: Final = "recovery_address"


def find(tx: Transaction, account: AccountId, *, now_ms: int) -> tuple[str, ...]:
    """Those that it has, as the keys of their pages (`SECTIONS`)."""
    has = {
        PASSKEYS: passkeys.count(tx, account) > 0,
        APP_PASSWORDS: bool(app_passwords.listing(tx, account)),
        RECOVERY_ADDRESS: recovery_addresses.get(tx, account, now_ms=now_ms).address is not None,
    }
    return tuple(key for key, there in has.items() if there)
