"""The server's side of SMTP and LMTP as a machine: octets in, commands and message data out.

What is always true:

1. Only CRLF ends a command; a line that ends in LF alone ends the connection, since its sender and we would
   not agree about what is a line. Only `<CRLF>.<CRLF>` ends DATA (RFC 5321 §4.1.1.4).
2. After DATA, AUTH, STARTTLS and QUIT the machine *holds*: what follows is not read until the session has
   answered, so that no octet is ever read under two meanings.
3. The octets of a BDAT chunk are never read as commands, whether the chunk is accepted or not.
4. Any chunking of the same octets yields the same commands and the same message.

The session asks `refusal` whether a command may come now, executes it, and calls `succeeded`; the table
of `states` does the rest. Message data comes in pieces: see `Piece`, `MessageEnd`, `ChunkEnd`.

Lines are not read by `protocol.framing`: a bare LF must end the connection at once rather than be part of a
line, and the same buffer holds message data, of which a whole message is cut out without a copy in between.
"""

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.protocol.smtp import grammar, replies
from pillarbox.protocol.smtp.capabilities import Conditions, Offer, offered
from pillarbox.protocol.smtp.commands import Bdat, Command, RejectedCommand, Verb
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.protocol.smtp.states import TABLE, State, after_chunk

MAX_COMMAND_OCTETS = 2048
"""The longest command line: 512 (RFC 5321 §4.5.3.1.4), and room for extensions: ORCPT alone asks for 500."""
MAX_AUTH_OCTETS = 12_288
"""The longest line of an AUTH exchange (RFC 4954 §4)."""
PIECE_OCTETS = 64 * 1024
"""When this much of a message is buffered it becomes a `Piece`, so that a large one is never held here."""

MAX_EVENTS = 256
"""Events of one `receive`; the rest waits until these are handled. A client that floods us with commands is mostly
disconnected before all of them were read."""

MAX_CHUNK_MESSAGES = 16
"""A chunk larger than so many messages of the largest size is refused at once and ends the session. A smaller
one that is too large is read to its end first, as RFC 3030 §2 asks, so that its sender gets the answer."""

_CR = 13
_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_HOLDING = frozenset({Verb.DATA, Verb.AUTH, Verb.STARTTLS, Verb.QUIT})


class Piece(Struct, frozen=True, gc=False):
    """Octets of a message, dots removed; more follow."""

    octets: bytes
    chunk: bool = False
    """Whether they came by BDAT."""


class MessageEnd(Struct, frozen=True, gc=False):
    """The last octets of a message that came by DATA. The answer decides what becomes of it."""

    octets: bytes


class ChunkEnd(Struct, frozen=True, gc=False):
    """The last octets of a BDAT chunk. Answered once; to the last chunk the answer is the message's."""

    octets: bytes
    chunk: Bdat


class Response(Struct, frozen=True, gc=False):
    """A line of an AUTH exchange, decoded; or the reply that ends the exchange."""

    octets: bytes | None
    refusal: Reply | None = None


Event = Command | RejectedCommand | Piece | MessageEnd | ChunkEnd | Response


