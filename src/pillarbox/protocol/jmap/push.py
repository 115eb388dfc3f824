"""What is pushed to clients: which types have changed, and where everything is (RFC 8620 §7.1, §7.3)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

EVERYTHING: Final = "*"
MAX_TYPES: Final = 64
"""Names of types that a client lists; with more, it is told of all."""
MAX_STATE_CHARACTERS: Final = 4096
"""A text of `push_state` has some hundred; what is longer is none."""


def state_change(account_id: str, changed: Mapping[str, str], push_state: str = "") -> dict[str, Any]:
    """A StateChange object: the new states of the types that have changed."""
    told: dict[str, Any] = {"@type": "StateChange", "changed": {account_id: changed}}
    if push_state:
        told["pushState"] = push_state
    return told


def push_state(states: Mapping[str, str]) -> str:
    """The states of all types in one text without blanks or line ends: an event's id, or a `pushState`."""
    return ",".join(f"{name}={state}" for name, state in states.items())


def states_in(told: str) -> dict[str, str]:
    """The states in a text of `push_state`, by type; of any other text, those that can be read."""
    parts = told.split(",") if len(told) <= MAX_STATE_CHARACTERS else ()
    return dict(pair for part in parts if len(pair := part.split("=", 1)) == 2)


def changed_since(told: str, states: Mapping[str, str], types: frozenset[str] | None) -> dict[str, str]:
    """What has another state than in a text of `push_state`; of a type that is not there, and of any other text, all.

    `types`: those that are wanted; None for all.
    """
    before = states_in(told)
    return {
        name: state
        for name, state in states.items()
        if (types is None or name in types) and before.get(name) != state
    }


def types_of(names: Iterable[str]) -> frozenset[str] | None:
    """The types that a client names; None where it names all."""
    wanted = frozenset(name for name in names if name)
    return None if EVERYTHING in wanted or len(wanted) > MAX_TYPES else wanted


def json(told: Mapping[str, Any]) -> str:
    """As text of one line."""
    return msgspec.json.encode(told).decode()
