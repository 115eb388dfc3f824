"""A reading connection as one table: state × kind of response (RFC 3501 §3, §7).

For every pair the table gives the step that the machine takes; tests walk all pairs, and `docs/states/imap-client.md`
is drawn from it. A server that says BYE, sends what is no response, or is lost ends the connection from every state.
"""

from enum import Enum
from typing import Final


class State(Enum):
    """The state of a reading connection."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is read at every response

    GREETING = "greeting"
    """Connected (with TLS from the start, or not); the server greets first."""
    CAPABILITY = "capability"
    """CAPABILITY was sent: after the greeting, after TLS began, after the login."""
    READY = "ready"
    """Commands may be sent; some may be under way."""
    STARTTLS = "starttls"
    TLS_HANDSHAKE = "tls"
    """A TLS handshake is under way; nothing is read."""
    LOGIN = "login"
    """AUTHENTICATE or LOGIN was sent."""
    LOGOUT = "logout"
    CLOSED = "closed"


class Kind(Enum):
    """What a response is to a client."""

    __hash__ = object.__hash__  # as above

    OK = "tagged OK"
    NO = "tagged NO"
    BAD = "tagged BAD"
    GREETING = "untagged OK"
    PREAUTH = "PREAUTH"
    BYE = "BYE"
    DATA = "untagged data"
    CONTINUE = "continuation"
    INVALID = "not a response"


class Step(Enum):
    """What the machine does about a response; each is one method, see `ClientMachine.HANDLERS`."""

    __hash__ = object.__hash__  # as above

    ASK_CAPABILITIES = "ask for the capabilities"
    PREAUTHENTICATED = "logged in already; ask for the capabilities"
    READY = "ready"
    START_HANDSHAKE = "begin the TLS handshake"
    TLS_REFUSED = "report that TLS is refused"
    CONTINUE_LOGIN = "send the next part of the login"
    LOGGED_IN = "check that the server is proven; ask for the capabilities"
    LOGIN_REFUSED = "report that the login is refused"
    COMPLETED = "report the end of the command"
    REPORT = "report the data"
    NOTE = "note capabilities"
    UNEXPECTED = "end: unexpected response"
    END = "end"
    IGNORE = "ignore"


S, K = State, Kind

_OVER = {K.BYE: Step.END, K.INVALID: Step.UNEXPECTED}
_UNEXPECTED = dict.fromkeys(Kind, Step.UNEXPECTED)
_UNTAGGED = {K.GREETING: Step.NOTE, K.DATA: Step.NOTE}

_ROWS: dict[State, dict[Kind, Step]] = {
    S.GREETING: {K.GREETING: Step.ASK_CAPABILITIES, K.PREAUTH: Step.PREAUTHENTICATED},
    S.CAPABILITY: {**_UNTAGGED, K.OK: Step.READY},
    S.READY: {
        K.OK: Step.COMPLETED,
        K.NO: Step.COMPLETED,
        K.BAD: Step.COMPLETED,
        K.GREETING: Step.REPORT,
        K.DATA: Step.REPORT,
    },
    S.STARTTLS: {
        **_UNTAGGED,
        K.OK: Step.START_HANDSHAKE,
        K.NO: Step.TLS_REFUSED,
        K.BAD: Step.TLS_REFUSED,
    },
    # Octets sent in the clear after the response to STARTTLS are never read (RFC 9051 §6.2.1).
    S.TLS_HANDSHAKE: {},
    S.LOGIN: {
        **_UNTAGGED,
        K.CONTINUE: Step.CONTINUE_LOGIN,
        K.OK: Step.LOGGED_IN,
        K.NO: Step.LOGIN_REFUSED,
        K.BAD: Step.LOGIN_REFUSED,
    },
    S.LOGOUT: {
        **dict.fromkeys(Kind, Step.END),
        K.GREETING: Step.IGNORE,
        K.DATA: Step.IGNORE,
        K.BYE: Step.IGNORE,
    },
    S.CLOSED: dict.fromkeys(Kind, Step.IGNORE),
}

TABLE: Final[dict[tuple[State, Kind], Step]] = {
    (state, kind): step
    for state, row in _ROWS.items()
    for kind, step in {**_UNEXPECTED, **_OVER, **row}.items()
}
"""(state, kind of response) to step. Complete: tests walk every pair."""

DEADLINE_S: Final[dict[State, float]] = {
    S.GREETING: 60,
    S.CAPABILITY: 60,
    S.READY: 300,
    S.STARTTLS: 60,
    S.TLS_HANDSHAKE: 60,
    S.LOGIN: 120,
    S.LOGOUT: 5,
    S.CLOSED: 5,
}
"""How long the server may send nothing, in seconds: our choice."""
