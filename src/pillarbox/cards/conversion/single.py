"""vCard properties that become one value of the Card, or an entry of a set (RFC 9555 §2.4, §2.9, §2.11)."""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from pillarbox.cards import scalars
from pillarbox.cards.conversion import dates
from pillarbox.cards.conversion.forms import text_of, value_of
from pillarbox.cards.conversion.parameters import Taken
from pillarbox.cards.objects import CARD_KINDS, GENDERS, RELATIONS
from pillarbox.cards.vcard import values


class Single(Struct, frozen=True):
    """One property."""

    name: str
    """Of the Card, or of its `speakToAs`."""
    read: Callable[[Taken], str | None]
    """None where the value is not valid."""
    write: Callable[[str], tuple[str, dict[str, list[str]]]]
    """A value and parameters."""
    known: tuple[str, ...] | None = None
    """The values that there are; a vendor's is not among them."""


def _enumerated(*known: str) -> Callable[[Taken], str | None]:
    def read(taken: Taken) -> str | None:
        taken.drop_value_type("text")
        value = values.unescaped(taken.row.value).strip().lower()
        return value if value in known else None

    return read


def _timestamp(taken: Taken) -> str | None:
    taken.drop_value_type("timestamp", "date-time")
    return dates.to_utc(taken.row.value.strip())


def _language(taken: Taken) -> str | None:
    taken.drop_value_type("language-tag")
    value = taken.row.value.strip()
    return value if scalars.language(value) else None


def _text(taken: Taken) -> str | None:
    taken.drop_value_type("text")
    return values.unescaped(taken.row.value) or None


def _uid(taken: Taken) -> str | None:
    value = _text_or_uri(taken)
    return value or None


def _text_or_uri(taken: Taken) -> str:
    value = text_of(taken, uri=taken.value_type == "uri" or scalars.uri(taken.row.value))
    taken.drop_value_type("text", *(["uri"] if scalars.uri(value) else []))
    return value


def write_text_or_uri(text: str) -> tuple[str, dict[str, list[str]]]:
    """A property whose value is a URI where VALUE says nothing."""
    return (
        (value_of(text, uri=True), {}) if scalars.uri(text) else (values.escaped(text), {"value": ["text"]})
    )


def _plain(text: str) -> tuple[str, dict[str, list[str]]]:
    return values.escaped(text), {}


def _from_utc(text: str) -> tuple[str, dict[str, list[str]]]:
    return dates.from_utc(text), {}


SINGLE: Final = {
    "uid": Single("uid", _uid, write_text_or_uri),
    "kind": Single("kind", _enumerated(*CARD_KINDS), _plain, CARD_KINDS),
    "language": Single("language", _language, _plain),
    "prodid": Single("prodId", _text, _plain),
    "created": Single("created", _timestamp, _from_utc),
    "rev": Single("updated", _timestamp, _from_utc),
    "gramgender": Single("grammaticalGender", _enumerated(*GENDERS), _plain, GENDERS),
}
"""By their names in vCard."""


def add_categories(card: dict[str, Any], taken: Taken) -> bool:
    """§2.11.1."""
    taken.drop_value_type("text")
    items = [item for item in values.items(taken.row.value) if item]
    if not items or taken.rest():
        return False
    card.setdefault("keywords", {}).update(dict.fromkeys(items, True))
    return True


def add_member(card: dict[str, Any], taken: Taken) -> bool:
    """§2.9.3. Only groups have members."""
    value = _text_or_uri(taken)
    taken.take("prop-id")
    members = card.setdefault("members", {})
    known = value in members
    members[value] = True
    return not known and not taken.rest()


def add_related(card: dict[str, Any], taken: Taken) -> bool:
    """§2.9.5."""
    value = _text_or_uri(taken)
    taken.take("prop-id")
    related = card.setdefault("relatedTo", {})
    if value in related:
        return False
    found: dict[str, Any] = {"relation": taken.take_types({each: each for each in RELATIONS})}
    rest = taken.rest()
    related[value] = found | ({"vCardParams": rest} if rest else {})
    return True
