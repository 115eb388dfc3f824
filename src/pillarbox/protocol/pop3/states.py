"""The states of a POP3 session: which command may come when, and what its reply leads to.

`TABLE` is the whole of it: for each state and each command, the state after `+OK` and after `-ERR`. A pair
that is not in the table is answered `-ERR` and changes nothing (RFC 1939 §3). `docs/states/pop3.md` is drawn
from it.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from pillarbox.protocol.pop3.commands import (
    Auth,
    Capa,
    Command,
    Dele,
    Lang,
    List,
    Noop,
    Pass,
    Quit,
    Response,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
)


class State(Enum):
    """The state of a session (RFC 1939 §3)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    AUTHORIZATION = auto()
    """Not logged in."""
    NAMED = auto()
    """AUTHORIZATION, after USER was accepted: PASS may come."""
    EXCHANGE = auto()
    """AUTHORIZATION, within the SASL exchange that AUTH began: every line is a response."""
    TRANSACTION = auto()
    """Logged in; the maildrop is open."""
    ENDED = auto()
    """QUIT was answered (the UPDATE state has passed): nothing more is answered."""


class After(NamedTuple):
    """The state a command leads to."""

    ok: State
    error: State


_AUTHORIZATION, _NAMED, _EXCHANGE, _TRANSACTION, _ENDED = State


def _stay(state: State, *commands: type[Command]) -> dict[tuple[State, type[Command]], After]:
    return {(state, command): After(state, state) for command in commands}


def _before_login(state: State) -> dict[tuple[State, type[Command]], After]:
    return {
        **_stay(state, Capa, Lang, Utf8),
        (state, User): After(_NAMED, _AUTHORIZATION),
        (state, Auth): After(_TRANSACTION, _AUTHORIZATION),
        # RFC 2595 §4: "the server remains in AUTHORIZATION state"; a name from before TLS is forgotten.
        (state, Stls): After(_AUTHORIZATION, state),
        (state, Quit): After(_ENDED, _ENDED),
    }


TABLE: Final[dict[tuple[State, type[Command]], After]] = {
    **_before_login(_AUTHORIZATION),
    **_before_login(_NAMED),
    (_NAMED, Pass): After(_TRANSACTION, _AUTHORIZATION),
    (_EXCHANGE, Response): After(_TRANSACTION, _AUTHORIZATION),
    **_stay(_TRANSACTION, Capa, Lang, Stat, List, Uidl, Retr, Top, Dele, Noop, Rset),
    # RFC 1939 §6: whether or not the deletions succeed, the session ends.
    (_TRANSACTION, Quit): After(_ENDED, _ENDED),
}
"""Every command that is allowed, by state."""


def out_of_place(state: State, command: type[Command]) -> str:
    """Why a command that is not in the table is refused."""
    return _OUT_OF_PLACE.get((state, command), _DEFAULT[state])


_DEFAULT: Final = {
    _AUTHORIZATION: "Not logged in.",
    _NAMED: "Not logged in.",
    _EXCHANGE: "Authentication in progress.",
    _TRANSACTION: "Already logged in.",
    _ENDED: "Session has ended.",
}
_OUT_OF_PLACE: Final[dict[tuple[State, type[Command]], str]] = {
    (_AUTHORIZATION, Pass): "No username given.",
    (_TRANSACTION, Stls): "STLS not allowed after login.",
    (_TRANSACTION, Utf8): "UTF8 not allowed after login.",
}
