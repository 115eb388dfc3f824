"""The life of a delivering connection as one table: state × what is heard (RFC 5321 §3, §4.2).

For every pair the table says which step the machine takes; tests walk all pairs. What is heard is the
kind of a reply to the oldest question that is still open. A server that shuts down (421), speaks
nonsense, or is lost ends the connection from every state; nobody's mail is then in doubt, since each
recipient without a final reply counts as deferred.
"""

from enum import Enum
from typing import Final

from pillarbox.protocol.smtp.client.replies import Kind


class State(Enum):
    """Where a delivering connection stands."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is asked at every reply

    GREETING = "greeting"
    """Connected (or secured from the start); the server speaks first."""
    EHLO = "ehlo"
    HELO = "helo"
    """EHLO was not understood; the old greeting is tried (RFC 5321 §3.2)."""
    STARTTLS = "starttls"
    SECURING = "securing"
    """A TLS handshake is under way; nothing is read."""
    AUTH = "auth"
    READY = "ready"
    """No transaction; may begin one."""
    ENVELOPE = "envelope"
    """MAIL, RCPTs and, where it was sent ahead, DATA are being answered."""
    BODY = "body"
    """The message may be sent."""
    CONTENT = "content"
    """The message was sent; its fate is awaited."""
    DISCARD = "discard"
    """DATA was let through though nobody is left to deliver to: an empty message was sent (RFC 2920 §3.1)."""
    RESET = "reset"
    QUIT = "quit"
    CLOSED = "closed"


class Step(Enum):
    """What the machine does about what it hears; each is one method."""

    GREET = "send EHLO"
    GREET_OLD = "send HELO"
    READY = "read what is offered, tell that mail may be sent"
    READY_OLD = "nothing is offered, tell that mail may be sent"
    SECURE = "begin the TLS handshake"
    NOT_SECURED = "the server will not begin TLS: tell so, go on"
    CHALLENGED = "answer a SASL challenge"
    AUTHENTICATED = "the server says we are who we say"
    NOT_AUTHENTICATED = "credentials were refused: tell so, end"
    ENVELOPE = "note the answer to MAIL, RCPT or DATA"
    ANSWERED = "the message's fate"
    CLEARED = "a transaction was given up; tell that mail may be sent"
    UNWILLING = "this server will not talk to us: tell so, end"
    ASTRAY = "an answer that makes no sense here: end"
    END = "the connection is over"
    IGNORE = "nothing"


S, K = State, Kind

_OVER = {K.SHUTDOWN: Step.END, K.NONSENSE: Step.ASTRAY}
_UNASKED = {
    K.POSITIVE: Step.ASTRAY,
    K.CONTINUE: Step.ASTRAY,
    K.TRANSIENT: Step.ASTRAY,
    K.PERMANENT: Step.ASTRAY,
}

_ROWS: dict[State, dict[Kind, Step]] = {
    S.GREETING: {
        K.POSITIVE: Step.GREET,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.UNWILLING,
        K.PERMANENT: Step.UNWILLING,
    },
    S.EHLO: {
        K.POSITIVE: Step.READY,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.UNWILLING,
        K.PERMANENT: Step.GREET_OLD,
    },
    S.HELO: {
        K.POSITIVE: Step.READY_OLD,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.UNWILLING,
        K.PERMANENT: Step.UNWILLING,
    },
    S.STARTTLS: {
        K.POSITIVE: Step.SECURE,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.NOT_SECURED,
        K.PERMANENT: Step.NOT_SECURED,
    },
    # Octets in the clear after the go-ahead for TLS are never looked at.
    S.SECURING: _UNASKED,
    S.AUTH: {
        K.POSITIVE: Step.AUTHENTICATED,
        K.CONTINUE: Step.CHALLENGED,
        K.TRANSIENT: Step.NOT_AUTHENTICATED,
        K.PERMANENT: Step.NOT_AUTHENTICATED,
    },
    S.READY: _UNASKED,
    S.ENVELOPE: {
        K.POSITIVE: Step.ENVELOPE,
        K.CONTINUE: Step.ENVELOPE,
        K.TRANSIENT: Step.ENVELOPE,
        K.PERMANENT: Step.ENVELOPE,
    },
    S.BODY: _UNASKED,
    S.CONTENT: {
        K.POSITIVE: Step.ANSWERED,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.ANSWERED,
        K.PERMANENT: Step.ANSWERED,
    },
    S.DISCARD: {
        K.POSITIVE: Step.CLEARED,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.CLEARED,
        K.PERMANENT: Step.CLEARED,
    },
    S.RESET: {
        K.POSITIVE: Step.CLEARED,
        K.CONTINUE: Step.ASTRAY,
        K.TRANSIENT: Step.ASTRAY,
        K.PERMANENT: Step.ASTRAY,
    },
    S.QUIT: {
        K.POSITIVE: Step.END,
        K.CONTINUE: Step.END,
        K.TRANSIENT: Step.END,
        K.PERMANENT: Step.END,
        K.SHUTDOWN: Step.END,
        K.NONSENSE: Step.END,
    },
    S.CLOSED: dict.fromkeys(Kind, Step.IGNORE),
}

TABLE: Final[dict[tuple[State, Kind], Step]] = {
    (state, kind): step for state, row in _ROWS.items() for kind, step in {**_OVER, **row}.items()
}
"""(state, kind of reply) to the step taken. Complete: tests walk every pair."""

DEADLINE_S: Final[dict[State, float]] = {
    S.GREETING: 300,
    S.EHLO: 300,
    S.HELO: 300,
    S.STARTTLS: 120,
    S.SECURING: 60,
    S.AUTH: 120,
    S.READY: 300,
    S.ENVELOPE: 300,
    S.BODY: 180,
    S.CONTENT: 600,
    S.DISCARD: 600,
    S.RESET: 60,
    S.QUIT: 10,
    S.CLOSED: 10,
}
"""How long an answer may take, in seconds (RFC 5321 §4.5.3.2; what it does not name is ours). In BODY it is
the time for each block of the message to be taken."""
