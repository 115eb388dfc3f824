"""A card that a client has sent: checked, completed, and made ready to be written, outside of any transaction."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.cards.card import check
from pillarbox.contacts import cards, row
from pillarbox.contacts.cards import Card
from pillarbox.contacts.limits import LIMITS
from pillarbox.contacts.media import Medium
from pillarbox.contacts.row import CardRow
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AddressBookId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap import patch as patches
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import InvalidPatch
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.protocol.jmap.types import contact_card
from pillarbox.protocol.jmap.types.contact_card import BOOKS, ID, MEDIA, REFERENCES
from pillarbox.server.jmap.contacts.get import books_of
from pillarbox.server.jmap.contacts.media import MediaKeeper, MediaRefused, with_uris
from pillarbox.server.jmap.context import Context
from pillarbox.world.world import World

AT_ONCE_OCTETS: Final = 8 * 1024
"""A longer card is checked in a thread."""
_NUL: Final = b"\\u0000"


MAX_UID_CHARACTERS: Final = 1_000


class Made(Struct, frozen=True):
    """A card to write."""

    row: CardRow
    books: tuple[AddressBookId, ...]
    told: dict[str, Any]
    """What of it is not as the client has sent it."""


def new_uid(world: World) -> str:
    """A uid for a card that comes without: a random UUID, as RFC 9553 §2.1.9 recommends."""
    number = int.from_bytes(world.entropy.token_bytes(16), "big")
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(3 << 62) | 2 << 62
    text = f"{number:032x}"
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


async def created(context: Context, keeper: MediaKeeper, given: Mapping[str, Any]) -> Made | SetError:
    """A new card (RFC 9610 §3.5)."""
    return await made(context, keeper, given, ())


async def made(
    context: Context, keeper: MediaKeeper, given: Mapping[str, Any], known: Iterable[Medium]
) -> Made | SetError:
    """A new card, which may have media that are `known`."""
    resolved = context.created.resolve(given, REFERENCES)
    if isinstance(resolved, SetError):
        return resolved
    card = dict(resolved)
    now = utc_date(context.world.clock.now_ms())
    defaults = {"@type": "Card", "version": "1.0", "created": now, "updated": now}
    completed = {name: value for name, value in defaults.items() if name not in card}
    if "uid" not in card:
        completed["uid"] = new_uid(context.world)
    return await _finished(context, keeper, {**card, **completed}, completed, known, unknown=[ID])


async def updated(
    context: Context, keeper: MediaKeeper, card: Card, known: Iterable[Medium], patch: Mapping[str, Any]
) -> Made | SetError | None:
    """A card with the changes of a patch (RFC 8620 §5.3); `None` where it does not change."""
    resolved = context.created.resolve(patch, REFERENCES)
    if isinstance(resolved, SetError):
        return resolved
    before: dict[str, Any] = {
        **cards.decoded(card),
        ID: object_id.of_card(card.id),
        BOOKS: books_of(card),
    }
    try:
        changes = patches.parse(resolved, context.limits)
        after = patches.apply(before, changes)
    except InvalidPatch as refused:
        return errors.invalid_patch(str(refused))
    if after.pop(ID, None) != before[ID]:
        return errors.invalid_properties([ID], "The id never changes")
    del before[ID]
    if after == before:
        return None
    touched = patches.touched(changes)
    completed = {}
    if "updated" not in touched:
        completed["updated"] = utc_date(context.world.clock.now_ms())
    return await _finished(context, keeper, {**after, **completed}, completed, known, unknown=[])


async def _finished(
    context: Context,
    keeper: MediaKeeper,
    card: dict[str, Any],
    completed: dict[str, Any],
    known: Iterable[Medium],
    *,
    unknown: list[str],
) -> Made | SetError:
    books = contact_card.books_of(card)
    places = [] if isinstance(books, SetError) else list(map(object_id.address_book, books))
    wrong = [name for name in unknown if name in card]
    if isinstance(books, SetError) or None in places:
        wrong.append(BOOKS)
    content = {name: value for name, value in card.items() if name not in (ID, BOOKS)}
    sent = content.get(MEDIA)
    try:
        media = await keeper.kept(content, known)
    except MediaRefused as refused:
        if not refused.pointers:
            return errors.too_large(f"A card has at most {LIMITS.media} media that the server keeps")
        return contact_card.wrong(refused.pointers, *wrong)
    octets = msgspec.json.encode(content)
    if len(octets) > LIMITS.card_octets:
        return errors.too_large(
            f"A card has at most {LIMITS.card_octets} octets", max_size=LIMITS.card_octets
        )
    to_check = with_uris(content)
    is_long = len(octets) > AT_ONCE_OCTETS
    bad = await context.world.aside.run(check, to_check) if is_long else check(to_check)
    bad += [name for name, value in content.items() if _has_nul({name: value})] if _NUL in octets else []
    if not bad and len(content["uid"]) > MAX_UID_CHARACTERS:
        bad = ["uid"]
    if bad or wrong:
        return contact_card.wrong(bad, *wrong)
    told = dict(completed)
    if content.get(MEDIA) != sent:
        told[MEDIA] = content[MEDIA]
    ready = await context.world.aside.run(row.of, content, media) if is_long else row.of(content, media)
    return Made(ready, tuple([place for place in places if place is not None]), told)


def _has_nul(value: dict[str, Any]) -> bool:
    """NUL is valid JSON, but no property takes it. A backslash that is a character of its own is written as two."""
    return _NUL in msgspec.json.encode(value).replace(b"\\\\", b"")
