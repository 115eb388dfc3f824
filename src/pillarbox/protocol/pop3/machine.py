"""The POP3 session as a machine: which command may come when, and what its answer leads to.

`TABLE` is the whole of it: for each state and each command, the state after `+OK` and after `-ERR`. A pair
that is not in the table is answered `-ERR` and changes nothing (RFC 1939 §3). Reading lines is the machine's
too: within a SASL exchange a line is a response, whatever it looks like.

    session                          machine
      events = receive(octets)       lines become commands
      refuse(command) -> octets      out of place: said without asking anybody
      answer(command, reply)         the reply moves the state, by how it begins

Always true: nothing is told after AUTH, a response, STLS or QUIT until that is answered, since the answer
decides what the next octets are.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from pillarbox.protocol.framing import LineFraming, LineTooLong
from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import (
    Auth,
    Capa,
    Command,
    Dele,
    Lang,
    List,
    Malformed,
    Noop,
    Pass,
    Quit,
    Response,
    Retr,
    Rset,
    Stat,
    Stls,
    TooLong,
    Top,
    Uidl,
    Unknown,
    User,
    Utf8,
    parse,
)
from pillarbox.protocol.sasl.line import MAX_LINE_OCTETS

MAX_COMMAND_OCTETS: Final = 1024
"""Octets of a command, CRLF included. RFC 2449 §4 asks for 255; initial SASL responses may be longer."""
MAX_RESPONSE_OCTETS: Final = MAX_LINE_OCTETS + 2
"""Octets of a SASL response, CRLF included."""


TOLD_AT_ONCE: Final = 256
"""Commands of one `receive`; the rest waits until these are handled."""


class State(Enum):
    """Where a session stands (RFC 1939 §3)."""

    AUTHORIZATION = auto()
    """Nobody has logged in."""
    NAMED = auto()
    """AUTHORIZATION still, and USER was accepted: PASS may come."""
    EXCHANGE = auto()
    """AUTHORIZATION still, within the exchange that AUTH began: every line is a response."""
    TRANSACTION = auto()
    """The maildrop is open."""
    ENDED = auto()
    """QUIT was answered (the UPDATE state has passed): nothing is said any more."""


class After(NamedTuple):
    """The state a command leads to."""

    ok: State
    error: State


_AUTHORIZATION, _NAMED, _EXCHANGE, _TRANSACTION, _ENDED = State


def _stay(state: State, *commands: type[Command]) -> dict[tuple[State, type[Command]], After]:
    return {(state, command): After(state, state) for command in commands}


def _log_in(state: State) -> dict[tuple[State, type[Command]], After]:
    return {
        **_stay(state, Capa, Lang, Utf8),
        (state, User): After(_NAMED, _AUTHORIZATION),
        (state, Auth): After(_TRANSACTION, _AUTHORIZATION),
        # RFC 2595 §4: "the server remains in AUTHORIZATION state"; a name from before TLS is forgotten.
        (state, Stls): After(_AUTHORIZATION, state),
        (state, Quit): After(_ENDED, _ENDED),
    }


TABLE: Final[dict[tuple[State, type[Command]], After]] = {
    **_log_in(_AUTHORIZATION),
    **_log_in(_NAMED),
    (_NAMED, Pass): After(_TRANSACTION, _AUTHORIZATION),
    (_EXCHANGE, Response): After(_TRANSACTION, _AUTHORIZATION),
    **_stay(_TRANSACTION, Capa, Lang, Stat, List, Uidl, Retr, Top, Dele, Noop, Rset),
    # RFC 1939 §6: whether or not the deletions succeed, the session ends.
    (_TRANSACTION, Quit): After(_ENDED, _ENDED),
}
"""Everything that may come, and where it leads."""

_DECISIVE: Final = (Auth, Response, Stls, Quit, TooLong)
"""What the next octets are is only known when these are answered."""


class Machine:
    """Reads one client's lines and knows where the session stands."""

    __slots__ = ("_lines", "state", "utf8")

    def __init__(self) -> None:
        # RFC 1939 §3 has CRLF only; people at a terminal send LF, and nothing can be smuggled by it here.
        self._lines = LineFraming(MAX_COMMAND_OCTETS, lenient=True)
        self.state = State.AUTHORIZATION
        self.utf8 = False
        """UTF-8 mode (RFC 6856 §2.1)."""

    @property
    def buffered(self) -> int:
        """Octets received that no command has told yet."""
        return self._lines.buffered

    def receive(self, octets: bytes) -> list[Command]:
        """The commands that are complete, up to `TOLD_AT_ONCE` or one whose answer decides how to go on."""
        self._lines.feed(octets)
        told: list[Command] = []
        while self.state is not State.ENDED and len(told) < TOLD_AT_ONCE:
            command = self._next()
            if command is None:
                break
            told.append(command)
            if isinstance(command, _DECISIVE):
                break
        return told

    def discard(self) -> int:
        """Forget what is buffered; how many octets that was."""
        return self._lines.discard()

    def refuse(self, command: Command) -> bytes | None:
        """The reply to a command that is out of place or none at all; `None` for one that may be served."""
        match command:
            case Unknown():
                return replies.error("unknown command")
            case Malformed(reason):
                return replies.error(reason)
            case TooLong():
                self._leave_exchange()
                return replies.error("line too long")
            case Stls() if self.utf8:
                # RFC 6856 §2.1: "Clients MUST NOT issue the STLS command after issuing UTF8"
                return replies.error("too late for TLS")
        if (self.state, type(command)) in TABLE:
            return None
        return replies.error(_OUT_OF_PLACE.get((self.state, type(command)), _DEFAULT[self.state]))

    def answer(self, command: Command, reply: bytes) -> bytes:
        """Take the reply for given: the state is what `+OK`, `-ERR` or a challenge leads to."""
        after = TABLE[self.state, type(command)]
        if reply.startswith(b"+ "):
            self._enter(State.EXCHANGE)
        else:
            accepted = reply.startswith(b"+OK")
            self.utf8 |= accepted and isinstance(command, Utf8)
            self._enter(after.ok if accepted else after.error)
        return reply

    def _next(self) -> Command | None:
        try:
            line = self._lines.line()
        except LineTooLong:
            return TooLong()
        if line is None:
            return None
        return Response(line) if self.state is State.EXCHANGE else parse(line)

    def _enter(self, state: State) -> None:
        self.state = state
        self._lines.limit = MAX_RESPONSE_OCTETS if state is State.EXCHANGE else MAX_COMMAND_OCTETS

    def _leave_exchange(self) -> None:
        if self.state is State.EXCHANGE:
            self._enter(State.AUTHORIZATION)


_DEFAULT: Final = {
    State.AUTHORIZATION: "log in first",
    State.NAMED: "log in first",
    State.EXCHANGE: "an exchange is under way",
    State.TRANSACTION: "already logged in",
    State.ENDED: "the session has ended",
}
_OUT_OF_PLACE: Final = {
    (State.AUTHORIZATION, Pass): "USER comes first",
    (State.TRANSACTION, Stls): "TLS comes before logging in",
    (State.TRANSACTION, Utf8): "UTF8 comes before logging in",
}
