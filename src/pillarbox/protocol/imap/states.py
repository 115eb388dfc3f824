"""The states of a connection, and what each kind of command does to them (RFC 9051 §3, §6.1 to §6.4).

Each command of `command_table` is of one of these kinds: in which states it is allowed, and to which it may lead.
Beyond these, a mailbox that another session deletes may end SELECTED at any time, and BYE ends every state.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias


class State(Enum):
    """RFC 9051 §3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"

    __hash__ = object.__hash__  # looked up with every command: Enum's own hash is a Python call


Transitions: TypeAlias = Mapping[State, frozenset[State]]
"""From each state in which a command is allowed, the states in which it may leave the connection."""

_NONE: Final = State.NOT_AUTHENTICATED
_AUTH: Final = State.AUTHENTICATED
_SELECTED: Final = State.SELECTED

ANY_STATE: Final[Transitions] = {state: frozenset({state}) for state in (_NONE, _AUTH, _SELECTED)}
LOGS_OUT: Final[Transitions] = {state: frozenset({State.LOGOUT}) for state in (_NONE, _AUTH, _SELECTED)}
# RFC 9051 §6.2: STARTTLS does not authenticate
STARTS_TLS: Final[Transitions] = {_NONE: frozenset({_NONE})}
LOGS_IN: Final[Transitions] = {_NONE: frozenset({_NONE, _AUTH})}
AUTHENTICATED: Final[Transitions] = {state: frozenset({state}) for state in (_AUTH, _SELECTED)}
# RFC 9051 §6.3.2: a SELECT that fails leaves nothing selected
SELECTS: Final[Transitions] = {state: frozenset({_AUTH, _SELECTED}) for state in (_AUTH, _SELECTED)}
SELECTED: Final[Transitions] = {_SELECTED: frozenset({_SELECTED})}
DESELECTS: Final[Transitions] = {_SELECTED: frozenset({_AUTH})}
