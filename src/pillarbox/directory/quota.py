"""Quotas: an account's own, or else its domain's. The store counts the usage."""

from pillarbox.directory.domains import served
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction

UNLIMITED = 0
"""An account quota of 0 octets: no limit, whatever the quota of its domain."""


def effective(tx: Transaction, account: AccountId) -> int | None:
    """The account's quota in octets, or `None` for no limit."""
    octets: int | None = tx.value(
        "SELECT COALESCE(accounts.quota_octets, domains.quota_octets) FROM accounts"
        " LEFT JOIN domains ON domains.name = accounts.domain WHERE accounts.id = ?",
        (account,),
    )
    if octets is not None and (type(octets) is not int or octets < 0):
        raise ValuesDamaged(
            f"the quota of account {account}, or of its domain, is damaged: pillarbox fsck --repair mends it"
        )
    return octets or None


def set_account_quota(tx: Transaction, account: AccountId, quota_octets: int | None) -> None:
    """Set the account's own quota; `None` uses the domain's, `UNLIMITED` means no limit."""
    if quota_octets is not None and quota_octets < 0:
        raise NameRefused("a quota cannot be negative")
    if not tx.execute("UPDATE accounts SET quota_octets = ? WHERE id = ?", (quota_octets, account)):
        raise NameRefused("there is no such account")
    announce_withdrawal(tx)


def set_domain_quota(tx: Transaction, domain: str, quota_octets: int | None) -> None:
    """Set the quota of the domain's accounts without one of their own; `None` is no limit."""
    if quota_octets is not None and quota_octets < 0:
        raise NameRefused("a quota cannot be negative")
    tx.execute("UPDATE domains SET quota_octets = ? WHERE name = ?", (quota_octets, served(tx, domain).name))
    announce_withdrawal(tx)
