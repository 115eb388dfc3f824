"""What a card must be like to be found, and the order in which cards are (RFC 9610 §3.3.1, §3.3.2).

Words and phrases are compared as in emails: folded, and wherever they stand in a text.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from pillarbox.contacts.looking import Listed
from pillarbox.mail import object_id
from pillarbox.mail.collation import collate
from pillarbox.mail.normalization import fold
from pillarbox.mail.search_terms import terms
from pillarbox.protocol.jmap.errors import UNSUPPORTED_FILTER, MethodError
from pillarbox.protocol.jmap.filters import Comparator, Condition, Filter
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.types.contact_card import TEXTS
from pillarbox.store.search.text import CHUNK_CHARACTERS, contains

MAX_TERMS: Final = 64
"""Words and phrases of all texts of one filter together."""
_BETWEEN: Final = "\0"
"""Texts of a card are searched together; no filter has this character."""

Matches = Callable[[Listed], bool]


class Wanted(Struct, frozen=True):
    """A filter, and what of cards has to be read for it."""

    matches: Matches
    texts: bool
    books: bool


def wanted(asked: Filter | None, created: CreatedIds) -> Wanted:
    """The filter of a call. Raises unsupportedFilter."""
    reader = _Reader(created)
    matches = _everything if asked is None else reader.read(asked)
    return Wanted(matches, reader.needs_texts, reader.needs_books)


def _everything(_: Listed) -> bool:
    return True


def _nothing(_: Listed) -> bool:
    return False


class _Reader:
    """Reads one filter."""

    def __init__(self, created: CreatedIds) -> None:
        self._created = created
        self._terms = 0
        self.needs_texts = self.needs_books = False

    def read(self, asked: Filter) -> Matches:
        if isinstance(asked, Condition):
            return _every([self._condition(name, value) for name, value in asked.properties.items()])
        below = [self.read(one) for one in asked.conditions]
        match asked.operator:
            case "AND":
                return _every(below)
            case "OR":
                return lambda card: any(matches(card) for matches in below)
            case "NOT":
                return lambda card: not any(matches(card) for matches in below)

    def _condition(self, name: str, value: str) -> Matches:
        if name in TEXTS:
            return self._matching(name, value)
        match name:
            case "inAddressBook":
                return self._in_book(value)
            case "hasMember":
                self.needs_texts = True
                return lambda card: value in card.texts.get("hasMember", ())
            case "uid":
                return lambda card: card.uid == value
            case "kind":
                return lambda card: card.kind == value
        return _dated(name, value)

    def _in_book(self, value: str) -> Matches:
        book = object_id.address_book(self._created.known(value))
        if book is None:
            return _nothing
        self.needs_books = True
        return lambda card: book in card.books

    def _matching(self, field: str, text: str) -> Matches:
        """All words and phrases must be there; of a text without any, everything matches."""
        found = [fold(term) for term in terms(text)]
        self._terms += len(found)
        if self._terms > MAX_TERMS:
            raise MethodError(UNSUPPORTED_FILTER, f"More than {MAX_TERMS} words and phrases")
        if not found:
            return _everything
        self.needs_texts = True

        def matches(card: Listed) -> bool:
            texts = _BETWEEN.join(card.texts.get(field, ()))
            if len(texts) > CHUNK_CHARACTERS:
                return all(contains((texts,), term) for term in found)
            folded = fold(texts)
            return all(term in folded for term in found)

        return matches


def _every(several: list[Matches]) -> Matches:
    if len(several) == 1:
        return several[0]
    return lambda card: all(matches(card) for matches in several)


def _dated(name: str, value: str) -> Matches:
    """A card without the date is neither before nor after anything. A date-time may be finer than ours: it is cut."""
    limit_ms = int(datetime.fromisoformat(_without_leap_second(value)).timestamp() * 1000)
    is_created, is_before = name.startswith("created"), name.endswith("Before")

    def matches(card: Listed) -> bool:
        at_ms = card.created_ms if is_created else card.updated_ms
        return at_ms is not None and (at_ms < limit_ms) is is_before

    return matches


def _without_leap_second(moment: str) -> str:
    return moment[:17] + "59" + moment[19:] if moment[17:19] == "60" else moment


# --- sorting


def keys(comparators: Iterable[Comparator]) -> list[tuple[Callable[[Listed], Any], bool]]:
    """The sort order of a call, the first comparator first: the value of a card, and whether the greatest is first."""
    return [(_KEYS[one.property], not one.is_ascending) for one in comparators]


def _time(at_ms: int | None) -> tuple[bool, int]:
    """Cards without it are first, as those without a name are."""
    return at_ms is not None, at_ms or 0


_KEYS: Final[dict[str, Callable[[Listed], Any]]] = {
    "created": lambda card: _time(card.created_ms),
    "updated": lambda card: _time(card.updated_ms),
    "name/given": lambda card: collate(card.given),
    "name/surname": lambda card: collate(card.surname),
    "name/surname2": lambda card: collate(card.surname2),
}
