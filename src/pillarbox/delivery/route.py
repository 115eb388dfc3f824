"""Where mail for a recipient goes: into INBOXes here, on to other providers, or nowhere.

The answer to RCPT is made of this, so it is one short read. A mailbox that is full is said so here, while the
sender can still keep the message; once we have accepted one, it is delivered even if it is the one
that exceeds the quota, since a refusal after that would be a lost message or a report to a stranger.
"""

from typing import assert_never

from msgspec import Struct

from pillarbox.directory import quota, resolve
from pillarbox.directory.accounts import Account
from pillarbox.directory.resolve import Local, Remote, Unknown
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import account_counters, mailboxes
from pillarbox.world.database import Transaction


class Inbox(Struct, frozen=True, gc=False):
    """Where a message comes to rest."""

    account: AccountId
    mailbox: MailboxId


class Here(Struct, frozen=True, gc=False):
    """The address is ours."""

    inboxes: tuple[Inbox, ...]
    forwards: tuple[Address, ...]
    """Addresses elsewhere that it leads to."""
    lasting: bool = False
    """So it stays, for messages of any size, until something is withdrawn (`directory.withdrawal`)."""


class Elsewhere(Struct, frozen=True, gc=False):
    """The domain is another provider's."""


class Nowhere(Struct, frozen=True, gc=False):
    """The domain is ours, and nobody reads this address."""

    disabled: bool
    """Somebody did, and may again."""


class Full(Struct, frozen=True, gc=False):
    """Whoever reads this address has no room for it now."""


Destination = Here | Elsewhere | Nowhere | Full


def destination(tx: Transaction, address: Address, *, octets: int | None) -> Destination:
    """Where mail of about this many octets (0 where unknown) for this address goes.

    `None`: it goes there whatever room is left, as reports do.
    """
    resolution = resolve.recipient(tx, address)
    match resolution:
        case Remote():
            return Elsewhere()
        case Unknown(reason):
            return Nowhere(disabled=reason == "disabled")
        case Local((account,), own=True):
            return _own(tx, account, octets)
        case Local(accounts, forwards):
            if accounts and not forwards and not _any_room(tx, accounts, octets):
                return Full()
            inboxes = tuple(inbox for account in accounts if (inbox := _inbox(tx, account)))
            return Here(inboxes, forwards) if inboxes or forwards else Full()
        case _:
            assert_never(resolution)


def has_room(tx: Transaction, account: Account, octets: int) -> bool:
    """Whether the account may take a message of this size."""
    return _fits(tx, account, octets, quota.effective(tx, account.id))


def _own(tx: Transaction, account: Account, octets: int | None) -> Here | Full:
    """An address of the account's own, as most are."""
    limit = quota.effective(tx, account.id)
    inbox = _inbox(tx, account)
    if inbox is None or (octets is not None and not _fits(tx, account, octets, limit)):
        return Full()
    return Here((inbox,), (), lasting=limit is None)


def _fits(tx: Transaction, account: Account, octets: int, limit: int | None) -> bool:
    if limit is None:
        return True
    used = account_counters.usage(tx, account.id).octets
    return used < limit and used + octets <= limit


def _any_room(tx: Transaction, accounts: tuple[Account, ...], octets: int | None) -> bool:
    return octets is None or any(has_room(tx, account, octets) for account in accounts)


def _inbox(tx: Transaction, account: Account) -> Inbox | None:
    mailbox = mailboxes.inbox(tx, account.id)
    # None: the account is being made or removed; the sender may try again, as with a full one
    return None if mailbox is None else Inbox(account.id, mailbox)
