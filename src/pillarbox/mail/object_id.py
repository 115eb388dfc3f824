"""Object identifiers of clients, the same in IMAP (RFC 8474) and JMAP (RFC 8620 §1.2).

A letter for the type precedes the number, so an id is valid in both protocols (it never begins with a digit or a
dash, never reads as NIL or as a number) and can't be mistaken for an id of another type.
"""

import re
from typing import Final

from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId, EmailId, MailboxId, ThreadId

_OBJECT_ID: Final = re.compile(r"([ACDFMPQST])([1-9][0-9]{0,17})")


def of_mailbox(mailbox: MailboxId) -> str:
    """MAILBOXID (RFC 8474 §4)."""
    return f"F{mailbox}"


def of_email(email: EmailId) -> str:
    """EMAILID (RFC 8474 §5.1)."""
    return f"M{email}"


def of_thread(thread: ThreadId) -> str:
    """THREADID (RFC 8474 §5.2)."""
    return f"T{thread}"


def of_account(account: AccountId) -> str:
    """The id of an account; JMAP only (RFC 8620 §1.6.2)."""
    return f"A{account}"


def of_submission(submission: int) -> str:
    """The id of what was submitted; JMAP only (RFC 8621 §7)."""
    return f"S{submission}"


def of_saved_search(search: int) -> str:
    """The id of a search that was saved; JMAP only."""
    return f"Q{search}"


def of_push_subscription(subscription: int) -> str:
    """The id of a push subscription; JMAP only (RFC 8620 §7.2)."""
    return f"P{subscription}"


def of_card(card: CardId) -> str:
    """The id of a contact card; JMAP only (RFC 9610 §3)."""
    return f"C{card}"


def of_address_book(book: AddressBookId) -> str:
    """The id of an address book; JMAP only (RFC 9610 §2)."""
    return f"D{book}"


def mailbox(text: str) -> MailboxId | None:
    """The mailbox with this id; None for an invalid id. Case-sensitive (RFC 8474 §7)."""
    return None if (number := _number("F", text)) is None else MailboxId(number)


def email(text: str) -> EmailId | None:
    """The email with this id, or None."""
    return None if (number := _number("M", text)) is None else EmailId(number)


def thread(text: str) -> ThreadId | None:
    """The thread with this id, or None."""
    return None if (number := _number("T", text)) is None else ThreadId(number)


def account(text: str) -> AccountId | None:
    """The account with this id, or None."""
    return None if (number := _number("A", text)) is None else AccountId(number)


def submission(text: str) -> int | None:
    """The submission with this id, or None."""
    return _number("S", text)


def saved_search(text: str) -> int | None:
    """The saved search with this id, or None."""
    return _number("Q", text)


def push_subscription(text: str) -> int | None:
    """The push subscription with this id, or None."""
    return _number("P", text)


def card(text: str) -> CardId | None:
    """The contact card with this id, or None."""
    return None if (number := _number("C", text)) is None else CardId(number)


def address_book(text: str) -> AddressBookId | None:
    """The address book with this id, or None."""
    return None if (number := _number("D", text)) is None else AddressBookId(number)


def _number(kind: str, text: str) -> int | None:
    found = _OBJECT_ID.fullmatch(text)
    return int(found[2]) if found and found[1] == kind else None
