"""JSON pointers as PatchObject has them (RFC 9553 §1.4.3): without the first slash. What they set, and what differs."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any


class InvalidPatch(Exception):
    """A PatchObject that must not be applied; says which pointer and why."""


def escaped(token: str) -> str:
    """A key as part of a pointer (RFC 6901 §3)."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def joined(path: str, token: str) -> str:
    """The pointer to what is in the value that `path` leads to."""
    return f"{path}/{escaped(token)}" if path else escaped(token)


def tokens(pointer: str) -> list[str]:
    """The keys of a pointer, from outside to inside."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")]


def copied(value: Any) -> Any:
    """A JSON value that may be changed without its original."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def apply(value: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Changes an object. Raises InvalidPatch, when some of it may have been changed already."""
    _without_prefixes(patch)
    for pointer, item in patch.items():
        *parents, last = tokens(pointer)
        place: Any = value
        for token in parents:
            place = _inside(place, token, pointer)
        if isinstance(place, list):
            place[_index(place, last, pointer)] = _not_null(item, pointer)
        elif not isinstance(place, dict):
            raise InvalidPatch(pointer)
        elif item is None:
            place.pop(last, None)
        else:
            place[last] = copied(item)


def _without_prefixes(patch: Mapping[str, Any]) -> None:
    """§1.4.3, rule 3. A pointer and what it is a prefix of are neighbours when they are sorted by their tokens."""
    in_order = sorted((tokens(pointer), pointer) for pointer in patch)
    for (shorter, _), (longer, pointer) in pairwise(in_order):
        if longer[: len(shorter)] == shorter:
            raise InvalidPatch(pointer)


def _inside(place: Any, token: str, pointer: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, token, pointer)]
    if not isinstance(place, dict) or token not in place:
        raise InvalidPatch(pointer)
    return place[token]


def _index(place: list[Any], token: str, pointer: str) -> int:
    index = int(token) if len(token) < 10 and token.isascii() and token.isdigit() else -1
    if not 0 <= index < len(place) or str(index) != token:
        raise InvalidPatch(pointer)
    return index


def _not_null(item: Any, pointer: str) -> Any:
    if item is None:
        raise InvalidPatch(pointer)
    return copied(item)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: true is not 1, and 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def difference(before: dict[str, Any], after: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The patches that make `after` of `before`, as pointers and values: arrays are replaced as a whole.

    An object is replaced as a whole where patches cannot say what differs in it. A null at the outermost level is left
    out.
    """
    for key in before:
        if key not in after:
            yield joined(path, key), None
    for key, item in after.items():
        if key in before and same(before[key], item):
            continue
        old = before.get(key)
        if isinstance(item, dict) and isinstance(old, dict) and old and item and _differs_inside(old, item):
            yield from difference(old, item, joined(path, key))
        elif item is not None:
            yield joined(path, key), item


def _differs_inside(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether patches can say what differs: they set no null, and controls in keys have no form in a vCard."""
    if any(item is None and before.get(key, 0) is not None for key, item in after.items()):
        return False
    return all(key.isprintable() or not _has_controls(key) for keys in (before, after) for key in keys)


def _has_controls(key: str) -> bool:
    return any(character < " " or character == "\x7f" for character in key)
