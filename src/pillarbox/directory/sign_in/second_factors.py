"""Second factors: what somebody must have beside the password.

An account that has one is signed in to with both, by a browser. Programs can't ask for it, so its own password opens
nothing to them any more (`credential_marks`, `server.login`): each gets an app password.
"""

from typing import Final

from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

ACCOUNTS: Final = "SELECT account FROM totp_secrets UNION ALL SELECT account FROM passkeys"
"""Those that have one, as SQL: the one place that says so. That a row is there is enough, whatever is in it: damage may
keep the owner out, and lets nobody in."""
OF_ROW: Final = f"EXISTS (SELECT 1 FROM ({ACCOUNTS}) AS s WHERE s.account = a.id)"  # noqa: S608 - a constant
"""Whether the account of the row `a` has one, as SQL."""
_HAS: Final = f"SELECT 1 FROM ({ACCOUNTS}) AS f WHERE f.account = ? LIMIT 1"  # noqa: S608 - a constant


def has_second_factor(tx: Transaction, account: AccountId) -> bool:
    """Whether the account has one that counts."""
    return tx.row(_HAS, (account,)) is not None


def added(tx: Transaction) -> None:
    """An account has got one: what was opened with its own password ends."""
    announce_withdrawal(tx)


def removed(tx: Transaction, account: AccountId) -> None:
    """An account has one less; recovery codes go with the last."""
    if not has_second_factor(tx, account):
        tx.execute("DELETE FROM recovery_codes WHERE account = ?", (account,))
