"""The POP3 machine: lines in, commands out; replies in, states followed.

    session                          machine
      events = receive(octets)       lines become commands
      refuse(command) -> octets      out of place (see `states`): refused without asking the session
      answer(command, reply)         the reply moves the state, by how it begins

Always true: nothing is returned after AUTH, a SASL response, STLS or QUIT until that is answered, since the
answer decides what the next octets are. Within a SASL exchange every line is a response, whatever it looks
like.
"""

from typing import Final

from pillarbox.protocol.framing import LineFraming, LineTooLong
from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import (
    Auth,
    Command,
    Malformed,
    Quit,
    Response,
    Stls,
    TooLong,
    Unknown,
    Utf8,
    parse,
)
from pillarbox.protocol.pop3.states import TABLE, State, out_of_place
from pillarbox.protocol.sasl.line import MAX_LINE_OCTETS

MAX_COMMAND_OCTETS: Final = 1024
"""Octets of a command, CRLF included. RFC 2449 §4 asks for 255; initial SASL responses may be longer."""
MAX_RESPONSE_OCTETS: Final = MAX_LINE_OCTETS + 2
"""Octets of a SASL response, CRLF included."""

MAX_COMMANDS_AT_ONCE: Final = 256
"""Commands returned by one `receive`; the rest waits until these are handled."""

_DECISIVE: Final = (Auth, Response, Stls, Quit, TooLong)
"""Commands whose answer decides what the next octets are."""


class Machine:
    """Reads one client's lines and follows the state of the session."""

    __slots__ = ("_lines", "state", "utf8")

    def __init__(self) -> None:
        # RFC 1939 §3 has CRLF only; a bare LF is accepted for people at a terminal, and does no harm here.
        self._lines = LineFraming(MAX_COMMAND_OCTETS, lenient=True)
        self.state = State.AUTHORIZATION
        self.utf8 = False
        """UTF-8 mode (RFC 6856 §2.1)."""

    @property
    def buffered(self) -> int:
        """Octets received that are not yet returned as commands."""
        return self._lines.buffered

    def receive(self, octets: bytes) -> list[Command]:
        """The commands that are complete, up to `MAX_COMMANDS_AT_ONCE` or one whose answer decides how to go on."""
        self._lines.feed(octets)
        found: list[Command] = []
        while self.state is not State.ENDED and len(found) < MAX_COMMANDS_AT_ONCE:
            command = self._next()
            if command is None:
                break
            found.append(command)
            if isinstance(command, _DECISIVE):
                break
        return found

    def discard(self) -> int:
        """Drop what is buffered; returns how many octets that were."""
        return self._lines.discard()

    def refuse(self, command: Command) -> bytes | None:
        """The reply to a command that is invalid or out of place; `None` for one that may be carried out."""
        if (self.state, type(command)) in TABLE and not self.utf8:
            return None
        match command:
            case Unknown():
                return replies.error("Unknown command.")
            case Malformed(reason):
                return replies.error(reason)
            case TooLong():
                self._leave_exchange()
                return replies.error("Input line too long.")
            case Stls() if self.utf8:
                # RFC 6856 §2.1: "Clients MUST NOT issue the STLS command after issuing UTF8"
                return replies.error("STLS not allowed after UTF8.")
        if (self.state, type(command)) in TABLE:
            return None
        return replies.error(out_of_place(self.state, type(command)))

    def answer(self, command: Command, reply: bytes) -> bytes:
        """Enter the state that the reply (`+OK`, `-ERR` or a challenge) leads to; returns the reply."""
        after = TABLE[self.state, type(command)]
        if reply.startswith(b"+ "):
            self._enter(State.EXCHANGE)
        else:
            accepted = reply.startswith(b"+OK")
            self.utf8 |= accepted and isinstance(command, Utf8)
            state = after.ok if accepted else after.error
            if state is not self.state:
                self._enter(state)
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
