"""Components of names and addresses: the fields of N and ADR, their order (JSCOMPS) and how they are pronounced.

RFC 9554 §2, RFC 9555 §2.5.5, §2.6.1 and §3.3.1.
"""

from typing import Any, Final

from msgspec import Struct

from pillarbox.cards.conversion.parameters import is_number
from pillarbox.cards.objects import SEPARATOR
from pillarbox.cards.vcard import values

Fields = list[list[str]]
Place = tuple[int, int]
"""A field, and a value in it."""

NAME_FIELDS: Final = ("surname", "given", "given2", "title", "credential", "surname2", "generation")
ADDRESS_FIELDS: Final = (
    "postOfficeBox", "apartment", "name", "locality", "region", "postcode", "country", "room", "apartment", "floor",
    "number", "name", "building", "block", "subdistrict", "district", "landmark", "direction",
)  # fmt: skip
MAX_ITEMS: Final = 1_000
"""Of a compound value; what has more is not converted."""
_FAMILY, _SUFFIX, _SURNAME2, _GENERATION = 0, 4, 5, 6
_EXTENDED, _STREET, _FIRST_NEW = 1, 2, 7
_IN_STREET: Final = frozenset(("number", "name", "block", "direction", "landmark", "subdistrict", "district"))
_IN_EXTENDED: Final = frozenset(("room", "floor", "apartment", "building"))
_FULL_ORDER: Final = ("title", "given", "given2", "surname", "surname2", "generation", "credential")


class Components(Struct, frozen=True):
    """What the fields say, in their order."""

    properties: dict[str, Any]
    """`components`, and where they have an order, `isOrdered` and `defaultSeparator`."""
    places: list[Place | None]
    """Of each component; separators have none."""
    ordered: bool
    """Whether JSCOMPS was there, and valid."""


def read(name: str, value: str, jscomps: str | None) -> Components | None:
    """The components of an N or ADR. None where a value stands in a field that has no meaning."""
    kinds = NAME_FIELDS if name == "n" else ADDRESS_FIELDS
    if not _few(value) or (jscomps is not None and not _few(jscomps)):
        return None
    fields = values.lists(value)
    if any(item for field in fields[len(kinds) :] for item in field):
        return None
    skipped = _skipped(name, fields)
    found: dict[Place, dict[str, Any]] = {}
    for index, field in enumerate(fields[: len(kinds)]):
        repeated = _repeated(name, index, fields)
        for number, item in enumerate(field):
            if item and index not in skipped and item not in repeated:
                found[index, number] = {"kind": kinds[index], "value": item}
    ordered = None if jscomps is None else _in_order(found, jscomps)
    if ordered is not None:
        return ordered
    return Components({"components": list(found.values())} if found else {}, list(found), ordered=False)


def _few(value: str) -> bool:
    return value.count(",") + value.count(";") <= MAX_ITEMS


def _skipped(name: str, fields: Fields) -> frozenset[int]:
    """Fields that say again what is in the new ones."""
    new = name == "adr" and any(item for field in fields[_FIRST_NEW:] for item in field)
    return frozenset((_EXTENDED, _STREET)) if new else frozenset()


def _repeated(name: str, index: int, fields: Fields) -> frozenset[str]:
    """Values that an old field has for who does not know the new one."""
    other = {_FAMILY: _SURNAME2, _SUFFIX: _GENERATION}.get(index, len(fields))
    return frozenset(fields[other] if name == "n" and other < len(fields) else ())


def _in_order(found: dict[Place, dict[str, Any]], jscomps: str) -> Components | None:
    """§3.3.1: None where the parameter does not name each value once."""
    default, *entries = values.components(jscomps)
    properties: dict[str, Any] = {"isOrdered": True}
    if default:
        if not default.startswith("s,"):
            return None
        properties["defaultSeparator"] = default[2:]
    components, places = [], list[Place | None]()
    for entry in entries:
        if entry.startswith("s,"):
            components.append({"kind": SEPARATOR, "value": entry[2:]})
            places.append(None)
            continue
        index, comma, number = entry.partition(",")
        if not is_number(index) or (comma and not is_number(number)):
            return None
        place = (int(index), int(number or 0))
        if place not in found:
            return None
        components.append(found[place])
        places.append(place)
    named = [place for place in places if place is not None]
    if len(named) != len(found) or len(set(named)) != len(named):
        return None
    return Components({"components": components, **properties}, places, ordered=True)


class Written(Struct, frozen=True):
    """An N or ADR."""

    value: str
    places: list[Place | None]
    jscomps: str | None


