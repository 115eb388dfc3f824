"""Address books (RFC 9610 §2).

Every account has one from the beginning, without a row of its own until something is written; one of the account's
address books is always the default one, and that one cannot be destroyed.
"""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from pillarbox.contacts import log
from pillarbox.contacts.limits import LIMITS, ContactLimits
from pillarbox.contacts.log import FIRST_BOOK, Kind
from pillarbox.contacts.refusal import ContactsRefused
from pillarbox.mail.identifiers import AccountId, AddressBookId
from pillarbox.world.database import Transaction

FIRST_NAME: Final = "Contacts"
"""Of the first address book, until its owner gives it another."""


class AddressBook(Struct, frozen=True, gc=False):
    """One address book."""

    id: AddressBookId
    name: str
    description: str | None
    sort_order: int
    is_subscribed: bool
    is_default: bool


class Settings(Struct, frozen=True, gc=False):
    """What its owner sets of an address book; what is unset stays."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    sort_order: int | UnsetType = UNSET
    is_subscribed: bool | UnsetType = UNSET


def open_account(tx: Transaction, account: AccountId) -> None:
    """Before anything is written: give the account its rows, if it has none."""
    log.open_account(tx, account, FIRST_NAME)


def listing(tx: Transaction, account: AccountId) -> list[AddressBook]:
    """All address books of an account, oldest first."""
    default: int | None = tx.value(_DEFAULT, (account,))
    if default is None:
        return [AddressBook(AddressBookId(FIRST_BOOK), FIRST_NAME, None, 0, True, True)]
    rows = tx.rows(
        "SELECT id, name, description, sort_order, subscribed FROM address_books WHERE account = ? ORDER BY id",
        (account,),
    )
    return [
        AddressBook(key, name, description, order, bool(subscribed), key == default)
        for key, name, description, order, subscribed in rows
    ]


_DEFAULT: Final = "SELECT default_book FROM contact_counters WHERE account = ?"


def default(tx: Transaction, account: AccountId) -> AddressBookId:
    """The address book for cards of which their owner does not say in which they belong."""
    return AddressBookId(tx.value(_DEFAULT, (account,)) or FIRST_BOOK)


def create(
    tx: Transaction, account: AccountId, settings: Settings, *, limits: ContactLimits = LIMITS
) -> AddressBookId:
    """Make an address book of settings that have a name; return its id. Raises `ContactsRefused`."""
    open_account(tx, account)
    number: int = tx.value("SELECT count(*) FROM address_books WHERE account = ?", (account,))
    if number >= limits.books:
        raise ContactsRefused("overQuota", f"An account has at most {limits.books} address books")
    tx.execute("UPDATE contact_counters SET last_book = last_book + 1 WHERE account = ?", (account,))
    book = AddressBookId(tx.value("SELECT last_book FROM contact_counters WHERE account = ?", (account,)))
    tx.execute(
        "INSERT INTO address_books VALUES (?, ?, ?, ?, ?, ?)",
        (
            account,
            book,
            "" if settings.name is UNSET else settings.name,
            None if settings.description is UNSET else settings.description,
            0 if settings.sort_order is UNSET else settings.sort_order,
            int(settings.is_subscribed is not False),
        ),
    )
    log.note(tx, account, Kind.BOOK, book)
    return book


def update(tx: Transaction, account: AccountId, book: AddressBookId, settings: Settings) -> None:
    """Change an address book that is there."""
    open_account(tx, account)
    row = tx.row(
        "SELECT name, description, sort_order, subscribed FROM address_books WHERE account = ? AND id = ?",
        (account, book),
    )
    assert row is not None, "it is there"
    name, description, order, subscribed = row
    tx.execute(
        "UPDATE address_books SET name = ?, description = ?, sort_order = ?, subscribed = ?"
        " WHERE account = ? AND id = ?",
        (
            name if settings.name is UNSET else settings.name,
            description if settings.description is UNSET else settings.description,
            order if settings.sort_order is UNSET else settings.sort_order,
            subscribed if settings.is_subscribed is UNSET else int(settings.is_subscribed),
            account,
            book,
        ),
    )
    log.note(tx, account, Kind.BOOK, book)


def destroy(tx: Transaction, account: AccountId, book: AddressBookId) -> None:
    """Destroy an address book that has no cards. Raises `ContactsRefused`."""
    found = next((one for one in listing(tx, account) if one.id == book), None)
    if found is None:
        raise ContactsRefused("notFound", "There is no such address book")
    if found.is_default:
        raise ContactsRefused("forbidden", "It is the default address book: make another one that first")
    if tx.row("SELECT 1 FROM card_books WHERE account = ? AND book = ? LIMIT 1", (account, book)):
        raise ContactsRefused("addressBookHasContents", "There are cards in the address book")
    tx.execute("DELETE FROM address_books WHERE account = ? AND id = ?", (account, book))
    log.note(tx, account, Kind.BOOK, book, destroyed=True)


def set_default(tx: Transaction, account: AccountId, book: AddressBookId) -> AddressBookId | None:
    """Make an address book the default one; return which was it before.

    `None` where there is no such address book, or it is the default one already: nothing has changed then.
    """
    before = default(tx, account)
    if book == before or all(one.id != book for one in listing(tx, account)):
        return None
    tx.execute("UPDATE contact_counters SET default_book = ? WHERE account = ?", (book, account))
    log.note(tx, account, Kind.BOOK, before)
    log.note(tx, account, Kind.BOOK, book)
    return before
