"""Writing several cards in one transaction; what is wrong with one of them leaves the others as they are."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pillarbox.contacts import cards, media
from pillarbox.contacts.cards import Card, Conflict
from pillarbox.contacts.media import Medium
from pillarbox.contacts.refusal import ContactsRefused, UidTaken
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.server.jmap.contacts.making import Made
from pillarbox.world.database import Transaction

TOGETHER: Final = 10
"""Cards that one transaction writes: a millisecond, about."""

T = TypeVar("T")


def create(tx: Transaction, account: AccountId, several: Sequence[Made]) -> list[CardId | SetError]:
    """What became of each."""
    return [
        _tried(lambda made=made: cards.create(tx, account, made.row, made.books))  # type: ignore[misc]
        for made in several
    ]


def update(
    tx: Transaction, account: AccountId, several: Sequence[tuple[Card, Made]]
) -> list[bool | SetError]:
    """Whether each is written; false where it has changed since it was read."""
    return [
        _tried(lambda card=card, made=made: _update(tx, account, card, made))  # type: ignore[misc]
        for card, made in several
    ]


def _update(tx: Transaction, account: AccountId, card: Card, made: Made) -> bool:
    try:
        cards.update(tx, account, card, made.row, made.books)
    except Conflict:
        return False
    return True


def destroy(tx: Transaction, account: AccountId, several: Sequence[CardId]) -> list[bool]:
    """Whether there was each."""
    return [cards.destroy(tx, account, card) for card in several]


def read(
    tx: Transaction, account: AccountId, several: Sequence[CardId]
) -> dict[CardId, tuple[Card, list[Medium]]]:
    """Cards with the media that they use, as far as there are such."""
    found = {}
    while several:
        some, several = cards.get(tx, account, several)
        found.update({card.id: (card, media.of_card(tx, account, card.id)) for card in some})
    return found


def _tried(write: Callable[[], T]) -> T | SetError:
    try:
        return write()
    except UidTaken as taken:
        existing = {"existingId": object_id.of_card(CardId(taken.existing))}
        return SetError(taken.type, taken.description, {"properties": list(taken.properties), **existing})
    except ContactsRefused as refused:
        extra = {"properties": list(refused.properties)} if refused.properties else {}
        return SetError(refused.type, refused.description, extra)
