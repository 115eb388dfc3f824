"""Invariants of the tables of contacts, checked by `pillarbox fsck`."""

from collections.abc import Iterator
from typing import Final

import msgspec

from pillarbox.contacts import books, row, values
from pillarbox.contacts.media import Medium
from pillarbox.contacts.row import CardRow
from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant

_TOGETHER: Final = 100
"""Cards that are looked at together."""

_UNCOUNTED: Final = """
FROM (SELECT account FROM address_books UNION SELECT account FROM contact_cards
  UNION SELECT account FROM contact_contents) t
WHERE NOT EXISTS (SELECT 1 FROM contact_counters c WHERE c.account = t.account)"""
_NO_DEFAULT: Final = """
FROM contact_counters WHERE NOT EXISTS
  (SELECT 1 FROM address_books b WHERE b.account = contact_counters.account AND b.id = contact_counters.default_book)"""
_NOWHERE: Final = """
FROM card_books WHERE NOT EXISTS
  (SELECT 1 FROM address_books b WHERE b.account = card_books.account AND b.id = card_books.book)
  OR NOT EXISTS (SELECT 1 FROM contact_cards k WHERE k.account = card_books.account AND k.id = card_books.card)"""
_IN_NO_BOOK: Final = """
FROM contact_cards k WHERE NOT EXISTS (SELECT 1 FROM card_books b WHERE b.account = k.account AND b.card = k.id)"""
_WITHOUT_CONTENT: Final = """
FROM contact_cards k WHERE NOT EXISTS
  (SELECT 1 FROM contact_contents c WHERE c.account = k.account AND c.card = k.id)"""
_WITHOUT_CARD: Final = """
FROM contact_contents c WHERE NOT EXISTS
  (SELECT 1 FROM contact_cards k WHERE k.account = c.account AND k.id = c.card)"""
_MEDIA_OF_NOBODY: Final = """
FROM card_media WHERE NOT EXISTS
  (SELECT 1 FROM contact_cards k WHERE k.account = card_media.account AND k.id = card_media.card)"""
_THERE: Final = """
(SELECT account, 1 AS kind, id FROM address_books UNION ALL SELECT account, 2 AS kind, id FROM contact_cards)"""
_UNLOGGED: Final = f"""
FROM {_THERE} t JOIN contact_counters c ON c.account = t.account WHERE NOT EXISTS
  (SELECT 1 FROM contact_log l WHERE l.account = t.account AND l.kind = t.kind AND l.id = t.id AND l.destroyed = 0)"""  # noqa: S608 - a constant
_GONE: Final = f"""
FROM contact_log WHERE destroyed = 0 AND NOT EXISTS
  (SELECT 1 FROM {_THERE} t WHERE t.account = contact_log.account AND t.kind = contact_log.kind
   AND t.id = contact_log.id)"""  # noqa: S608 - a constant
_CARDS: Final = "(SELECT count(*) FROM contact_cards k WHERE k.account = c.account)"
_OCTETS: Final = "(SELECT coalesce(sum(k.octets), 0) FROM contact_cards k WHERE k.account = c.account)"
_LAST_BOOK: Final = "(SELECT coalesce(max(b.id), 1) FROM address_books b WHERE b.account = c.account)"
_LAST_CARD: Final = "(SELECT coalesce(max(k.id), 0) FROM contact_cards k WHERE k.account = c.account)"
_MODSEQ: Final = "(SELECT coalesce(max(l.modseq), 0) FROM contact_log l WHERE l.account = c.account)"

