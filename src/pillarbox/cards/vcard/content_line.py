"""A content line to a name, parameters and a value (RFC 6350 §3.3; vCard 2.1 for parameters without names)."""

from typing import Final

from msgspec import Struct

from pillarbox.cards.scalars import identifier
from pillarbox.cards.vcard.card import Parameter


class Malformed(Exception):
    """A line that is no content line. Says why, for whoever sent it."""


class Content(Struct, frozen=True):
    """A line, divided; its value is as it stands there."""

    group: str | None
    name: str
    """In lower case."""
    parameters: dict[str, list[str]]
    """By their names, in lower case. What came without a name is by the name that it belongs to."""
    value: str

    def first(self, name: str) -> str | None:
        """The first value of a parameter."""
        values = self.parameters.get(name)
        return values[0] if values else None

    def other_parameters(self, *names: str) -> tuple[Parameter, ...]:
        """All but these."""
        return tuple(
            Parameter(name, tuple(each)) for name, each in self.parameters.items() if name not in names
        )


_ENCODINGS: Final = frozenset(("7BIT", "8BIT", "QUOTED-PRINTABLE", "BASE64", "B"))
_VALUES: Final = frozenset(("INLINE", "URL", "CONTENT-ID", "CID"))


class _Scanner:
    """Finds delimiters from left to right; each is looked for once, so it takes linear time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._next: dict[str, int] = {}

    def find(self, mark: str, start: int) -> int:
        """Where a character stands next; the end of the text where there is none."""
        place = self._next.get(mark, -1)
        if place < start:
            place = self.text.find(mark, start)
            place = len(self.text) if place < 0 else place
            self._next[mark] = place
        return place

    def first(self, marks: str, start: int) -> int:
        """Where the first of several characters stands."""
        return min(self.find(mark, start) for mark in marks)


def parse(text: str, *, max_parameters: int, carets: bool) -> Content:
    """Raises Malformed. `carets`: whether parameter values have escapes as in RFC 6868."""
    scanner = _Scanner(text)
    place = scanner.first(";:", 0)
    group, _, name = text[:place].strip().rpartition(".")
    if not identifier(name) or (group and not identifier(group)):
        raise Malformed("A line does not begin with the name of a property")
    parameters: dict[str, list[str]] = {}
    count = 0
    while text[place : place + 1] == ";":
        parameter, values, place = _parameter(scanner, place + 1, max_parameters)
        count += max(len(values), 1)
        if count > max_parameters:
            raise Malformed("A property has too many parameters")
        if parameter:
            found = [_without_carets(value) for value in values] if carets else values
            parameters.setdefault(parameter, []).extend(found)
    if place >= len(text):
        raise Malformed("A line has no colon")
    return Content(group or None, name.lower(), parameters, text[place + 1 :])


def _parameter(scanner: _Scanner, start: int, max_values: int) -> tuple[str, list[str], int]:
    """Its name, its values, and where it ends."""
    place = scanner.first("=;:", start)
    word = scanner.text[start:place].strip()
    if scanner.text[place : place + 1] != "=":
        return (*_without_name(word), place)
    if not identifier(word):
        raise Malformed("A parameter has no proper name")
    values = []
    while True:
        value, place = _parameter_value(scanner, place + 1)
        values.append(value)
        if scanner.text[place : place + 1] != "," or len(values) > max_values:
            return word.lower(), values, place


def _parameter_value(scanner: _Scanner, start: int) -> tuple[str, int]:
    quoted = ""
    if scanner.text[start : start + 1] == '"':
        end = scanner.find('"', start + 1)
        if end == len(scanner.text):
            raise Malformed("A quote in a parameter is not closed")
        quoted, start = scanner.text[start + 1 : end], end + 1
    end = scanner.first(",;:", start)
    return quoted + scanner.text[start:end], end


def _without_name(word: str) -> tuple[str, list[str]]:
    """Version 2.1: `TEL;HOME;VOICE`."""
    if not word:
        return "", []
    if not identifier(word):
        raise Malformed("A parameter has no value")
    upper = word.upper()
    if upper in _ENCODINGS:
        return "encoding", [word]
    return ("value" if upper in _VALUES else "type"), [word]


def _without_carets(value: str) -> str:
    if "^" not in value:
        return value
    marked = value.replace("^^", "\x00").replace("^n", "\n").replace("^'", '"')
    return marked.replace("\x00", "^")
