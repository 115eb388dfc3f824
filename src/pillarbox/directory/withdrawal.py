"""The topic announced when an address or account is withdrawn or restricted, for caches of address resolution and for
the log-out of revoked accounts and passwords.

An account's own address resolves to that account until the address is deleted, its domain is no longer served, or the
account is disabled or removed. These changes are announced, changes of quotas, and that a password was changed or
revoked; additions are not, since only existing addresses are cached.
"""

from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

WITHDRAWN = Topic("withdrawn")
"""Some address, account or password was withdrawn, or a quota changed."""


def announce_withdrawal(tx: Transaction) -> None:
    """Have all processes drop cached address resolutions, once this is committed."""
    tx.announce(WITHDRAWN)