INVARIANTS = (
    *values.INVARIANTS,
    Invariant(
        "contacts-are-counted",
        "An account with contacts has its counters.",
        f"SELECT account {_UNCOUNTED}",
        "the counters of the contacts of account {0} are lost",
        "Count again.",
        (f"INSERT INTO contact_counters SELECT account, 0, 0, 0, 1, 0, 0, 0, 0, 0 {_UNCOUNTED}",),
    ),
    Invariant(
        "content-has-card",
        "What a card has in it belongs to a card.",
        f"SELECT account, card {_WITHOUT_CARD}",
        "card {1} of account {0} has lost its row, and its content is there",
        "Make the row again.",
        lambda tx: _make_rows(tx),
    ),
    Invariant(
        "card-has-content",
        "Every card has a content that can be read.",
        lambda tx: _without_content(tx),
        "the content of card {1} of account {0} is lost",
        "To have it back: restore a backup beside, and export the contacts of the account from there. To remove what is"
        " lost instead: pillarbox fsck --repair --accept-loss",
        is_loss=True,
    ),
    Invariant(
        "card-row-matches",
        "What queries compare of a card is that of its content.",
        lambda tx: ((account, card) for account, card, _, _ in _unlike_contents(tx)),
        "card {1} of account {0} is listed with another uid, name, date, size or text than it has",
        "Take it from the content.",
        lambda tx: _mend_rows(tx),
    ),
    Invariant(
        "default-address-book-exists",
        "One of an account's address books is the default one.",
        f"SELECT account {_NO_DEFAULT}",
        "account {0} has no default address book",
        "It is the oldest; where there is none, a new one.",
        lambda tx: _choose_defaults(tx),
    ),
    Invariant(
        "card-book-exists",
        "Cards and address books that belong together are there.",
        f"SELECT account, card, book {_NOWHERE}",
        "card {1} of account {0} is in address book {2}, and one of them does not exist",
        "Take it out.",
        (f"DELETE {_NOWHERE}",),
    ),
    Invariant(
        "card-is-in-address-book",
        "Every card is in an address book.",
        f"SELECT k.account, k.id {_IN_NO_BOOK}",
        "card {1} of account {0} is in no address book",
        "Put it into the default one.",
        (
            (
                "INSERT INTO card_books SELECT k.account, k.id,"  # noqa: S608 - likewise
                f" (SELECT c.default_book FROM contact_counters c WHERE c.account = k.account) {_IN_NO_BOOK}"
            ),
        ),
    ),
    Invariant(
        "card-media-has-card",
        "Every image and sound belongs to a card.",
        f"SELECT account, card {_MEDIA_OF_NOBODY}",
        "an image or sound belongs to card {1} of account {0}, which does not exist",
        "Drop it; its octets become a file in lost+found.",
        (f"DELETE {_MEDIA_OF_NOBODY}",),
    ),
    Invariant(
        "contact-is-logged",
        "Every address book and card is in the log of contacts.",
        f"SELECT t.account, t.kind, t.id {_UNLOGGED}",
        "of account {0}, it is not recorded when {2} (kind {1}) of its contacts last changed",
        "Record it as changed now; clients read everything once more.",
        (
            (
                f"INSERT INTO contact_log SELECT t.account, t.kind, t.id, c.modseq, c.modseq, 0 {_UNLOGGED}"
                " ON CONFLICT (account, kind, id) DO UPDATE SET modseq = excluded.modseq, destroyed = 0"
            ),
        ),
    ),
    Invariant(
        "logged-contact-exists",
        "What the log of contacts says of address books and cards is about such that there are.",
        f"SELECT account, kind, id {_GONE}",
        "of account {0}, {2} (kind {1}) of its contacts is recorded as there, and is not",
        "Record it as destroyed; clients read everything once more.",
        (
            f"UPDATE contact_log SET destroyed = 1 WHERE (account, kind, id) IN (SELECT account, kind, id {_GONE})",  # noqa: S608 - likewise
        ),
    ),
    Invariant(
        "contact-counts-match",
        "The number of an account's cards and their octets are recorded.",
        f"SELECT account FROM contact_counters c WHERE cards <> {_CARDS} OR octets <> {_OCTETS}",  # noqa: S608 - likewise
        "the number or size of the cards of account {0} is wrong",
        "Count again.",
        (f"UPDATE contact_counters AS c SET cards = {_CARDS}, octets = {_OCTETS}",),  # noqa: S608 - likewise
    ),
    Invariant(
        "contacts-are-numbered",
        "The numbers that contacts were given last are known.",
        f"SELECT account FROM contact_counters c WHERE last_book < {_LAST_BOOK} OR last_card < {_LAST_CARD}"  # noqa: S608 - likewise
        f" OR modseq < {_MODSEQ}",
        "a number that a contact of account {0} was given last is lost",
        "Continue above the highest.",
        (
            f"UPDATE contact_counters AS c SET last_book = {_LAST_BOOK} WHERE last_book < {_LAST_BOOK}",  # noqa: S608 - likewise
            f"UPDATE contact_counters AS c SET last_card = {_LAST_CARD} WHERE last_card < {_LAST_CARD}",  # noqa: S608 - likewise
            f"UPDATE contact_counters AS c SET modseq = {_MODSEQ} WHERE modseq < {_MODSEQ}",  # noqa: S608 - likewise
        ),
    ),
)
"""In the order in which to repair them."""


# --- contents and the rows that are made of them


