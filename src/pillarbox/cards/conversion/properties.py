"""What single vCard properties say, looked at without the Card that they become part of (sections: RFC 9555)."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from pillarbox.cards import scalars
from pillarbox.cards.conversion import components, dates
from pillarbox.cards.conversion.forms import text_of
from pillarbox.cards.conversion.parameters import Taken
from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Property

ONE_NAME: Final = frozenset(("fn", "n", "gramgender"))
"""Properties of which a Card has one, so that they need no ALTID."""
_MAX_NICKNAMES: Final = 100
"""In one property; where there are more, they are one."""


def parameter(row: Property, name: str) -> tuple[str, ...]:
    """The values of a parameter."""
    return next((each.values for each in row.parameters if each.name == name), ())


def altid(row: Property) -> str | None:
    """Its ALTID; there is one name only, so nothing else tells which it belongs to."""
    return None if row.name in ONE_NAME else next(iter(parameter(row, "altid")), None)


def jscomps(row: Property) -> str | None:
    """Its JSCOMPS."""
    return next(iter(parameter(row, "jscomps")), None)


def divided(row: Property, taken: Taken) -> Iterable[Taken]:
    """The properties that one stands for: NICKNAME is a list, and each of it an object."""
    few = row.name == "nickname" and row.value.count(",") <= _MAX_NICKNAMES
    items = values.items(row.value) if few else []
    if len(items) < 2:
        return [taken]
    found = []
    for number, item in enumerate(items):
        kept = tuple(each for each in row.parameters if each.name != "prop-id" or not number)
        found.append(Taken(replace(row, value=values.escaped(item), parameters=kept)))
    return found


def full_name_of(taken: Taken, name: dict[str, Any], others: list[Property]) -> bool:
    """§2.5.2. One that is made of the components is made again when the Card is written."""
    full = values.unescaped(taken.row.value)
    if not full:
        return not taken.left
    if "full" in name:
        return False
    derived = (taken.peek("derived") or "").lower() == "true"
    if derived and len(taken.left) == 1 and taken.row.group is None:
        first = next((row for row in others if row.name == "n"), None)
        made = None if first is None else components.read("n", first.value, jscomps(first))
        if made is not None and components.full_name(made.properties) == full:
            return True
    name["full"] = full
    taken.drop_value_type("text")
    return not taken.rest()


def sort_as_of(taken: Taken, read: components.Components) -> dict[str, str]:
    """SORT-AS of an N, by the kinds of its components (§2.5.5); empty where it does not fit them."""
    given = ",".join(taken.left.get("sort-as", ()))
    items = components.read_sort_as(given) if given else []
    kinds = {each["kind"] for each in read.properties["components"]}
    found = {kind: item for kind, item in zip(components.NAME_FIELDS, items, strict=False) if item}
    if not found or len(items) > len(components.NAME_FIELDS) or not kinds.issuperset(found):
        return {}
    del taken.left["sort-as"]
    return found


def geography(taken: Taken) -> tuple[str, str | None]:
    """A property of Address and its value; None where it has none (§2.8.1, §2.8.2)."""
    value = text_of(taken, uri=taken.row.name == "geo").strip()
    if taken.row.name == "geo":
        taken.drop_value_type("uri")
        return "coordinates", value if scalars.geo(value) else None
    if dates.is_offset(value):
        taken.drop_value_type("utc-offset")
        return "timeZone", dates.zone_of_offset(value)
    taken.drop_value_type("text")
    return "timeZone", value if scalars.time_zone(value) and taken.value_type != "uri" else None
