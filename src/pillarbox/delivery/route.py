"""Where mail for a recipient goes: to INBOXes here, on to other providers, or nowhere.

The answer to RCPT is made from this, so it is one short read. A full mailbox is reported here, while the
sender can still keep the message. Once a message was accepted it is delivered even if it is the one that
exceeds the quota: a refusal after that would lose the message, or report to an address that never sent it.
"""

from typing import assert_never

from msgspec import Struct

from pillarbox.delivery.placement import Placement
from pillarbox.directory import quota, resolve
from pillarbox.directory.accounts import Account
from pillarbox.directory.resolve import Local, Remote, Unknown
from pillarbox.mail.address import Address
from pillarbox.store import account_counters, mailboxes
from pillarbox.world.database import Transaction


class LocalRecipient(Struct, frozen=True, gc=False):
    """The address is ours."""

    placements: tuple[Placement, ...]
    """The INBOX of each account it leads to."""
    forwards: tuple[Address, ...]
    """Addresses at other providers that it leads to."""
    cacheable: bool = False
    """True for messages of any size until something is withdrawn (`directory.withdrawal`)."""


class RemoteRecipient(Struct, frozen=True, gc=False):
    """The domain is another provider's."""


class UnknownRecipient(Struct, frozen=True, gc=False):
    """The domain is ours, and the address does not exist."""

    disabled: bool
    """It leads to a disabled account."""


class FullMailbox(Struct, frozen=True, gc=False):
    """The address is ours, and its accounts are over quota."""


Destination = LocalRecipient | RemoteRecipient | UnknownRecipient | FullMailbox


def destination(
    tx: Transaction, address: Address, *, octets: int | None, most: int | None = None
) -> Destination:
    """Where mail of about this many octets (0 where unknown) for this address goes.

    `None` disregards quotas, for reports. Raises `LeadsToMany` as `resolve.recipient` does.
    """
    resolution = resolve.recipient(tx, address, most=most)
    match resolution:
        case Remote():
            return RemoteRecipient()
        case Unknown(reason):
            return UnknownRecipient(disabled=reason == "disabled")
        case Local((account,), own=True):
            return _own(tx, account, octets)
        case Local(accounts, forwards):
            if accounts and not forwards and not _any_room(tx, accounts, octets):
                return FullMailbox()
            placements = tuple(inbox for account in accounts if (inbox := _inbox(tx, account)))
            return LocalRecipient(placements, forwards) if placements or forwards else FullMailbox()
        case _:
            assert_never(resolution)


def has_room(tx: Transaction, account: Account, octets: int) -> bool:
    """Whether the account may take a message of this size."""
    return _fits(tx, account, octets, quota.effective(tx, account.id))


def _own(tx: Transaction, account: Account, octets: int | None) -> LocalRecipient | FullMailbox:
    """An address of the account's own: most addresses."""
    limit = quota.effective(tx, account.id)
    inbox = _inbox(tx, account)
    if inbox is None or (octets is not None and not _fits(tx, account, octets, limit)):
        return FullMailbox()
    return LocalRecipient((inbox,), (), cacheable=limit is None)


def _fits(tx: Transaction, account: Account, octets: int, limit: int | None) -> bool:
    if limit is None:
        return True
    used = account_counters.usage(tx, account.id).octets
    return used < limit and used + octets <= limit


def _any_room(tx: Transaction, accounts: tuple[Account, ...], octets: int | None) -> bool:
    return octets is None or any(has_room(tx, account, octets) for account in accounts)


def _inbox(tx: Transaction, account: Account) -> Placement | None:
    mailbox = mailboxes.inbox(tx, account.id)
    # None: the account is being created or removed; the sender may try again, as with a full one
    return None if mailbox is None else Placement(account.id, mailbox, responds=account.responds)