def _contents(tx: Transaction) -> Iterator[tuple[AccountId, CardId, CardRow | None, bytes]]:
    """Every content, as the row that it should have; `None` where it can't be read. And its texts as they are kept."""
    account, card = -1, 0
    while found := tx.rows(
        "SELECT account, card, content, texts FROM contact_contents WHERE (account, card) > (?, ?)"
        " ORDER BY account, card LIMIT ?",
        (account, card, _TOGETHER),
    ):
        for account, card, content, texts in found:
            yield AccountId(account), CardId(card), _row(tx, AccountId(account), CardId(card), content), texts


def _row(tx: Transaction, account: AccountId, card: CardId, content: bytes) -> CardRow | None:
    media = tx.rows("SELECT blob, size FROM card_media WHERE account = ? AND card = ?", (account, card))
    try:
        decoded = msgspec.json.decode(content, type=dict)
        return row.of(decoded, [Medium(*one) for one in media])
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError, ValueError):
        return None  # it is damaged


def _without_content(tx: Transaction) -> Iterator[tuple[int, int]]:
    yield from tx.rows(f"SELECT k.account, k.id {_WITHOUT_CONTENT}")
    for account, card, made, _ in _contents(tx):
        if made is None:
            yield account, card


def _unlike_contents(tx: Transaction) -> Iterator[tuple[AccountId, CardId, CardRow, int]]:
    """Cards of which the row is not that of their content, and what they count."""
    for account, card, made, texts in _contents(tx):
        kept = tx.row(_KEPT, (account, card))
        if made is None or kept is None:
            continue
        octets = len(made.content) + sum(medium.size for medium in made.media)
        if kept != _columns(made, octets) or _texts(texts) != _texts(made.texts):
            yield account, card, made, octets


_KEPT: Final = """
SELECT uid, kind, created_ms, updated_ms, given, surname, surname2, octets FROM contact_cards
WHERE account = ? AND id = ?"""


def _columns(made: CardRow, octets: int) -> tuple[str | int | None, ...]:
    return (
        made.uid, made.kind, made.created_ms, made.updated_ms, made.given, made.surname, made.surname2, octets,
    )  # fmt: skip


def _texts(octets: bytes) -> object:
    try:
        return msgspec.json.decode(octets)
    except msgspec.DecodeError:
        return None


def _mend_rows(tx: Transaction) -> None:
    for account, card, made, octets in list(_unlike_contents(tx)):
        other = tx.value(
            "SELECT id FROM contact_cards WHERE account = ? AND uid = ? AND id <> ?",
            (account, made.uid, card),
        )
        uid = made.uid if other is None else f"lost:{card}"
        tx.execute(
            "UPDATE contact_cards SET uid = ?, kind = ?, created_ms = ?, updated_ms = ?, given = ?, surname = ?,"
            " surname2 = ?, octets = ? WHERE account = ? AND id = ?",
            (uid, *_columns(made, octets)[1:], account, card),
        )
        tx.execute(
            "UPDATE contact_contents SET texts = ? WHERE account = ? AND card = ?",
            (made.texts, account, card),
        )


def _make_rows(tx: Transaction) -> None:
    """What is in the row, `_mend_rows` finds out."""
    tx.execute(
        "INSERT INTO contact_cards SELECT account, card, 'lost:' || card, '', NULL, NULL, '', '', '', 0"
        f" {_WITHOUT_CARD}"
    )


def _choose_defaults(tx: Transaction) -> None:
    for (account,) in tx.rows(f"SELECT account {_NO_DEFAULT}"):
        oldest = tx.value("SELECT min(id) FROM address_books WHERE account = ?", (account,))
        if oldest is None:
            last: int = tx.value("SELECT last_book FROM contact_counters WHERE account = ?", (account,))
            oldest = last + 1
            tx.execute(
                "INSERT INTO address_books VALUES (?, ?, ?, NULL, 0, 1)", (account, oldest, books.FIRST_NAME)
            )
        tx.execute("UPDATE contact_counters SET default_book = ? WHERE account = ?", (oldest, account))


def remove_lost(tx: Transaction) -> int:
    """Remove the cards whose content is lost, once that is accepted; return how many. Repairs do the rest."""
    lost = list(_without_content(tx))
    for account, card in lost:
        tx.execute("DELETE FROM contact_cards WHERE account = ? AND id = ?", (account, card))
        tx.execute("DELETE FROM contact_contents WHERE account = ? AND card = ?", (account, card))
    return len(lost)
