"""Destroying an address book with the cards in it, some at a time (RFC 9610 §2.3, onDestroyRemoveContents)."""

from typing import Final

from pillarbox.contacts import books, cards, log
from pillarbox.contacts.log import Kind
from pillarbox.contacts.refusal import ContactsRefused
from pillarbox.mail.identifiers import AccountId, AddressBookId
from pillarbox.world.database import Transaction

REMOVED_TOGETHER: Final = 50
"""Cards that one call takes out of the address book: some milliseconds."""


def destroy_with_contents(tx: Transaction, account: AccountId, book: AddressBookId) -> bool:
    """Take some cards out of an address book, and destroy it where these were all; whether it is destroyed.

    Cards that are in no other one are destroyed. Raises `ContactsRefused`.
    """
    try:
        books.destroy(tx, account, book)
        return True
    except ContactsRefused as refused:
        if refused.type != "addressBookHasContents":
            raise
    for (card,) in tx.rows(_SOME, (account, book, REMOVED_TOGETHER)):
        # Whatever else a damaged row leads to: it is gone, so that this ends
        tx.execute(
            "DELETE FROM card_books WHERE account = ? AND card = ? AND book = ?", (account, card, book)
        )
        if tx.row(_ELSEWHERE, (account, card)) is not None:
            log.note(tx, account, Kind.CARD, card)
        else:
            cards.destroy(tx, account, card)
    return False


_SOME: Final = "SELECT card FROM card_books WHERE account = ? AND book = ? ORDER BY card LIMIT ?"
_ELSEWHERE: Final = "SELECT 1 FROM card_books WHERE account = ? AND card = ? LIMIT 1"
