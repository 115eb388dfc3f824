"""Importing and exporting an account's contacts, as a file of vCards."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from pillarbox.admin import concerns
from pillarbox.admin.permissions import ONESELF, may
from pillarbox.cards.card import check
from pillarbox.cards.conversion.reading import to_card
from pillarbox.cards.conversion.writing import to_vcard
from pillarbox.cards.vcard.card import BadCard
from pillarbox.cards.vcard.limits import Limits
from pillarbox.cards.vcard.reading import pieces as read_pieces
from pillarbox.cards.vcard.writing import write
from pillarbox.contacts import books, cards, row
from pillarbox.contacts.cards import Card
from pillarbox.contacts.limits import LIMITS
from pillarbox.contacts.media import Medium
from pillarbox.contacts.refusal import ContactsRefused, UidTaken
from pillarbox.contacts.row import CardRow
from pillarbox.directory.naming import NameRefused
from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId
from pillarbox.protocol.jmap.blobs import blob_id, data_uri
from pillarbox.protocol.jmap.blobs.data_uri import InvalidDataUri
from pillarbox.protocol.jmap.blobs.image_type import HEAD_OCTETS, image_type
from pillarbox.world import blobs as blob_uses
from pillarbox.world.blobs import BlobDamaged, Blobs, FileBlobs, PreparedBlob
from pillarbox.world.database import Database, Transaction

TOGETHER: Final = 100
"""Cards that one transaction writes."""
_MEDIA: Final = "media"
_LIMITS: Final = Limits(max_octets=100_000_000, max_cards=LIMITS.cards)


class Refused(Struct, frozen=True):
    """A card that was not imported."""

    card: str
    """Its name or uid, or the line where it is."""
    why: str


class ImportResult(Struct):
    """What became of a file."""

    imported: int = 0
    existing: int = 0
    """Cards that the account has already: another one has the same uid."""
    refused: list[Refused] = []


class _Ready(Struct, frozen=True):
    """A card to write, with octets that are kept for it."""

    row: CardRow
    title: str
    media: tuple[PreparedBlob, ...]


@may(ONESELF, of=concerns.account_number("account"))
def book_named(tx: Transaction, account: AccountId, name: str | None) -> AddressBookId:
    """The address book with this name, or the default one. Raises `NameRefused`."""
    if name is None:
        return books.default(tx, account)
    for book in books.listing(tx, account):
        if book.name == name:
            return book.id
    raise NameRefused(f"There is no address book '{name}'")


@may(ONESELF, of=concerns.account_number("account"))
def import_file(
    database: Database, blobs: FileBlobs, account: AccountId, octets: bytes, book: AddressBookId
) -> ImportResult:
    """Add the cards of a file; those that the account has stay as they are, so it may be done again."""
    result, waiting = ImportResult(), list[_Ready]()
    for read in read_pieces(octets, _LIMITS):
        if isinstance(read, BadCard):
            result.refused.append(Refused(f"line {read.line}", read.reason))
        elif read is not None:
            made = _ready(blobs, to_card(read))
            if isinstance(made, Refused):
                result.refused.append(made)
            else:
                waiting.append(made)
        if len(waiting) >= TOGETHER:
            _import(database, account, waiting, book, result)
            waiting = []
    _import(database, account, waiting, book, result)
    return result


def _ready(blobs: FileBlobs, card: dict[str, Any]) -> _Ready | Refused:
    title = _title(card)
    wrong = check(card)
    if wrong:
        return Refused(title, "not valid, or too large: " + ", ".join(filter(None, wrong)))
    content, kept = _with_blobs(blobs, card)
    used = [Medium(prepared.blob.digest, prepared.blob.size) for prepared in kept]
    return _Ready(row.of(content, used), title, tuple(kept))


def _title(card: dict[str, Any]) -> str:
    name = card.get("name", {})
    words = [one["value"] for one in name.get("components", ()) if one.get("kind") != "separator"]
    return str(name.get("full") or " ".join(words) or card.get("uid", ""))[:100]


def _with_blobs(blobs: FileBlobs, card: dict[str, Any]) -> tuple[dict[str, Any], list[PreparedBlob]]:
    """Images and sounds in the card become blobs, as they do where a client has sent it; other URIs stay."""
    media, kept = dict(card.get(_MEDIA, {})), list[PreparedBlob]()
    for key, medium in media.items():
        if not data_uri.is_data_uri(medium.get("uri")) or len(kept) >= LIMITS.media:
            continue
        try:
            type_, octets = data_uri.decode(medium["uri"])
        except InvalidDataUri:
            continue
        image = image_type(octets[:HEAD_OCTETS])
        if len(octets) > LIMITS.media_octets or (medium["kind"] != "sound" and image is None):
            continue
        prepared = blobs.keep_ready(octets)
        kept.append(prepared)
        rest = {name: value for name, value in medium.items() if name != "uri"}
        media[key] = {
            **rest, "blobId": blob_id.of_upload(prepared.blob.digest), "mediaType": image or type_,
        }  # fmt: skip
    return {**card, _MEDIA: media} if kept else card, kept


def _import(
    database: Database,
    account: AccountId,
    several: Sequence[_Ready],
    book: AddressBookId,
    result: ImportResult,
) -> None:
    outcomes = database.write_now(_create, account, several, book)
    for one, outcome in zip(several, outcomes, strict=True):
        if outcome is None:
            result.imported += 1
        elif isinstance(outcome, UidTaken):
            result.existing += 1
        else:
            result.refused.append(Refused(one.title, outcome.description))


def _create(
    tx: Transaction, account: AccountId, several: Sequence[_Ready], book: AddressBookId
) -> list[ContactsRefused | None]:
    outcomes: list[ContactsRefused | None] = []
    for one in several:
        for prepared in one.media:
            prepared.keep(tx)
        try:
            cards.create(tx, account, one.row, (book,))
            outcomes.append(None)
        except ContactsRefused as refused:
            outcomes.append(refused)
        for prepared in one.media:
            blob_uses.release(tx, prepared.blob.digest)  # the card has its own use
    return outcomes


# --- export


class ExportResult(Struct):
    """What was exported."""

    cards: int = 0
    damaged: list[Refused] = []
    """Images and sounds that can't be read."""


@may(ONESELF, of=concerns.account_number("account"))
def export(database: Database, blobs: Blobs, account: AccountId, result: ExportResult) -> Iterator[bytes]:
    """All cards of an account as vCards (RFC 6350), one after another, with their images and sounds."""
    after: CardId | None = None
    while left := database.read_now(cards.some_ids, account, TOGETHER, after=after):
        after = left[-1]
        rest: Sequence[CardId] = left
        while rest:
            some, rest = database.read_now(cards.get, account, rest)
            for card in some:
                yield write((to_vcard(_whole(database, blobs, card, result)),))
                result.cards += 1


def _whole(database: Database, blobs: Blobs, card: Card, result: ExportResult) -> dict[str, Any]:
    content: dict[str, Any] = cards.decoded(card)
    media = dict(content.get(_MEDIA, {}))
    for key, medium in list(media.items()):
        named = blob_id.read(medium["blobId"]) if "blobId" in medium else None
        if named is None:
            continue
        try:
            octets = database.read_now(blobs.read, named.digest)
        except BlobDamaged as failure:
            result.damaged.append(Refused(_title(content), failure.trouble))
            del media[key]
            continue
        rest = {name: value for name, value in medium.items() if name != "blobId"}
        media[key] = {**rest, "uri": data_uri.encode(medium["mediaType"], octets)}
    return {**content, _MEDIA: media} if _MEDIA in content else content
