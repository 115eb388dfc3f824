"""What must hold between the properties of one object (RFC 9553 §2): each rule returns the names that break it.

The properties themselves have been looked at before; one that holds what it may not is reported already.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from pillarbox.cards import scalars
from pillarbox.cards.objects import SEPARATOR

Rule = Callable[[dict[str, Any]], Iterator[str]]


def _components(value: dict[str, Any]) -> list[dict[str, Any]]:
    components = value.get("components")
    if not isinstance(components, list):
        return []
    return [component for component in components if isinstance(component, dict)]


def _ordered(value: dict[str, Any]) -> Iterator[str]:
    """§2.2.1.1, §2.5.1.1: separators are for components that have an order."""
    components = _components(value)
    kinds = [component.get("kind") for component in components]
    ordered = value.get("isOrdered") is True
    if "components" in value:
        doubled = any(one == other == SEPARATOR for one, other in pairwise(kinds))
        if all(kind == SEPARATOR for kind in kinds) or doubled or (SEPARATOR in kinds and not ordered):
            yield "components"
    if "defaultSeparator" in value and not (ordered and "components" in value):
        yield "defaultSeparator"
    pronounced = any("phonetic" in component for component in components)
    if pronounced and "phoneticSystem" not in value and "phoneticScript" not in value:
        yield "components"


def _name(value: dict[str, Any]) -> Iterator[str]:
    yield from _ordered(value)
    if "sortAs" in value:
        kinds = {str(component.get("kind")) for component in _components(value)}
        sort_as = value["sortAs"]
        if not isinstance(sort_as, dict) or not kinds.issuperset(sort_as) or "components" not in value:
            yield "sortAs"


def _partial_date(value: dict[str, Any]) -> Iterator[str]:
    """§2.8.1: a date, a year, a month of a year, or a day of a month."""
    year, month, day = value.get("year"), value.get("month"), value.get("day")
    if month is not None and year is None and day is None:
        yield "month"
    if day is not None and month is None:
        yield "day"
    in_calendar = scalars.month(month) and scalars.day(day) and (year is None or scalars.unsigned(year))
    if in_calendar and month is not None and not scalars.is_day(day or 0, month, year):
        yield "day"


def _author(value: dict[str, Any]) -> Iterator[str]:
    if not any(name != "@type" for name in value):
        yield "name"


def _card(value: dict[str, Any]) -> Iterator[str]:
    """§2.1.6: only groups have members."""
    if "members" in value and value.get("kind") != "group":
        yield "members"


RULES: Final[dict[str, Rule]] = {
    "Name": _name,
    "Address": _ordered,
    "PartialDate": _partial_date,
    "Author": _author,
    "Card": _card,
}
"""By the name of the object type."""
