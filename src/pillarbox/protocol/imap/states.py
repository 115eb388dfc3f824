"""The life of a connection as one table: which command is allowed in which state, and where it may lead.

RFC 9051 §3 draws it; §6.1 to §6.4 say which command belongs where. The table is the whole truth: the machine
refuses what is not in it and asserts that a session's move is in it, and the documentation draws it.
"""

from enum import Enum
from typing import Final


class State(Enum):
    """RFC 9051 §3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


_ANY: Final = (b"CAPABILITY", b"NOOP", b"ID")
_MAILBOXES: Final = (
    b"ENABLE", b"CREATE", b"DELETE", b"RENAME", b"SUBSCRIBE", b"UNSUBSCRIBE", b"LIST", b"LSUB", b"NAMESPACE",
    b"STATUS", b"APPEND", b"IDLE",
)  # fmt: skip
_MESSAGES: Final = (
    b"CHECK", b"EXPUNGE", b"SEARCH", b"FETCH", b"STORE", b"COPY", b"MOVE", b"REPLACE",
    b"UID EXPUNGE", b"UID SEARCH", b"UID FETCH", b"UID STORE", b"UID COPY", b"UID MOVE", b"UID REPLACE",
)  # fmt: skip

_NONE: Final = State.NOT_AUTHENTICATED
_AUTH: Final = State.AUTHENTICATED
_SELECTED: Final = State.SELECTED
_LIVING: Final = (_NONE, _AUTH, _SELECTED)

TRANSITIONS: Final[dict[tuple[State, bytes], frozenset[State]]] = {
    **{(state, verb): frozenset({state}) for state in _LIVING for verb in _ANY},
    **{(state, b"LOGOUT"): frozenset({State.LOGOUT}) for state in _LIVING},
    # RFC 9051 §6.2: STARTTLS leaves the client as much a stranger as before
    (_NONE, b"STARTTLS"): frozenset({_NONE}),
    (_NONE, b"LOGIN"): frozenset({_NONE, _AUTH}),
    (_NONE, b"AUTHENTICATE"): frozenset({_NONE, _AUTH}),
    **{(state, verb): frozenset({state}) for state in (_AUTH, _SELECTED) for verb in _MAILBOXES},
    # RFC 9051 §6.3.2: a SELECT that fails leaves nothing selected
    **{
        (state, verb): frozenset({_AUTH, _SELECTED})
        for state in (_AUTH, _SELECTED)
        for verb in (b"SELECT", b"EXAMINE")
    },
    **{(_SELECTED, verb): frozenset({_SELECTED}) for verb in _MESSAGES},
    **{(_SELECTED, verb): frozenset({_AUTH}) for verb in (b"CLOSE", b"UNSELECT")},
}
"""(state, command) -> the states in which it may leave the connection; what is absent is refused with BAD.

Beyond the table, a mailbox that another session deletes may end SELECTED at any time, and BYE anything.
"""

VERBS: Final = frozenset(verb for _, verb in TRANSITIONS)
"""Every command there is, in any state; `UID FETCH` and its kin count as commands of their own."""


def refusal(state: State, verb: bytes) -> str | None:
    """Why this command is not for this state, or None where it is."""
    if (state, verb) in TRANSITIONS:
        return None
    if verb not in VERBS:
        return "Unknown command"
    match state:
        case State.NOT_AUTHENTICATED:
            return "Log in first"
        case State.AUTHENTICATED | State.SELECTED if (State.NOT_AUTHENTICATED, verb) in TRANSITIONS:
            return "Already logged in"
        case State.AUTHENTICATED:
            return "Select a mailbox first"
        case _:
            return "The connection is closing"
