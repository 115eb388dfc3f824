"""Parameters of a vCard property on their way to JSContact: what is taken, and what is left for `vCardParams`."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.cards.scalars import Test, identifier
from pillarbox.cards.vcard.card import Parameter, Property
from pillarbox.cards.vcard.values import without_controls

CONTEXTS: Final = {"home": "private", "work": "work"}
"""TYPE values (RFC 9555 §2.3.22)."""
ADDRESS_CONTEXTS: Final = {**CONTEXTS, "billing": "billing", "delivery": "delivery"}
FEATURES: Final = {
    "cell": "mobile", "fax": "fax", "main-number": "main-number", "pager": "pager", "text": "text",
    "textphone": "textphone", "video": "video", "voice": "voice",
}  # fmt: skip
"""§2.7.6, table 3."""
MAX_DIGITS: Final = 9
MAX_TYPES: Final = 100


class Taken:
    """A property whose parameters are taken one after another."""

    def __init__(self, row: Property) -> None:
        self.row = row
        self.left: dict[str, list[str]] = {}
        for parameter in row.parameters:
            self.left.setdefault(parameter.name, []).extend(parameter.values)
        if sum(value.count(",") for value in self.left.get("type", ())) > MAX_TYPES:
            pass  # nobody means them
        elif "type" in self.left:
            types = (each.strip() for value in self.left["type"] for each in value.split(","))
            self.left["type"] = [each for each in types if each]
            if not self.left["type"]:
                del self.left["type"]
        self.value_type = (self.peek("value") or "").lower()

    def peek(self, name: str) -> str | None:
        """A parameter that has one value."""
        values = self.left.get(name)
        return values[0] if values is not None and len(values) == 1 else None

    def take(self, name: str, test: Test | None = None) -> str | None:
        """A parameter that has one value, and one that passes; others are left."""
        value = self.peek(name)
        if value is None or (test is not None and not test(value)):
            return None
        del self.left[name]
        return value

    def take_number(self, name: str, test: Test) -> int | None:
        """A parameter that is a number."""
        value = self.take(name, lambda text: is_number(text) and test(int(text)))
        return None if value is None else int(value)

    def take_types(self, known: Mapping[str, str]) -> dict[str, bool]:
        """TYPE values that mean something, as a set."""
        types = self.left.get("type", [])
        others = [each for each in types if each.lower() not in known]
        found = {known[each.lower()]: True for each in types if each.lower() in known}
        if others:
            self.left["type"] = others
        else:
            self.left.pop("type", None)
        return found

    def drop_value_type(self, *expected: str) -> None:
        """VALUE says nothing where it is what it would be anyway."""
        if self.value_type in expected:
            self.left.pop("value", None)

    def rest(self) -> dict[str, Any]:
        """What is left, as jCard has parameters (RFC 7095 §3.4), with the group."""
        found = jcard_parameters(self.left)
        if self.row.group is not None:
            found.setdefault("group", self.row.group)
        return found


def is_number(text: str) -> bool:
    """Digits, and as they are usually written."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and str(int(text)) == text


def jcard_parameters(parameters: Mapping[str, list[str]]) -> dict[str, Any]:
    """One value is a text, several are an array."""
    return {
        name: values[0] if len(values) == 1 else list(values) for name, values in parameters.items() if values
    }


def from_jcard(parameters: Any) -> dict[str, list[str]]:
    """What `jcard_parameters` made, or anybody else; the group is among them."""
    if not isinstance(parameters, dict):
        return {}
    return {
        name.lower(): [value] if isinstance(value, str) else list(value)
        for name, value in parameters.items()
        if value != []
    }


def as_parameters(parameters: Mapping[str, list[str]]) -> tuple[Parameter, ...]:
    """For a `Property`: without controls, which parameters cannot have."""
    return tuple(
        Parameter(name, tuple(map(without_controls, values))) for name, values in parameters.items() if values
    )


def group_of(parameters: dict[str, list[str]]) -> str | None:
    """Takes the group out; what cannot be one is nothing."""
    group = parameters.pop("group", None)
    return group[0] if group is not None and len(group) == 1 and identifier(group[0]) else None
