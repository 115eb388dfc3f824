"""Images and sounds of cards: each is one more use of a blob that is stored already (RFC 9610 §3)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.world import blobs
from pillarbox.world.database import Transaction


class Medium(NamedTuple):
    """One of them."""

    digest: bytes
    """Of its octets: their name in `world.blobs`."""
    size: int
    """Octets."""


def of_card(tx: Transaction, account: AccountId, card: CardId) -> list[Medium]:
    """What a card uses."""
    return [Medium(digest, octets) for digest, octets in tx.rows(_OF_CARD, (account, card))]


_OF_CARD: Final = "SELECT blob, size FROM card_media WHERE account = ? AND card = ?"


def put(tx: Transaction, account: AccountId, card: CardId, wanted: Iterable[Medium]) -> None:
    """Have a card use exactly these, whose blobs are there."""
    before, after = set(of_card(tx, account, card)), set(wanted)
    for medium in after - before:
        blobs.keep_again(tx, medium.digest)
        tx.execute("INSERT INTO card_media VALUES (?, ?, ?, ?)", (account, card, *medium))
    for medium in before - after:
        tx.execute(
            "DELETE FROM card_media WHERE account = ? AND card = ? AND blob = ?",
            (account, card, medium.digest),
        )
        blobs.release(tx, medium.digest)


def size(tx: Transaction, account: AccountId, digest: bytes) -> int | None:
    """How many octets the image or sound with this digest has; `None` where no card of the account has it."""
    octets: int | None = tx.value(
        "SELECT size FROM card_media WHERE account = ? AND blob = ? LIMIT 1", (account, digest)
    )
    return octets


def cards(tx: Transaction, account: AccountId, digest: bytes, *, limit: int) -> list[CardId]:
    """The first cards that have it."""
    rows = tx.rows(
        "SELECT card FROM card_media WHERE account = ? AND blob = ? ORDER BY card LIMIT ?",
        (account, digest, limit),
    )
    return [card for (card,) in rows]
