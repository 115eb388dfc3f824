"""What of a Card is matched by the filters and compared by the sort orders of ContactCard/query (RFC 9610 §3.3)."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from pillarbox.cards.objects import SEPARATOR

_Texts = Callable[[dict[str, Any]], Iterator[str]]


def _name(card: dict[str, Any]) -> Iterator[str]:
    name = card.get("name", {})
    if "full" in name:
        yield name["full"]
    for component in name.get("components", ()):
        if component["kind"] != SEPARATOR:
            yield component["value"]


def _name_component(kind: str) -> _Texts:
    def found(card: dict[str, Any]) -> Iterator[str]:
        components = card.get("name", {}).get("components", ())
        return (component["value"] for component in components if component["kind"] == kind)

    return found


def _entries(name: str, *properties: str) -> _Texts:
    """Properties of the objects of an `Id[...]`."""

    def found(card: dict[str, Any]) -> Iterator[str]:
        for entry in card.get(name, {}).values():
            yield from (entry[each] for each in properties if each in entry)

    return found


def _units(card: dict[str, Any]) -> Iterator[str]:
    for entry in card.get("organizations", {}).values():
        yield from (unit["name"] for unit in entry.get("units", ()))


def _address(card: dict[str, Any]) -> Iterator[str]:
    for entry in card.get("addresses", {}).values():
        if "full" in entry:
            yield entry["full"]
        yield from (each["value"] for each in entry.get("components", ()) if each["kind"] != SEPARATOR)


_FIELDS: Final[dict[str, _Texts]] = {
    "name": _name,
    "name/given": _name_component("given"),
    "name/surname": _name_component("surname"),
    "name/surname2": _name_component("surname2"),
    "nickname": _entries("nicknames", "name"),
    "organization": _entries("organizations", "name"),
    "email": _entries("emails", "address", "label"),
    "phone": _entries("phones", "number", "label"),
    "onlineService": _entries("onlineServices", "service", "uri", "user", "label"),
    "address": _address,
    "note": _entries("notes", "note"),
}
_ELSEWHERE: Final[tuple[_Texts, ...]] = (
    _units,
    _entries("titles", "name"),
    lambda card: iter(card.get("keywords", {})),
    _entries("personalInfo", "value", "label"),
    _entries("links", "uri", "label"),
    lambda card: (each["pronouns"] for each in card.get("speakToAs", {}).get("pronouns", {}).values()),
    _entries("schedulingAddresses", "uri", "label"),
)
"""What only the filter `text` finds."""
_EXACT: Final[dict[str, _Texts]] = {
    "uid": lambda card: iter((card["uid"],)),
    "kind": lambda card: iter((card.get("kind", "individual"),)),
    "hasMember": lambda card: iter(card.get("members", {})),
}

FIELDS: Final = frozenset((*_FIELDS, "text"))
"""Filters that look for words in texts (§3.3.1)."""
EXACT: Final = frozenset(_EXACT)
"""Filters that compare whole texts."""
SORTS: Final = frozenset(("created", "updated", "name/given", "name/surname", "name/surname2"))
"""§3.3.2."""


def texts(card: dict[str, Any], field: str) -> list[str]:
    """All texts of a valid Card in which a filter of `FIELDS` or `EXACT` looks: those of localizations are not among
    them. Raises KeyError for others.
    """
    if field == "text":
        return [text for rows in (_FIELDS.values(), _ELSEWHERE) for found in rows for text in found(card)]
    return list((_FIELDS.get(field) or _EXACT[field])(card))


def sort_key(card: dict[str, Any], order: str) -> str:
    """What is compared by an order of `SORTS`; empty where the card has no such thing.

    Names: the first component of the kind. Dates: as they stand, but for the fraction, which is made nine digits so
    that texts compare as times do.
    """
    if order in ("created", "updated"):
        whole, _, fraction = card.get(order, "").removesuffix("Z").partition(".")
        return f"{whole}.{fraction[:9]:0<9}Z" if whole else ""
    assert order in SORTS, order
    return next(_FIELDS[order](card), "")
