"""What was true of an address or account, and is so no more: said to whoever remembers where addresses lead, or
looks after those who are logged in.

An account's own address leads to that account until it is freed, its domain is served no more, or the account is
disabled or removed. Only that is said, and that a quota was set: what is new, nobody can remember.
"""

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

WITHDRAWN = AccountId(2**64 - 1)
"""The number that stands for all of it among signals; no account has it."""


def withdraw(tx: Transaction) -> None:
    """Have all processes forget where addresses lead, once this is committed."""
    tx.touch(WITHDRAWN)
