"""Second factors: what somebody must have beside the password.

An account that has one is signed in to with both, by a browser. Programs can't ask for it, so its own password opens
nothing to them any more (`credential_marks`, `server.authentication`): each gets an app password.
"""

from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

_ANY = "SELECT 1 FROM totp_secrets WHERE account = ? LIMIT 1"
"""That a row is there is enough, whatever is in it: damage may keep the owner out, and lets nobody in."""


def has_second_factor(tx: Transaction, account: AccountId) -> bool:
    """Whether the account has one that counts. The one place that says so."""
    return tx.row(_ANY, (account,)) is not None


def added(tx: Transaction) -> None:
    """An account has got one: what was opened with its own password ends."""
    announce_withdrawal(tx)


def removed(tx: Transaction, account: AccountId) -> None:
    """An account has one less; recovery codes go with the last."""
    if not has_second_factor(tx, account):
        tx.execute("DELETE FROM recovery_codes WHERE account = ?", (account,))
