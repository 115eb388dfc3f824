"""Contacts of the first account, made by the verbs."""

from typing import Any

from pillarbox.contacts import books, cards, row
from pillarbox.contacts.books import Settings
from pillarbox.contacts.media import Medium
from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId
from pillarbox.world.blobs import prepare, release
from pillarbox.world.database import Transaction

ANNA = AccountId(1)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def a_card(uid: str, **properties: Any) -> dict[str, Any]:
    """A valid Card."""
    return {"@type": "Card", "version": "1.0", "uid": uid, **properties}


def named(given: str, surname: str) -> dict[str, Any]:
    """A Name of two components."""
    components = [{"kind": "given", "value": given}, {"kind": "surname", "value": surname}]
    return {"components": components}


def add(
    tx: Transaction,
    card: dict[str, Any],
    *in_books: int,
    media: tuple[Medium, ...] = (),
    account: AccountId = ANNA,
) -> CardId:
    """Keep a card."""
    return cards.create(tx, account, row.of(card, media), tuple(map(AddressBookId, in_books or (1,))))


def fill(tx: Transaction) -> None:
    """Two address books, and three cards: one is in both, and has a photograph."""
    books.create(tx, ANNA, Settings(name="Work", description="Colleagues"))
    prepared = prepare(PNG)
    prepared.keep(tx)
    photo = {"kind": "photo", "blobId": f"U{prepared.blob.digest.hex()}", "mediaType": "image/png"}
    add(
        tx,
        a_card("one", name=named("Joe", "Bloggs"), created="2026-01-01T00:00:00Z", media={"p": photo}),
        1,
        2,
        media=(Medium(prepared.blob.digest, len(PNG)),),
    )
    release(tx, prepared.blob.digest)
    add(tx, a_card("two", emails={"e": {"address": "ann@x.example"}}, updated="2026-02-01T00:00:00Z"))
    add(tx, a_card("three", kind="group", members={"one": True}))
    books.create(tx, ANNA, Settings(name="Gone"))
    books.destroy(tx, ANNA, AddressBookId(3))
