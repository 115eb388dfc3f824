"""vCard to JSContact (RFC 9555 §2)."""

import hashlib
from collections.abc import Generator
from typing import Any, TypeVar

from pillarbox.cards.card import check
from pillarbox.cards.conversion import jcard
from pillarbox.cards.conversion.building import Building
from pillarbox.cards.conversion.localized import add_localized
from pillarbox.cards.conversion.patches import apply_jsprops
from pillarbox.cards.objects import VERSION
from pillarbox.cards.vcard.card import Property, VCard

T = TypeVar("T")


def finished(running: Generator[None, None, T]) -> T:
    """What a generator returns, all steps at once."""
    while True:
        try:
            next(running)
        except StopIteration as stopped:
            result: T = stopped.value
            return result


def to_card(vcard: VCard) -> dict[str, Any]:
    """A Card that `card.check` finds nothing wrong with, though it may be beyond its limits. Raises nothing.

    What JSContact has no place for is kept in `vCardProps` and `vCardParams`. A vCard without UID gives one that is
    made from its contents, so the same octets give the same Card.
    """
    return finished(steps(vcard))


def steps(vcard: VCard) -> Generator[None, None, dict[str, Any]]:
    """As `to_card`, but others can run after each few properties. The generator returns the Card."""
    for localized in (True, False):
        card = yield from _converted(vcard, localized=localized)
        if check(card) in ([], [""]):
            return card
        yield
    rows = list(vcard.properties)
    return _finished({}, [jcard.to_jcard(row) for row in rows], rows)


def _converted(vcard: VCard, *, localized: bool) -> Generator[None, None, dict[str, Any]]:
    rows = [row for row in vcard.properties if row.name != "jsprop"]
    building = Building(rows)
    yield from building.add_plain()
    building.add_places()
    building.add_labels()
    yield
    if localized:
        yield from add_localized(building)
    else:
        building.keep_all(building.localized)
    card = _finished(building.card, building.kept, rows)
    patches = [row for row in vcard.properties if row.name == "jsprop"]
    yield
    return apply_jsprops(card, patches) if patches else card


def _finished(found: dict[str, Any], kept: list[list[Any]], rows: list[Property]) -> dict[str, Any]:
    card = {"@type": "Card", "version": VERSION, "uid": found.get("uid") or _uid(rows), **found}
    if kept:
        card["vCardProps"] = kept
    return card


def _uid(rows: list[Property]) -> str:
    """A UUID made of a digest (RFC 9562 §5.8)."""
    digest = hashlib.sha256("\n".join(map(repr, rows)).encode("utf-8", "replace")).hexdigest()
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
