"""Cards: reading and writing them (RFC 9610 §3).

What is always true: a card is in one address book at least; no two cards of an account have the same uid.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from pillarbox.contacts import books, log, media
from pillarbox.contacts.limits import LIMITS, ContactLimits
from pillarbox.contacts.log import Kind
from pillarbox.contacts.refusal import ContactsRefused, UidTaken
from pillarbox.contacts.row import CardRow
from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId, ModSeq
from pillarbox.world.database import Transaction, ValuesDamaged

READ_TOGETHER: Final = 25
"""Cards that one call reads at most, each some 20 microseconds."""
READ_OCTETS: Final = 64 * 1024
"""Of their contents: where they have more, the rest is for another call."""


T = TypeVar("T", bound=dict[str, Any])


class Conflict(Exception):
    """The card has changed since it was read."""


class Card(Struct, frozen=True, gc=False):
    """A card that was read; its content may be damaged: `decoded` says so."""

    id: CardId
    content: bytes
    """JSON, without `id` and `addressBookIds`."""
    books: tuple[AddressBookId, ...]
    modseq: ModSeq
    """Of its last change."""


def decoded(card: Card, type_: type[T] = dict) -> T:  # type: ignore[assignment]
    """The content, as a type of msgspec. Raises `ValuesDamaged`."""
    try:
        found: T = msgspec.json.decode(card.content, type=type_)
    except msgspec.DecodeError as error:
        raise ValuesDamaged(
            f"the content of card {card.id} is damaged: pillarbox fsck tells of it"
        ) from error
    return found


# --- reading


def get(tx: Transaction, account: AccountId, ids: Sequence[CardId]) -> tuple[list[Card], Sequence[CardId]]:
    """The first few of these cards, as far as there are such, and which are left to read."""
    found, octets = list[Card](), 0
    for at, card in enumerate(ids):
        if octets >= READ_OCTETS or at >= READ_TOGETHER:
            return found, ids[at:]
        row = tx.row(_GET, (account, card))
        if row is not None:
            octets += len(row[0])
            placed = tx.rows(_BOOKS, (account, card))
            found.append(Card(card, row[0], tuple([book for (book,) in placed]), row[1]))
    return found, ()


_GET: Final = """
SELECT content, l.modseq FROM contact_contents c JOIN contact_log l
  ON l.account = c.account AND l.kind = 2 AND l.id = c.card AND l.destroyed = 0 WHERE c.account = ? AND c.card = ?"""
_BOOKS: Final = "SELECT book FROM card_books WHERE account = ? AND card = ? ORDER BY book"


def some_ids(tx: Transaction, account: AccountId, limit: int, *, after: CardId | None = None) -> list[CardId]:
    """The ids of the cards after one, oldest first."""
    rows = tx.rows(
        "SELECT id FROM contact_cards WHERE account = ? AND id > ? ORDER BY id LIMIT ?",
        (account, after or 0, limit),
    )
    return [card for (card,) in rows]


def with_uid(tx: Transaction, account: AccountId, uid: str) -> CardId | None:
    """The card with this uid."""
    found: int | None = tx.value("SELECT id FROM contact_cards WHERE account = ? AND uid = ?", (account, uid))
    return None if found is None else CardId(found)


# --- writing


def create(
    tx: Transaction,
    account: AccountId,
    row: CardRow,
    in_books: Collection[AddressBookId],
    *,
    limits: ContactLimits = LIMITS,
) -> CardId:
    """Keep a new card; return its id. Raises `ContactsRefused`, before anything of it is written."""
    books.open_account(tx, account)
    _check(tx, account, row, in_books)
    octets = _octets(row)
    _check_room(tx, account, row, octets, limits, cards=1)
    tx.execute(
        "UPDATE contact_counters SET last_card = last_card + 1, cards = cards + 1, octets = octets + ?"
        " WHERE account = ?",
        (octets, account),
    )
    card = CardId(tx.value("SELECT last_card FROM contact_counters WHERE account = ?", (account,)))
    tx.execute(
        "INSERT INTO contact_cards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account, card, row.uid, row.kind, row.created_ms, row.updated_ms, row.given, row.surname, row.surname2,
            octets,
        ),
    )  # fmt: skip
    tx.execute("INSERT INTO contact_contents VALUES (?, ?, ?, ?)", (account, card, row.content, row.texts))
    _put_into(tx, account, card, in_books)
    media.put(tx, account, card, row.media)
    log.note(tx, account, Kind.CARD, card)
    return card


def update(
    tx: Transaction,
    account: AccountId,
    read: Card,
    row: CardRow,
    in_books: Collection[AddressBookId],
    *,
    limits: ContactLimits = LIMITS,
) -> None:
    """Write a card that was read, anew. Raises `Conflict`, and as `create` does."""
    card = read.id
    now = tx.value(_MODSEQ, (account, card))
    if now != read.modseq:
        raise Conflict(card)
    _check(tx, account, row, in_books, unless=card)
    octets = _octets(row)
    before = tx.value("SELECT octets FROM contact_cards WHERE account = ? AND id = ?", (account, card))
    if type(before) is not int:
        raise log.damaged(account)
    _check_room(tx, account, row, octets - before, limits, cards=0)
    tx.execute(
        "UPDATE contact_cards SET uid = ?, kind = ?, created_ms = ?, updated_ms = ?, given = ?, surname = ?,"
        " surname2 = ?, octets = ? WHERE account = ? AND id = ?",
        (
            row.uid, row.kind, row.created_ms, row.updated_ms, row.given, row.surname, row.surname2, octets,
            account, card,
        ),
    )  # fmt: skip
    tx.execute(
        "UPDATE contact_contents SET content = ?, texts = ? WHERE account = ? AND card = ?",
        (row.content, row.texts, account, card),
    )
    _put_into(tx, account, card, set(in_books) - set(read.books))
    for book in set(read.books) - set(in_books):
        _take_out(tx, account, card, book)
    media.put(tx, account, card, row.media)
    tx.execute(
        "UPDATE contact_counters SET octets = octets + ? WHERE account = ?", (octets - before, account)
    )
    log.note(tx, account, Kind.CARD, card)


_MODSEQ: Final = "SELECT modseq FROM contact_log WHERE account = ? AND kind = 2 AND id = ? AND destroyed = 0"


def destroy(tx: Transaction, account: AccountId, card: CardId) -> bool:
    """Destroy a card; false where there is none."""
    octets = tx.value("SELECT octets FROM contact_cards WHERE account = ? AND id = ?", (account, card))
    if octets is None:
        return False
    tx.execute("DELETE FROM contact_cards WHERE account = ? AND id = ?", (account, card))
    tx.execute("DELETE FROM contact_contents WHERE account = ? AND card = ?", (account, card))
    tx.execute("DELETE FROM card_books WHERE account = ? AND card = ?", (account, card))
    media.put(tx, account, card, ())
    tx.execute(
        "UPDATE contact_counters SET cards = cards - 1, octets = octets - ? WHERE account = ?",
        (octets, account),
    )
    log.note(tx, account, Kind.CARD, card, destroyed=True)
    return True


# --- pieces of writing


def _octets(row: CardRow) -> int:
    return len(row.content) + sum(medium.size for medium in row.media)


def _check(
    tx: Transaction,
    account: AccountId,
    row: CardRow,
    in_books: Collection[AddressBookId],
    *,
    unless: CardId | None = None,
) -> None:
    """What a card refers to, and that no other one than `unless` has its uid."""
    if not in_books:
        raise ContactsRefused("invalidProperties", "A card is in one address book at least", "addressBookIds")
    for book in in_books:
        if tx.row("SELECT 1 FROM address_books WHERE account = ? AND id = ?", (account, book)) is None:
            raise ContactsRefused("invalidProperties", "An address book does not exist", "addressBookIds")
    existing = with_uid(tx, account, row.uid)
    if existing is not None and existing != unless:
        raise UidTaken(existing)
    for medium in row.media:
        if tx.row("SELECT 1 FROM blobs WHERE digest = ?", (medium.digest,)) is None:
            raise ContactsRefused("invalidProperties", "A blob does not exist", "media")


def _check_room(
    tx: Transaction, account: AccountId, row: CardRow, octets: int, limits: ContactLimits, *, cards: int
) -> None:
    """Whether there is room for so many octets and cards more."""
    if len(row.content) > limits.card_octets:
        raise ContactsRefused("tooLarge", f"A card has at most {limits.card_octets} octets")
    if len(row.media) > limits.media or any(medium.size > limits.media_octets for medium in row.media):
        raise ContactsRefused(
            "tooLarge", f"A card has at most {limits.media} media of {limits.media_octets} octets each"
        )
    counted = tx.row("SELECT cards, octets FROM contact_counters WHERE account = ?", (account,))
    if counted is None or not all(type(number) is int for number in counted):
        raise log.damaged(account)
    if cards and counted[0] + cards > limits.cards:
        raise ContactsRefused("overQuota", f"An account has at most {limits.cards} cards")
    if octets > 0 and counted[1] + octets > limits.octets:
        raise ContactsRefused("overQuota", f"The cards of an account have at most {limits.octets} octets")


def _put_into(tx: Transaction, account: AccountId, card: CardId, in_books: Iterable[AddressBookId]) -> None:
    for book in sorted(in_books):
        tx.execute("INSERT INTO card_books VALUES (?, ?, ?)", (account, card, book))


def _take_out(tx: Transaction, account: AccountId, card: CardId, book: AddressBookId) -> None:
    tx.execute("DELETE FROM card_books WHERE account = ? AND card = ? AND book = ?", (account, card, book))
