"""Which threads an account has."""

from typing import Final

from pillarbox.mail.identifiers import AccountId, ThreadId
from pillarbox.store import account_counters
from pillarbox.world.database import Transaction


def first(tx: Transaction, account: AccountId, limit: int) -> list[ThreadId]:
    """The oldest threads of an account, at most so many; those with no email that is shown are among them.

    It may go through all messages of the account.
    """
    return [
        thread for (thread,) in tx.rows(_FIRST, (*account_counters.email_bounds(account), account, limit))
    ]


_FIRST: Final = """
SELECT DISTINCT thread FROM placements
WHERE email BETWEEN ? AND ? AND +account = ? ORDER BY thread LIMIT ?"""
