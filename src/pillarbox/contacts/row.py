"""A card as its row has it: made of the Card when it is written, outside of the transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.cards import searching
from pillarbox.contacts.media import Medium

SEARCHED: Final = (*sorted(searching.FIELDS), "hasMember")
"""What filters look for in texts."""
SORTED_BY: Final = 200
"""Characters of a name that cards are sorted by."""
Texts = dict[str, list[str]]


class CardRow(Struct, frozen=True):
    """What is written of a card."""

    uid: str
    kind: str
    created_ms: int | None
    updated_ms: int | None
    given: str
    surname: str
    surname2: str
    content: bytes
    """JSON."""
    texts: bytes
    """A `Texts` as JSON, without what is empty."""
    media: tuple[Medium, ...] = ()


def of(card: dict[str, Any], media: Iterable[Medium] = ()) -> CardRow:
    """The row of a valid Card without `id` and `addressBookIds`, with the media that the server keeps for it."""
    texts = {field: found for field in SEARCHED if (found := searching.texts(card, field))}
    return CardRow(
        uid=card["uid"],
        kind=next(iter(searching.texts(card, "kind")), ""),
        created_ms=_milliseconds(card.get("created")),
        updated_ms=_milliseconds(card.get("updated")),
        given=searching.sort_key(card, "name/given")[:SORTED_BY],
        surname=searching.sort_key(card, "name/surname")[:SORTED_BY],
        surname2=searching.sort_key(card, "name/surname2")[:SORTED_BY],
        content=msgspec.json.encode(card),
        texts=msgspec.json.encode(texts),
        media=tuple(dict.fromkeys(media)),
    )


def _milliseconds(moment: str | None) -> int | None:
    """Since 1970; fractions that are finer are cut."""
    if moment is None:
        return None
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:  # a leap second, or a day that no calendar has
        return None
