"""An account with one-time codes, for tests."""

from pillarbox.admin import second_factors
from pillarbox.directory import secrets, totp
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction

SECRET = bytes(range(20))
RECOVERY_CODES = [f"abcde-fghij-kmnp{letter}" for letter in "abcdefghij"]


def give(tx: Transaction, account: AccountId, *, now_ms: int) -> None:
    """Set one-time codes up for an account, as its owner does."""
    totp.begin(tx, account, SECRET, now_ms=now_ms)
    done = second_factors.confirm_one_time_codes(
        tx,
        account,
        SECRET,
        totp.step_at(now_ms) - 2,
        codes=RECOVERY_CODES,
        fresh=bytes(secrets.SECRET_OCTETS),
        now_ms=now_ms,
    )
    assert done is not None


def code(now_ms: int, *, steps: int = 0) -> str:
    """What the app shows at this time, so many steps later."""
    return totp.code_of(SECRET, totp.step_at(now_ms) + steps)
