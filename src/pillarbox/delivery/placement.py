"""Where in an account a message is placed. This is where filing rules act."""

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction


class Placement(Struct, frozen=True, gc=False):
    """A place for a message: an account's mailbox, and the flags it gets there."""

    account: AccountId
    mailbox: MailboxId
    flags: str = ""
    """Canonical text of `pillarbox.mail.flags`."""
    responds: bool = False
    """Mail is answered from here, if its owner is away."""


def filed(tx: Transaction, placement: Placement, *, quarantined: bool) -> tuple[Placement, ...]:
    """Where a message that was addressed to this INBOX is placed.

    Quarantined mail goes to the account's mailbox with the role Junk (RFC 6154 §2), if it has one. Filing
    rules of the account (Sieve) belong here too.
    """
    if quarantined:
        junk = mailboxes.by_role(tx, placement.account, Role.JUNK)
        if junk is not None:
            return (Placement(placement.account, junk.id, placement.flags),)
    return (placement,)
