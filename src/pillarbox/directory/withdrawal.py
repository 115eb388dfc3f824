"""What was true of an address or account, and is so no more: said to whoever remembers where addresses lead, or
looks after those who are logged in.

An account's own address leads to that account until it is freed, its domain is served no more, or the account is
disabled or removed. Only that is said, and that a quota was set: what is new, nobody can remember.
"""

from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

WITHDRAWN = Topic("withdrawn")
"""Some address or account is no longer what it was."""


def withdraw(tx: Transaction) -> None:
    """Have all processes forget where addresses lead, once this is committed."""
    tx.announce(WITHDRAWN)
