"""All cards of an account, a few together, as queries compare them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.contacts.row import Texts
from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId
from pillarbox.world.database import Transaction, ValuesDamaged

TOGETHER: Final = 100
"""Cards that are read at once."""
TEXT_OCTETS: Final = 64 * 1024
"""Octets of their texts, about: then no more are read with these."""


class Listed(Struct, frozen=True, gc=False):
    """A card as queries look at it. What was not asked for is empty."""

    id: CardId
    uid: str
    kind: str
    created_ms: int | None
    updated_ms: int | None
    given: str
    surname: str
    surname2: str
    texts: Texts
    books: frozenset[AddressBookId]


def pages(tx: Transaction, account: AccountId, *, texts: bool, books: bool) -> Iterator[list[Listed]]:
    """All cards, oldest first; with their texts and address books where these are needed."""
    after = 0
    while True:
        if texts:
            rows, _ = tx.rows_within(_WITH_TEXTS, (account, after, TOGETHER), (8,), TEXT_OCTETS)
        else:
            rows = tx.rows(_CARDS, (account, after, TOGETHER))
        if not rows:
            return
        last: int = rows[-1][0]
        placed = _placed(tx, account, after, last) if books else {}
        yield [_listed(row, placed, texts=texts) for row in rows]
        after = last


_CARDS: Final = """
SELECT id, uid, kind, created_ms, updated_ms, given, surname, surname2 FROM contact_cards
WHERE account = ? AND id > ? ORDER BY id LIMIT ?"""
_WITH_TEXTS: Final = """
SELECT id, uid, kind, created_ms, updated_ms, given, surname, surname2, texts FROM contact_cards k
JOIN contact_contents c ON c.account = k.account AND c.card = k.id
WHERE k.account = ? AND k.id > ? ORDER BY k.id LIMIT ?"""


def _placed(tx: Transaction, account: AccountId, after: int, last: int) -> dict[int, set[AddressBookId]]:
    placed: dict[int, set[AddressBookId]] = {}
    for card, book in tx.rows(
        "SELECT card, book FROM card_books WHERE account = ? AND card > ? AND card <= ?",
        (account, after, last),
    ):
        placed.setdefault(card, set()).add(book)
    return placed


_NO_TEXTS: Final[Texts] = {}
_NO_BOOKS: Final = frozenset[AddressBookId]()
_decoder: Final = msgspec.json.Decoder(Texts)


def _decoded(card: CardId, texts: bytes) -> Texts:
    try:
        return _decoder.decode(texts)
    except msgspec.DecodeError as error:
        raise ValuesDamaged(
            f"the texts of card {card} are damaged: pillarbox fsck --repair mends them"
        ) from error


def _listed(row: tuple[Any, ...], placed: dict[int, set[AddressBookId]], *, texts: bool) -> Listed:
    card, uid, kind, created_ms, updated_ms, given, surname, surname2 = row[:8]
    return Listed(
        id=card,
        uid=uid,
        kind=kind,
        created_ms=created_ms,
        updated_ms=updated_ms,
        given=given,
        surname=surname,
        surname2=surname2,
        texts=_decoded(card, row[8]) if texts else _NO_TEXTS,
        books=frozenset(placed[card]) if card in placed else _NO_BOOKS,
    )
