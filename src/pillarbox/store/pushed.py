"""The states of an account that clients are told of (RFC 8620 §7.1)."""

from typing import Final

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import states as of_types
from pillarbox.world.database import Transaction


def states(tx: Transaction, account: AccountId) -> dict[str, str]:
    """By type. EmailDelivery changes whenever an email comes, and only then (RFC 8621 §1.5).

    Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    now = of_types.read(tx, account)
    delivered = last_email(tx, account)
    return {
        "Mailbox": now.mailbox.text,
        "Thread": now.thread.text,
        "Email": now.email.text,
        "EmailDelivery": str(delivered),
    }


def last_email(tx: Transaction, account: AccountId) -> EmailId:
    """The email that came last; those that come have higher ids."""
    return EmailId(tx.value(_DELIVERED, (account,)) or 0)


_DELIVERED: Final = "SELECT last_email FROM ledgers WHERE account = ?"
