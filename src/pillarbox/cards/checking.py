"""A value against its kind: where it is not valid, as JSON pointers without the first slash."""

from collections.abc import Iterator
from typing import Any, assert_never

from pillarbox.cards import scalars
from pillarbox.cards.kinds import (
    JCardParameters,
    JCardProperty,
    Kind,
    ListOf,
    MapOf,
    Of,
    Patches,
    Scalar,
    SetOf,
)
from pillarbox.cards.objects import TYPES, ObjectType
from pillarbox.cards.pointers import joined
from pillarbox.cards.rules import RULES

_RESERVED = "extra"
"""§1.7.3.1."""


def wrong(value: Any, kind: Kind, path: str) -> Iterator[str]:
    """All that is not valid in a value. It is as deep as its kind at most: what vendors hold is not looked at."""
    match kind:
        case Scalar():
            if not kind.test(value):
                yield path
        case SetOf():
            yield from _wrong_set(value, kind, path)
        case MapOf():
            yield from _wrong_map(value, kind, path)
        case ListOf():
            if not isinstance(value, list) or len(value) < kind.min_length:
                yield path
            else:
                for index, item in enumerate(value):
                    yield from wrong(item, kind.value, joined(path, str(index)))
        case Of():
            yield from _wrong_object(value, kind, path)
        case Patches():
            if not isinstance(value, dict):
                yield path
        case JCardProperty():
            if not is_jcard_property(value):
                yield path
        case JCardParameters():
            if not are_jcard_parameters(value):
                yield path
        case _:
            assert_never(kind)


def _wrong_set(value: Any, kind: SetOf, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    for key, item in value.items():
        if item is not True or not kind.key(key):
            yield joined(path, key)


def _wrong_map(value: Any, kind: MapOf, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    for key, item in value.items():
        if kind.key(key):
            yield from wrong(item, kind.value, joined(path, key))
        else:
            yield joined(path, key)


def _wrong_object(value: Any, kind: Of, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    name = value.get("@type", kind.types[0])
    if name not in kind.types:
        yield joined(path, "@type")
        return
    yield from wrong_properties(value, TYPES[name], path)


def wrong_properties(
    value: dict[str, Any], row: ObjectType, path: str = "", only: frozenset[str] | None = None
) -> Iterator[str]:
    """All that is not valid in an object of a type. `only`: of these properties; rules between them hold always."""
    for name, item in value.items():
        if only is not None and name not in only:
            continue
        kind = row.properties.get(name)
        if kind is not None:
            yield from wrong(item, kind, joined(path, name))
        elif not _may_be_named(name, row):
            yield joined(path, name)
    for name in row.mandatory:
        if name not in value:
            yield joined(path, name)
    if value.get("@type", row.name) != row.name:
        yield joined(path, "@type")
    if row.any_of and not any(name in value for name in row.any_of):
        yield joined(path, row.any_of[0])
    rule = RULES.get(row.name)
    if rule is not None:
        for name in rule(value):
            yield joined(path, name)


def _may_be_named(name: str, row: ObjectType) -> bool:
    """§1.7.4, §1.8.1."""
    if scalars.vendor(name):
        return True
    return scalars.unknown_name(name) and name != _RESERVED and not row.named_like(name)


# --- what RFC 9555 adds


def are_jcard_parameters(value: Any) -> bool:
    """RFC 7095 §3.4: names, and a text or several for each."""
    return isinstance(value, dict) and all(
        scalars.jcard_name(name) and (isinstance(item, str) or _are_texts(item))
        for name, item in value.items()
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_jcard_property(value: Any) -> bool:
    """RFC 7095 §3.3: a name, parameters, a type, and values that are no objects."""
    if not isinstance(value, list) or len(value) < 4:
        return False
    name, parameters, type_name, *values = value
    return (
        scalars.jcard_name(name)
        and scalars.jcard_name(type_name)
        and are_jcard_parameters(parameters)
        and all(_is_jcard_value(item, 2) for item in values)
    )


def _is_jcard_value(value: Any, depth: int) -> bool:
    if isinstance(value, list):
        return depth > 0 and all(_is_jcard_value(item, depth - 1) for item in value)
    return isinstance(value, str | int | float)
