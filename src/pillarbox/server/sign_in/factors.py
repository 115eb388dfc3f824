"""What an account wants to see beside its password."""

from msgspec import Struct

from pillarbox.directory.sign_in import passkeys, recovery_codes, totp
from pillarbox.directory.sign_in.second_factors import has_second_factor
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction


class Factors(Struct, frozen=True, gc=False):
    """The second factors of an account."""

    is_needed: bool = False
    """Whether the password alone is not enough."""
    totp: bool = False
    """One-time codes of an app."""
    passkeys: int = 0
    recovery_codes: int = 0
    """That are left; no factor by themselves."""


def of(tx: Transaction, account: AccountId) -> Factors:
    """Those of an account."""
    if not has_second_factor(tx, account):
        return Factors()
    return Factors(True, totp.has(tx, account), passkeys.count(tx, account), recovery_codes.left(tx, account))