def write(name: str, holder: dict[str, Any]) -> Written:
    """The fields of a Name or Address."""
    components = [each for each in holder.get("components", ()) if each["value"]]
    fields, places = _fields(name, components)
    ordered = holder.get("isOrdered") is True
    jscomps = _jscomps(components, places, holder.get("defaultSeparator")) if ordered else None
    if name == "n":
        fields[_FAMILY] = [*fields[_FAMILY], *fields[_SURNAME2]]
    else:
        fields[_EXTENDED] = [each["value"] for each in components if each["kind"] in _IN_EXTENDED]
        street = _street(components, holder.get("defaultSeparator"))
        fields[_STREET] = [street] if street else []
    return Written(values.joined_lists(fields), places, jscomps)


def _fields(name: str, components: list[dict[str, Any]]) -> tuple[Fields, list[Place | None]]:
    kinds = NAME_FIELDS if name == "n" else ADDRESS_FIELDS
    by_kind = {
        kind: index for index, kind in enumerate(kinds)
    }  # the last: the new field of a kind that has two
    fields: Fields = [[] for _ in kinds]
    places: list[Place | None] = []
    for component in components:
        index = by_kind.get(component["kind"])
        if index is None:
            places.append(None)
            continue
        places.append((index, len(fields[index])))
        fields[index].append(component["value"])
        if name == "n" and index == _GENERATION:
            fields[_SUFFIX].append(component["value"])
    return fields, places


def _jscomps(components: list[dict[str, Any]], places: list[Place | None], default: str | None) -> str:
    entries = ["" if default is None else f"s,{values.escaped(default)}"]
    for component, place in zip(components, places, strict=True):
        if place is not None:
            entries.append(f"{place[0]},{place[1]}" if place[1] else str(place[0]))
        elif component["kind"] == SEPARATOR:
            entries.append(f"s,{values.escaped(component['value'])}")
    return ";".join(entries)


def _street(components: list[dict[str, Any]], default: str | None) -> str:
    """What stands in the street field for who does not know the new ones: in order, with the separators inside."""
    parts: list[str] = []
    separator = None
    for component in components:
        if component["kind"] == SEPARATOR:
            separator = component["value"]
            continue
        if component["kind"] in _IN_STREET:
            between = separator if separator is not None else (default or " ")
            parts += (between, component["value"]) if parts else (component["value"],)
        separator = None
    return "".join(parts)


# --- how they are pronounced


def read_phonetic(value: str, places: list[Place | None]) -> dict[int, str] | None:
    """How each component is pronounced, by its index. None where there is something for what is not there."""
    if not _few(value):
        return None
    left = {
        (index, number): item
        for index, field in enumerate(values.lists(value))
        for number, item in enumerate(field)
        if item
    }
    found = {
        number: left.pop(place) for number, place in enumerate(places) if place is not None and place in left
    }
    return None if left else found


def write_phonetic(components: list[dict[str, Any]], places: list[Place | None]) -> str:
    """The fields with what is pronounced."""
    fields: Fields = [[]]
    for component, place in zip(components, places, strict=False):
        if place is None or "phonetic" not in component:
            continue
        index, number = place
        fields += [[] for _ in range(index + 1 - len(fields))]
        fields[index] += [""] * (number + 1 - len(fields[index]))
        fields[index][number] = component["phonetic"]
    return values.joined_lists(fields)


# --- the whole name


def full_name(name: dict[str, Any]) -> str:
    """A text of a Name's components (RFC 9555 §3.1): in their order where they have one, or in a usual one."""
    components = name.get("components", [])
    if name.get("isOrdered") is not True:
        rank = {kind: number for number, kind in enumerate(_FULL_ORDER)}
        components = sorted(components, key=lambda each: rank.get(each["kind"], len(rank)))
        return " ".join(each["value"] for each in components)
    parts: list[str] = []
    between = ""
    for component in components:
        if component["kind"] == SEPARATOR:
            parts.append(component["value"])
            between = ""
        else:
            parts += (between, component["value"])
            between = name.get("defaultSeparator", " ")
    return "".join(parts)


# --- SORT-AS


def read_sort_as(value: str) -> list[str]:
    """RFC 6350 §5.9: texts that belong to the components, in their order."""
    return values.items(value) if _few(value) else []


def write_sort_as(items: list[str]) -> str:
    """Up to the last that is not empty."""
    while items and not items[-1]:
        items = items[:-1]
    return ",".join(map(values.escaped, items))
