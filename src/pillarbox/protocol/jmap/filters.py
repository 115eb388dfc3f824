"""Filters and sort orders of /query and /queryChanges: RFC 8620 §5.5.

A filter is a tree of operators with conditions as its leaves; each data type has tables of what a condition may say
and what records may be sorted by.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from pillarbox.protocol.jmap.errors import (
    UNSUPPORTED_FILTER,
    UNSUPPORTED_SORT,
    MethodError,
    invalid_arguments,
)
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import fits


class Condition(Struct, frozen=True):
    """A leaf: all of it must be so. Without members, everything matches."""

    properties: dict[str, Any]


class Operator(Struct, frozen=True):
    """AND: all match. OR: at least one. NOT: none."""

    operator: Literal["AND", "OR", "NOT"]
    conditions: tuple["Filter", ...]


Filter: TypeAlias = Condition | Operator

_OPERATORS: Final = frozenset(("AND", "OR", "NOT"))


def read_filter(value: dict[str, Any] | None, table: Mapping[str, Any], limits: Limits) -> Filter | None:
    """The filter of a call. `table`: what a condition may say, and the type of each value.

    Raises invalidArguments where it has not the form of a filter; unsupportedFilter where the table has no such
    condition, or there are too many.
    """
    return None if value is None else _Reader(table, limits).read(value, 1)


class _Reader:
    """Reads one filter."""

    def __init__(self, table: Mapping[str, Any], limits: Limits) -> None:
        self._table, self._limits, self._count = table, limits, 0
        self._values, self._characters = limits.max_filter_values, limits.max_filter_texts

    def read(self, value: Any, depth: int) -> Filter:
        self._count += 1
        if depth > self._limits.max_filter_depth or self._count > self._limits.max_filter_conditions:
            raise MethodError(UNSUPPORTED_FILTER, "The filter has too many conditions, or they are too deep")
        if not isinstance(value, dict):
            raise invalid_arguments("A filter has a part that is no object")
        if "operator" in value:
            return self._operator(value, depth)
        for name, operand in value.items():
            if name not in self._table:
                raise MethodError(UNSUPPORTED_FILTER, f"There is no condition '{name}'")
            self._check_size(name, operand)
            if not fits(operand, self._table[name]):
                raise invalid_arguments(f"The condition '{name}' has a value of the wrong type")
        return Condition(value)

    def _check_size(self, name: str, operand: Any) -> None:
        texts = operand if isinstance(operand, list) else [operand]
        if isinstance(operand, list):
            self._values -= len(operand)
        lengths = [len(text) for text in texts if isinstance(text, str)] if self._values >= 0 else []
        self._characters -= sum(lengths)
        longest = max(lengths, default=0)
        if self._values < 0 or self._characters < 0 or longest > self._limits.max_filter_text:
            raise MethodError(UNSUPPORTED_FILTER, f"There is too much in the filter, up to its '{name}'")

    def _operator(self, value: dict[str, Any], depth: int) -> Operator:
        operator, conditions = value["operator"], value.get("conditions")
        if not (isinstance(operator, str) and operator in _OPERATORS):
            raise invalid_arguments("The operator of a filter is AND, OR or NOT")
        if not isinstance(conditions, list) or len(value) > 2:
            raise invalid_arguments("A FilterOperator has an operator and conditions, and nothing else")
        return Operator(
            operator,  # type: ignore[arg-type]  # one of the three
            tuple(self.read(condition, depth + 1) for condition in conditions),
        )


# --- sorting


class Comparator(Struct, frozen=True):
    """One property to sort by."""

    property: str
    is_ascending: bool = True
    collation: str | None = None
    extra: dict[str, Any] = {}
    """Further members that the property needs: `keyword`."""


class _Members(Struct, frozen=True, rename="camel"):
    property: str
    is_ascending: bool = True
    collation: str | None = None


COLLATIONS: Final = ("i;unicode-casemap",)
"""The orders of texts that there are (`mail.collation`), the default first; the core capability lists them."""


def read_sort(
    value: list[dict[str, Any]] | None, table: Mapping[str, Mapping[str, Any]], limits: Limits
) -> tuple[Comparator, ...]:
    """The sort order of a call. `table`: each property that can be sorted by, with the members that it needs.

    Raises invalidArguments where a comparator has not the right form, unsupportedSort where the table has no such
    property, or there is no such collation.
    """
    value = value or []
    if len(value) > limits.max_comparators:
        raise MethodError(UNSUPPORTED_SORT, f"More than {limits.max_comparators} comparators")
    return tuple(_comparator(one, table) for one in value)


def _comparator(value: dict[str, Any], table: Mapping[str, Mapping[str, Any]]) -> Comparator:
    try:
        members = msgspec.convert(value, _Members)
    except msgspec.ValidationError as error:
        raise invalid_arguments(f"sort: {error}") from error
    needed = table.get(members.property)
    if needed is None:
        raise MethodError(UNSUPPORTED_SORT, f"Can't be sorted by '{members.property}'")
    if members.collation is not None and members.collation not in COLLATIONS:
        raise MethodError(UNSUPPORTED_SORT, f"There is no collation '{members.collation}'")
    for name, kind in needed.items():
        if name not in value or not fits(value[name], kind):
            raise invalid_arguments(f"To sort by '{members.property}' needs '{name}'")
    # Other members are ignored: there are clients (jmapc) that write those of the call into each comparator
    return Comparator(
        members.property, members.is_ascending, members.collation, {name: value[name] for name in needed}
    )
