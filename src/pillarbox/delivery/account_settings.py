"""Changing what an account has set for its mail, each time under the account's next MODSEQ, so that others hear of it.

Whoever reads asks the directory: `identities`, `vacation`.
"""

from pillarbox.directory import identities, vacation
from pillarbox.directory.identities import Settings
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.store.account_counters import Touched, next_modseq
from pillarbox.world.database import Transaction


def create_identity(tx: Transaction, account: AccountId, email: str, settings: Settings) -> str:
    """Make an identity; return its id. Raises `IdentityRefused`."""
    return identities.create(tx, account, email, settings, modseq=_next_modseq(tx, account))


def update_identity(tx: Transaction, account: AccountId, identifier: str, settings: Settings) -> None:
    """Change an identity. Raises `IdentityRefused`."""
    identities.update(tx, account, identifier, settings, modseq=_next_modseq(tx, account))


def destroy_identity(tx: Transaction, account: AccountId, identifier: str) -> None:
    """Delete an identity. Raises `IdentityRefused`."""
    identities.destroy(tx, account, identifier, modseq=_next_modseq(tx, account))


def update_vacation(tx: Transaction, account: AccountId, settings: vacation.Settings) -> None:
    """Change what mail is answered with while the owner is away. Raises `VacationRefused`."""
    vacation.update(tx, account, settings, modseq=_next_modseq(tx, account))


def _next_modseq(tx: Transaction, account: AccountId) -> ModSeq:
    """No mail has changed with it."""
    return next_modseq(tx, account, Touched.NOTHING)
