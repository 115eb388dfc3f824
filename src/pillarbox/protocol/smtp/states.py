"""The life of an SMTP session as one table: state × verb (RFC 5321 §4.1.4, RFC 3030, RFC 4954, RFC 3207).

For every pair, `TABLE` holds either the state that follows *if the command succeeds* (where it is
refused by the session, nothing changes) or the `Reply` that says why it cannot come now.
Tests walk all pairs, and the picture in `docs/states/smtp.md` is drawn from here.

Handled elsewhere, since it is no command: the end of a message (`after_data`), of a chunk
(`after_chunk`), of an AUTH exchange and of a TLS handshake.
"""

from enum import Enum
from typing import Final

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Verb
from pillarbox.protocol.smtp.replies import Reply


class State(Enum):
    """The state of a session."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is asked twice a command

    START = "start"
    """Connected, or TLS has just become active: no EHLO yet."""
    IDLE = "idle"
    """Greeted; no transaction."""
    MAIL = "mail"
    """A transaction with a reverse-path, without a recipient."""
    RCPT = "rcpt"
    """A transaction with at least one recipient."""
    CHUNKS = "chunks"
    """A transaction whose message comes by BDAT; at least one chunk was taken."""
    FAILED = "failed"
    """A chunk was refused: the rest of the message is read and discarded (RFC 3030 §2)."""
    DATA = "data"
    """The octets that follow are the message."""
    AUTH = "auth"
    """The line that follows is a SASL response."""
    TLS = "tls"
    """A TLS handshake follows."""
    END = "end"
    """Nothing more is read."""


Step = State | Reply

S, V = State, Verb

_ANY_TIME: dict[Verb, Step | None] = {
    # None: the state stays. RFC 5321 §4.1.4: these are answered at any time, even before EHLO
    V.NOOP: None,
    V.VRFY: None,
    V.EXPN: None,
    V.HELP: None,
    V.QUIT: S.END,
}
_GREET: dict[Verb, Step | None] = {V.HELO: S.IDLE, V.EHLO: S.IDLE, V.LHLO: S.IDLE}

_ROWS: dict[State, dict[Verb, Step | None]] = {
    S.START: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: None,
        V.STARTTLS: S.TLS,
        V.AUTH: replies.NEED_HELLO,
        V.MAIL: replies.NEED_HELLO,
        V.RCPT: replies.NEED_HELLO,
        V.DATA: replies.NEED_HELLO,
        V.BDAT: replies.NEED_HELLO,
    },
    S.IDLE: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: None,
        V.STARTTLS: S.TLS,
        V.AUTH: S.AUTH,
        V.MAIL: S.MAIL,
        V.RCPT: replies.NEED_MAIL,
        V.DATA: replies.NEED_MAIL,
        V.BDAT: replies.NEED_MAIL,
    },
    S.MAIL: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: S.IDLE,
        V.STARTTLS: S.TLS,
        V.AUTH: replies.OUT_OF_ORDER,  # RFC 4954 §4: not during a transaction
        V.MAIL: replies.NESTED_MAIL,
        V.RCPT: S.RCPT,
        V.DATA: replies.NEED_RECIPIENT,
        V.BDAT: replies.NEED_RECIPIENT,
    },
    S.RCPT: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: S.IDLE,
        V.STARTTLS: S.TLS,
        V.AUTH: replies.OUT_OF_ORDER,
        V.MAIL: replies.NESTED_MAIL,
        V.RCPT: S.RCPT,
        V.DATA: S.DATA,
        V.BDAT: S.CHUNKS,
    },
    S.CHUNKS: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: S.IDLE,
        V.STARTTLS: S.TLS,
        V.AUTH: replies.OUT_OF_ORDER,
        V.MAIL: replies.NESTED_MAIL,
        V.RCPT: replies.OUT_OF_ORDER,
        V.DATA: replies.MIXED_DATA,  # RFC 3030 §2: 503
        V.BDAT: S.CHUNKS,
    },
    S.FAILED: {
        **_ANY_TIME,
        **_GREET,
        V.RSET: S.IDLE,
        V.STARTTLS: S.TLS,
        V.AUTH: replies.OUT_OF_ORDER,
        V.MAIL: replies.NEED_RESET,
        V.RCPT: replies.NEED_RESET,
        V.DATA: replies.NEED_RESET,
        V.BDAT: replies.NEED_RESET,
    },
    # In these no line is read as a command; one that comes all the same is refused.
    S.DATA: dict.fromkeys(Verb, replies.OUT_OF_ORDER),
    S.AUTH: dict.fromkeys(Verb, replies.OUT_OF_ORDER),
    S.TLS: dict.fromkeys(Verb, replies.OUT_OF_ORDER),
    S.END: dict.fromkeys(Verb, replies.OUT_OF_ORDER),
}

TABLE: Final[dict[tuple[State, Verb], Step]] = {
    (state, verb): state if step is None else step
    for state, row in _ROWS.items()
    for verb, step in row.items()
}
"""(state, verb) to the state after success, or to the refusal. Complete: tests walk every pair."""


def after_chunk(state: State, *, accepted: bool, last: bool) -> State:
    """Where a chunk leads. After a refused one the transaction has failed, until its end."""
    if state in (S.RCPT, S.CHUNKS) and accepted:
        return S.IDLE if last else S.CHUNKS
    if state in (S.MAIL, S.RCPT, S.CHUNKS, S.FAILED):
        return S.IDLE if last else S.FAILED
    return state
