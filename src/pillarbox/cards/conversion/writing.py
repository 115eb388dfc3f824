"""JSContact to vCard (RFC 9555 §3)."""

from collections.abc import Generator, Iterable
from typing import Any

from pillarbox.cards.checking import is_jcard_property
from pillarbox.cards.conversion import jcard, reading
from pillarbox.cards.conversion.making import Made, Making
from pillarbox.cards.conversion.patches import jsprops
from pillarbox.cards.conversion.properties import ONE_NAME
from pillarbox.cards.conversion.reading import finished
from pillarbox.cards.conversion.rows import ROWS
from pillarbox.cards.pointers import apply, copied, tokens
from pillarbox.cards.vcard.card import Property, VCard


def to_vcard(card: dict[str, Any]) -> VCard:
    """The vCard of a valid Card. The Card is left as it is.

    What vCard has no property for, or would be read as something else, is a JSPROP (§3.2.1): `to_card` makes the same
    Card again. One thing is lost: a vendor's property of the Card itself that is null, for a patch cannot say so.
    """
    return finished(steps(card))


def steps(card: dict[str, Any]) -> Generator[None, None, VCard]:
    """As `to_vcard`, but others can run after each few properties. The generator returns the vCard."""
    kept = [jcard.from_entry(entry) for entry in card.get("vCardProps", ()) if is_jcard_property(entry)]
    kept = [row for row in kept if row.name not in jcard.NOT_WRITTEN]
    made = yield from Making(card, _groups(kept)).all()
    made += yield from _localized(card, made)
    written = {(row.name, row.value) for row in kept}
    rows = [each.row() for each in made if (each.name, each.value) not in written] + kept
    again = yield from reading.steps(VCard(tuple(rows)))
    return VCard((*rows, *jsprops(again, card)))


def _groups(rows: Iterable[Property]) -> set[str]:
    return {row.group.lower() for row in rows if row.group is not None}


def _localized(card: dict[str, Any], made: list[Made]) -> Generator[None, None, list[Made]]:
    """§2.3.11: the properties that a language changes, with the ALTID of what they are in the main one."""
    bases = {each.key: each for each in made}
    altids = _Altids(made)
    found: list[Made] = []
    for language, patch in card.get("localizations", {}).items():
        touched = {tokens(pointer)[0] for pointer in patch}
        localized = {name: copied(value) for name, value in card.items() if name in touched}
        apply(localized, patch)
        yield
        for each in (yield from Making(localized, set()).all()):
            if each.name not in ROWS and each.name not in ONE_NAME:
                continue  # nobody looks for it in another language
            base = bases.get(each.key) or bases.get(each.key_without_sounds)
            if base is None or each.says_the_same(bases.get(each.key)) or each.derived:
                continue
            each.parameters.pop("prop-id", None)
            each.parameters |= {"language": [language], "altid": altids.of(base)}
            each.group = base.group if base.group_is_kept else None
            found.append(each)
    return found


class _Altids:
    """Numbers that no other property of the name has as its ALTID."""

    def __init__(self, made: list[Made]) -> None:
        self._used = {(each.name, value) for each in made for value in each.parameters.get("altid", ())}
        self._numbers: dict[str, int] = {}

    def of(self, base: Made) -> list[str]:
        """The ALTID of a property, which gets one if it has none."""
        while "altid" not in base.parameters:
            number = self._numbers[base.name] = self._numbers.get(base.name, 0) + 1
            if (base.name, str(number)) not in self._used:
                base.parameters["altid"] = [str(number)]
        return base.parameters["altid"]
