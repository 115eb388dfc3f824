"""PatchObject: changes of a record by pointers (RFC 8620 §5.3).

A pointer is a JSON pointer without its first slash. Its parts are names of members, digits as well: an array is only
replaced as a whole. A whole record is a valid patch of itself.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from msgspec import Struct

from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.references import tokens_of


class InvalidPatch(ValueError):
    """The patch breaks the rules of §5.3; the record stays as it is."""


class Change(Struct, frozen=True):
    """One pointer and its value."""

    tokens: tuple[str, ...]
    """At least one: the name of a property."""
    value: Any
    """None sets the default of a property, and removes any other member."""


def parse(patch: Mapping[str, Any], limits: Limits) -> list[Change]:
    """The changes, in order of their pointers. Raises `InvalidPatch`."""
    if len(patch) > limits.max_patches:
        raise InvalidPatch(f"More than {limits.max_patches} pointers")
    changes = []
    for pointer, value in patch.items():
        if pointer.count("/") >= limits.max_patch_tokens:
            raise InvalidPatch(f"A pointer has more than {limits.max_patch_tokens} parts")
        tokens = tokens_of("/" + pointer)
        if tokens is None:
            raise InvalidPatch(f"'{pointer}' is no JSON pointer")
        changes.append(Change(tuple(tokens), value))
    changes.sort(key=lambda change: change.tokens)
    for one, next_one in pairwise(changes):
        # in this order a pointer stands right before those that it is a prefix of; `a` and `a` come from `a~0` twice
        if next_one.tokens[: len(one.tokens)] == one.tokens:
            raise InvalidPatch(f"'{'/'.join(one.tokens)}' is set, and something within it")
    return changes


def touched(changes: list[Change]) -> list[str]:
    """The properties that the changes are about, each once."""
    return list(dict.fromkeys(change.tokens[0] for change in changes))


def apply(record: Mapping[str, Any], changes: list[Change]) -> dict[str, Any]:
    """The record with the changes; what they do not touch is shared. Raises `InvalidPatch`.

    A property that is set to null is missing from the result.
    """
    patched, copied = dict(record), set()
    for change in changes:
        name = change.tokens[0]
        if len(change.tokens) > 1 and name not in copied and name in patched:
            copied.add(name)
            patched[name] = _copy(patched[name])
        parent: Any = patched
        for token in change.tokens[:-1]:
            parent = _below(parent, token, change)
        if not isinstance(parent, dict):
            raise _nothing_there(change)
        if change.value is None:
            parent.pop(change.tokens[-1], None)
        else:
            parent[change.tokens[-1]] = change.value
    return patched


def _below(parent: Any, token: str, change: Change) -> Any:
    if not isinstance(parent, dict) or token not in parent:
        raise _nothing_there(change)
    return parent[token]


def _nothing_there(change: Change) -> InvalidPatch:
    return InvalidPatch(f"There is no object that '{'/'.join(change.tokens)}' could be in")


def _copy(value: Any) -> Any:
    """As deep as the value; ours are not."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
