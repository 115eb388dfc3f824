"""vCard properties that JSContact has no place for, as `vCardProps` (RFC 9555 §2.15.1), and back (RFC 7095 §3.3)."""

from typing import Any, Final

from pillarbox.cards.conversion.parameters import as_parameters, from_jcard, group_of, jcard_parameters
from pillarbox.cards.scalars import jcard_name
from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Property

_COMPOUND: Final = frozenset(("n", "adr", "org", "gender", "clientpidmap"))
_LISTS: Final = frozenset(("nickname", "categories"))
_TEXTS: Final = _COMPOUND | _LISTS | {
    "fn", "kind", "email", "tel", "title", "role", "note", "prodid", "xml", "birthplace", "deathplace", "expertise",
    "hobby", "interest", "gramgender", "pronouns", "jsprop", "x-ablabel",
}  # fmt: skip
_URIS: Final = frozenset(
    ("source", "photo", "impp", "geo", "logo", "member", "related", "sound", "uid", "url", "key", "fburl", "caladruri",
     "caluri", "org-directory", "contact-uri", "socialprofile")
)  # fmt: skip
_UNKNOWN: Final = "unknown"
"""The value is as it stands in a vCard, with its escapes (RFC 7095 §5.1)."""
_TEXT: Final = "text"
_URI: Final = "uri"
_MAX_DIVIDED: Final = 16 * 1024
"""Characters of a list; a longer one stays whole."""
NOT_WRITTEN: Final = frozenset(("begin", "end", "version", "jsprop"))
"""They would be something else in the vCard that they are written to."""


def to_jcard(row: Property) -> list[Any]:
    """An entry of `vCardProps`, from which `from_entry` makes the same property."""
    parameters: dict[str, list[str]] = {}
    for each in row.parameters:
        parameters.setdefault(each.name, []).extend(each.values)
    type_name = _default_type(row.name)
    given = parameters.pop("value", None)
    if given is not None and len(given) == 1 and jcard_name(given[0]):
        type_name = given[0].lower()
    if len(row.value) > _MAX_DIVIDED and row.name in _COMPOUND | _LISTS:
        type_name = _UNKNOWN
    entry = [row.name, jcard_parameters(parameters), type_name, *_to_values(row, type_name)]
    if row.group is not None:
        entry[1].setdefault("group", row.group)
    if _says(from_entry(entry), row):
        return entry
    written = jcard_parameters(parameters | ({"value": given} if given else {}))
    return [row.name, written | ({"group": row.group} if row.group else {}), _UNKNOWN, row.value]


def _says(one: Property, other: Property) -> bool:
    """Whether two are the same, in whatever order and case parameters are given."""
    return (one.name, one.value, one.group) == (other.name, other.value, other.group) and _by_name(
        one
    ) == _by_name(other)


def _by_name(row: Property) -> dict[str, tuple[str, ...]]:
    return {
        each.name: tuple(value.lower() for value in each.values) if each.name == "value" else each.values
        for each in row.parameters
    }


def _default_type(name: str) -> str:
    return _TEXT if name in _TEXTS else _URI if name in _URIS else _UNKNOWN


def _to_values(row: Property, type_name: str) -> list[Any]:
    if type_name != _TEXT:
        return [row.value]
    if row.name in _COMPOUND:
        fields = [field[0] if len(field) == 1 else field for field in values.lists(row.value)]
        return [fields] if len(fields) > 1 else [values.unescaped(row.value)]
    if row.name in _LISTS:
        return values.items(row.value)
    return [values.unescaped(row.value)]


def from_entry(entry: list[Any]) -> Property:
    """The property of an entry that `checking.is_jcard_property` has found sound."""
    name, given, type_name, *items = entry
    parameters = from_jcard(given)
    group = group_of(parameters)
    name, type_name = name.lower(), type_name.lower()
    if type_name not in (_UNKNOWN, _default_type(name)):
        parameters["value"] = [type_name]
    escape = type_name == _TEXT
    value = ",".join(_value(item, escape) for item in items)
    return Property(name, value, as_parameters(parameters), group)


def _value(item: Any, escape: bool) -> str:
    if isinstance(item, list):
        return ";".join(
            ",".join(_scalar(each, escape) for each in field)
            if isinstance(field, list)
            else _scalar(field, escape)
            for field in item
        )
    return _scalar(item, escape)


def _scalar(item: Any, escape: bool) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if not isinstance(item, str):
        return str(item)
    return values.escaped(item) if escape else values.without_controls(item).replace("\n", "\\n")
