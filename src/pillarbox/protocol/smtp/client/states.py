"""A delivering connection as one table: state × kind of reply (RFC 5321 §3, §4.2).

For every pair the table gives the step that the machine takes; tests walk all pairs, and `docs/states/smtp-client.md`
is drawn from it. A reply answers the oldest command that is still unanswered. A server that shuts down (421), sends
an invalid reply, or is lost ends the connection from every state; each recipient without a final reply is then
deferred.
"""

from enum import Enum
from typing import Final

from pillarbox.protocol.smtp.client.replies import ReplyKind


class State(Enum):
    """The state of a delivering connection."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is read at every reply

    GREETING = "greeting"
    """Connected (with TLS from the start, or not); the server greets first."""
    EHLO = "ehlo"
    HELO = "helo"
    """EHLO was refused; HELO is tried (RFC 5321 §3.2)."""
    STARTTLS = "starttls"
    TLS_HANDSHAKE = "tls"
    """A TLS handshake is under way; nothing is read."""
    AUTH = "auth"
    READY = "ready"
    """No transaction; one may begin."""
    ENVELOPE = "envelope"
    """MAIL, RCPT and, if it was pipelined, DATA are being answered."""
    BODY = "body"
    """The message may be sent."""
    CONTENT = "content"
    """The message was sent; the final reply is awaited."""
    DISCARD = "discard"
    """DATA was accepted though every recipient was refused: an empty message was sent (RFC 2920 §3.1)."""
    RESET = "reset"
    QUIT = "quit"
    CLOSED = "closed"


class Step(Enum):
    """What the machine does about a reply; each is one method, see `ClientMachine.HANDLERS`."""

    __hash__ = object.__hash__  # as above

    SEND_EHLO = "send EHLO"
    SEND_HELO = "send HELO"
    READ_CAPABILITIES = "note the capabilities; ready"
    NO_CAPABILITIES = "no capabilities; ready"
    START_HANDSHAKE = "begin the TLS handshake"
    TLS_REFUSED = "go on without TLS"
    ANSWER_CHALLENGE = "answer the SASL challenge"
    AUTHENTICATED = "check that the server is proven; ready"
    AUTHENTICATION_FAILED = "end: authentication failed"
    ENVELOPE_REPLY = "note the reply to MAIL, RCPT or DATA"
    FINAL_REPLY = "finish the transaction; ready"
    TRANSACTION_CLEARED = "ready"
    SESSION_REFUSED = "end: another server may be tried"
    UNEXPECTED_REPLY = "end: unexpected reply"
    END = "end"
    IGNORE = "ignore"


S, K = State, ReplyKind

_OVER = {K.SHUTDOWN: Step.END, K.INVALID: Step.UNEXPECTED_REPLY}
_UNASKED = {
    K.POSITIVE: Step.UNEXPECTED_REPLY,
    K.CONTINUE: Step.UNEXPECTED_REPLY,
    K.TRANSIENT: Step.UNEXPECTED_REPLY,
    K.PERMANENT: Step.UNEXPECTED_REPLY,
}

_ROWS: dict[State, dict[ReplyKind, Step]] = {
    S.GREETING: {
        K.POSITIVE: Step.SEND_EHLO,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.SESSION_REFUSED,
        K.PERMANENT: Step.SESSION_REFUSED,
    },
    S.EHLO: {
        K.POSITIVE: Step.READ_CAPABILITIES,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.SESSION_REFUSED,
        K.PERMANENT: Step.SEND_HELO,
    },
    S.HELO: {
        K.POSITIVE: Step.NO_CAPABILITIES,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.SESSION_REFUSED,
        K.PERMANENT: Step.SESSION_REFUSED,
    },
    S.STARTTLS: {
        K.POSITIVE: Step.START_HANDSHAKE,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.TLS_REFUSED,
        K.PERMANENT: Step.TLS_REFUSED,
    },
    # Octets sent in the clear after the reply to STARTTLS are never read (RFC 3207 §4.2).
    S.TLS_HANDSHAKE: _UNASKED,
    S.AUTH: {
        K.POSITIVE: Step.AUTHENTICATED,
        K.CONTINUE: Step.ANSWER_CHALLENGE,
        K.TRANSIENT: Step.AUTHENTICATION_FAILED,
        K.PERMANENT: Step.AUTHENTICATION_FAILED,
    },
    S.READY: _UNASKED,
    S.ENVELOPE: {
        K.POSITIVE: Step.ENVELOPE_REPLY,
        K.CONTINUE: Step.ENVELOPE_REPLY,
        K.TRANSIENT: Step.ENVELOPE_REPLY,
        K.PERMANENT: Step.ENVELOPE_REPLY,
    },
    S.BODY: _UNASKED,
    S.CONTENT: {
        K.POSITIVE: Step.FINAL_REPLY,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.FINAL_REPLY,
        K.PERMANENT: Step.FINAL_REPLY,
    },
    S.DISCARD: {
        K.POSITIVE: Step.TRANSACTION_CLEARED,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.TRANSACTION_CLEARED,
        K.PERMANENT: Step.TRANSACTION_CLEARED,
    },
    S.RESET: {
        K.POSITIVE: Step.TRANSACTION_CLEARED,
        K.CONTINUE: Step.UNEXPECTED_REPLY,
        K.TRANSIENT: Step.UNEXPECTED_REPLY,
        K.PERMANENT: Step.UNEXPECTED_REPLY,
    },
    S.QUIT: {
        K.POSITIVE: Step.END,
        K.CONTINUE: Step.END,
        K.TRANSIENT: Step.END,
        K.PERMANENT: Step.END,
        K.SHUTDOWN: Step.END,
        K.INVALID: Step.END,
    },
    S.CLOSED: dict.fromkeys(ReplyKind, Step.IGNORE),
}

TABLE: Final[dict[tuple[State, ReplyKind], Step]] = {
    (state, kind): step for state, row in _ROWS.items() for kind, step in {**_OVER, **row}.items()
}
"""(state, kind of reply) to step. Complete: tests walk every pair."""

DEADLINE_S: Final[dict[State, float]] = {
    S.GREETING: 300,
    S.EHLO: 300,
    S.HELO: 300,
    S.STARTTLS: 120,
    S.TLS_HANDSHAKE: 60,
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
"""How long a reply may take, in seconds (RFC 5321 §4.5.3.2; timeouts it does not name are our choice). In BODY
it is the time for sending each block of the message."""