class SmtpMachine:
    """One session's machine."""

    __slots__ = (
        "_at",
        "_buffer",
        "_chunk",
        "_chunk_left",
        "_dotted",
        "_held",
        "_line_start",
        "_overlong",
        "_pending",
        "_searched",
        "conditions",
        "offer",
        "state",
    )

    def __init__(self, conditions: Conditions) -> None:
        self.state = State.START
        self.conditions = conditions
        self.offer: Offer = offered(conditions)
        self._buffer = b""
        self._at = (
            0  # from here on the buffer is not read yet: cutting each line off would copy the rest each time
        )
        self._held = False
        self._overlong = False  # in a line that was refused for its length
        self._line_start = True  # the next octet of the message begins a line
        self._dotted = False  # the buffer holds a line of the message that begins with a dot
        self._searched = 0  # octets of the buffer in which no end of data begins
        self._chunk: Bdat | None = None
        self._chunk_left = 0
        self._pending = 0  # events of the last read that are not handled yet

    # --- octets in, events out

    @property
    def buffered(self) -> int:
        """Octets received that are part of no event yet."""
        return len(self._buffer) - self._at

    def receive(self, octets: bytes) -> list[Event]:
        """Take a chunk of any size; return the events that are now complete, as far as `MAX_EVENTS`."""
        if self.state is State.END:
            return []
        if not self._buffer:
            self._buffer = bytes(octets)
        elif octets:
            self._buffer, self._at = self._rest() + octets, 0
        events: list[Event] = []
        size = len(self._buffer)
        while self._at < size and not self._held and len(events) < MAX_EVENTS:
            event = self._next()
            if event is None:
                break
            events.append(event)
        # What was read is let go, where little is copied for it
        if self._at == size:
            self._buffer, self._at = b"", 0
        elif self._at * 2 > size:
            self._buffer, self._at = self._rest(), 0
        self._pending = len(events)
        return events

    def handled(self) -> bool:
        """An event was handled; returns whether it was the last, so that answers should be sent now."""
        self._pending -= 1
        return self._pending <= 0

    def discard(self) -> int:
        """Drop what is buffered: TLS begins (RFC 3207 §6); return how many octets."""
        dropped = self.buffered
        self._buffer, self._at = b"", 0
        return dropped

    def _rest(self) -> bytes:
        """What is not read yet."""
        return self._buffer[self._at :] if self._at else self._buffer

    def _next(self) -> Event | None:
        if self._chunk is not None:
            return self._next_chunk(self._chunk)
        if self.state is State.DATA:
            return self._next_data()
        line = self._next_line(MAX_AUTH_OCTETS)
        if not isinstance(line, bytes):
            return line
        return self._response(line) if self.state is State.AUTH else self._command(line)

    # --- lines

    def _next_line(self, limit: int) -> bytes | RejectedCommand | Response | None:
        buffer, start = self._buffer, self._at
        end = buffer.find(b"\n", start)
        if not self._overlong and (len(buffer) if end < 0 else end + 1) - start > limit:
            self._overlong = True
            self._drop_line(end)
            return self._too_long()
        if end < 0:
            if self._overlong:
                self._drop_line(end)
            return None
        if end == start or buffer[end - 1] != _CR:
            return self._lone_line_feed()
        self._at = end + 1
        if self._overlong:
            self._overlong = False
            return self._next_line(limit) if self.buffered else None
        return buffer[start : end - 1]

    def _drop_line(self, end: int) -> None:
        """Of a line that is too long, keep what may be its end."""
        buffer = self._buffer
        self._at = max(self._at, end - 1 if end >= 0 else len(buffer) - buffer.endswith(b"\r"))

    def _too_long(self) -> RejectedCommand | Response:
        if self.state is State.AUTH:
            self._held = True
            return Response(None, replies.AUTH_TOO_LONG)
        return RejectedCommand(replies.LINE_TOO_LONG)

    def _lone_line_feed(self) -> RejectedCommand:
        # RFC 5321 §2.3.8: LF alone is no line end; reading on would allow two interpretations
        self._held = True
        return RejectedCommand(replies.LINE_END, fatal=True)

    def _command(self, line: bytes) -> Event:
        if len(line) > MAX_COMMAND_OCTETS - 2 and line[:5].upper() != b"AUTH ":
            return RejectedCommand(replies.LINE_TOO_LONG)
        command = grammar.read(line, self.offer, self.conditions.role)
        if isinstance(command, RejectedCommand):
            self._held = command.fatal
        elif isinstance(command, Bdat):
            if command.octets > MAX_CHUNK_MESSAGES * self.conditions.message_octets:
                self._held = True
                return RejectedCommand(replies.TOO_LARGE, fatal=True)
            self._chunk, self._chunk_left = command, command.octets
            return self._chunk_begun(command)
        else:
            self._held = command.verb in _HOLDING
        return command

    def _response(self, line: bytes) -> Response:
        self._held = True
        if line == b"*":
            # RFC 4954 §4: the client cancels
            return Response(None, replies.AUTH_CANCELLED)
        octets = grammar.decode_response(line) if line else b""
        return Response(octets, None if octets is not None else replies.AUTH_BASE64)

    # --- message data

    def _next_data(self) -> Piece | MessageEnd | None:
        buffer, start = self._buffer, self._at
        if self._line_start and buffer.startswith(b".\r\n", start):
            self._at = start + 3
            return self._message_ended(b"")
        # Most messages hold no line that begins with a dot but the one that ends them: one search then does
        end = buffer.find(_DOT, start + self._searched)
        if end >= 0 and not buffer.startswith(_END, end):
            self._dotted = True
            end = buffer.find(_END, end)
        if end >= 0:
            self._at = end + len(_END)
            return self._message_ended(self._without_dots(buffer[start : end + 2]))
        if len(buffer) - start < PIECE_OCTETS:
            self._searched = max(0, len(buffer) - start - len(_END) + 1)
            return None
        return self._cut_piece(buffer, start)

    def _cut_piece(self, buffer: bytes, start: int) -> Piece:
        """The whole lines of the buffer; of a line longer than that, all but what may begin its end."""
        cut = buffer.rfind(b"\r\n", start) + 2
        whole_lines = cut > 1
        if not whole_lines:
            cut = len(buffer) - buffer.endswith(b"\r")
        piece = Piece(self._without_dots(buffer[start:cut]))
        self._at, self._line_start, self._searched = cut, whole_lines, 0
        return piece

    def _without_dots(self, octets: bytes) -> bytes:
        # RFC 5321 §4.5.2: of a line that begins with a dot, the dot is deleted
        if self._line_start and octets.startswith(b"."):
            octets = octets[1:]
        if not self._dotted:
            return octets
        self._dotted = False
        return octets.replace(_DOT, b"\r\n")

    def _message_ended(self, octets: bytes) -> MessageEnd:
        self.state = State.IDLE
        self._line_start, self._searched = True, 0
        return MessageEnd(octets)

    def _chunk_begun(self, chunk: Bdat) -> Event:
        event = self._next_chunk(chunk)
        return Piece(b"", chunk=True) if event is None else event

    def _next_chunk(self, chunk: Bdat) -> Piece | ChunkEnd | None:
        start, end = self._at, self._at + self._chunk_left
        if len(self._buffer) >= end:
            self._at, self._chunk = end, None
            return ChunkEnd(self._buffer[start:end], chunk)
        if not self.buffered:
            return None
        octets, self._at = self._rest(), len(self._buffer)
        self._chunk_left -= len(octets)
        return Piece(octets, chunk=True)

    # --- what the session reports

    def refusal(self, command: Command) -> Reply | None:
        """Why this command may not come now; `None` where it may. After a refusal reading goes on."""
        step = TABLE[self.state, command.verb]
        if isinstance(step, State):
            return None
        self._held = False
        return step

    def succeeded(self, command: Command) -> None:
        """The command was answered positively (STARTTLS: 220; DATA: 354)."""
        step = TABLE[self.state, command.verb]
        assert isinstance(step, State), f"{command} in {self.state} was refused by the table"
        self.state = step
        self._held = step is State.END

    def failed(self) -> None:
        """The command was refused by the session: the state stays, and reading goes on."""
        self._held = False

    def expect_response(self) -> None:
        """A challenge was sent: the next line belongs to the AUTH exchange."""
        self.state, self._held = State.AUTH, False

    def authentication_ended(self) -> None:
        """The exchange was answered with 235 or a failure."""
        self.state, self._held = State.IDLE, False

    def refuses_chunks(self) -> bool:
        """Whether the octets of a chunk that is being read will be dropped."""
        return not isinstance(TABLE[self.state, Verb.BDAT], State)

    def chunk_answered(self, chunk: Bdat, *, accepted: bool) -> None:
        """A chunk was read and answered."""
        self.state = after_chunk(self.state, accepted=accepted, last=chunk.last)

    def tls_started(self) -> None:
        """TLS is active: the session restarts, and keeps nothing from before (RFC 3207 §4.2)."""
        self.state, self._held = State.START, False
        self.discard()

    def close(self) -> None:
        """Read nothing more."""
        self.state, self._held = State.END, True
        self.discard()

    def change(self, **conditions: object) -> None:
        """The offer changes: TLS is active, or the client is authenticated."""
        self.conditions = replace(self.conditions, **conditions)
        self.offer = offered(self.conditions)
