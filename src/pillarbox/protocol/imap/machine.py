"""One client's IMAP connection without a socket: octets in, events out.

The machine owns what the RFCs say of the conversation itself: lines and literals, tags, limits, which
command is allowed when, what was enabled, the dialogues within a command (literals, IDLE, AUTHENTICATE).
Its session looks up, answers, and tells the machine what came of it: `authenticated`, `select`, `deselect`,
`enable`, `logged_out`, `tls_started`, and for dialogues `begin_idle`, `challenge`, `accept_message`,
`refuse_message`.

What the next octets mean depends on how the last command ended. So `receive` stops after an event that the
session must act on, and goes on with what is buffered when it is called again, with nothing if need be.
Always true:

1. The same octets give the same events, however they were cut, if the session does the same things.
2. Each command is answered: by the session (Received, MessageOffered, MessagesEnded), or in the machine's
   own words (Say, MessagesDropped, SaslAborted, IdleAborted, Farewell). Its tag is named if it could be
   read.
3. A literal's octets are never read as commands: refused ones that come all the same are swallowed, exactly
   counted.
4. What a command may occupy is bounded by `limits` before it is kept.
5. Nothing that came before TLS is looked at after it (RFC 9051 §6.2.1).
"""

from binascii import b2a_base64
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, assert_never

from pillarbox.protocol.imap import limits, response_codes, responses
from pillarbox.protocol.imap.capabilities import ENABLING, Terms, announced
from pillarbox.protocol.imap.commands import Append, Authenticate, Replace, enables_condstore
from pillarbox.protocol.imap.cursor import (
    LARGEST_64,
    AwaitsLiteral,
    Cursor,
    Malformed,
    Refused,
    decode_base64,
)
from pillarbox.protocol.imap.draft import Draft
from pillarbox.protocol.imap.events import (
    Event,
    Farewell,
    IdleAborted,
    IdleEnded,
    MessageOctets,
    MessageOffered,
    MessagesDropped,
    MessagesEnded,
    Offer,
    Received,
    SaslAborted,
    SaslResponse,
    Say,
)
from pillarbox.protocol.imap.grammar.append import MESSAGE_VERBS, offer
from pillarbox.protocol.imap.receiver import LineTooLong, LiteralCount, Receiver, literal_count
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.protocol.imap.states import TRANSITIONS, State, refusal

SASL_LINE_OCTETS: Final = 65536
"""One answer in AUTHENTICATE; beyond: BAD."""


class _Mode(Enum):
    """What the next octets are."""

    COMMAND = "lines of a command"
    LITERAL = "a literal that is kept"
    OFFERED = "nothing, until the session takes or refuses a message"
    MESSAGE = "a message that is handed on"
    AFTER_MESSAGE = "what follows a message"
    IDLE = "DONE"
    SASL = "a SASL response"
    CLOSED = "nothing any more"


class _Again:
    """A step was made and there is no event yet."""


_AGAIN: Final = _Again()
_HOLDING: Final = (Received, MessageOffered, MessagesEnded, SaslResponse, IdleEnded, Farewell)


class Machine:
    """The server's side of one IMAP connection."""

    __slots__ = (
        "_append_limit",
        "_bad",
        "_count",
        "_draft",
        "_left",
        "_message",
        "_mode",
        "_receiver",
        "enabled",
        "selected",
        "state",
        "terms",
    )

    def __init__(self, terms: Terms, *, append_limit: int = limits.MESSAGE_OCTETS) -> None:
        self.terms = terms
        self.state = State.NOT_AUTHENTICATED
        self.selected: SelectedMailbox | None = None
        """The mailbox as this client was told; not None exactly while the state is SELECTED."""
        self.enabled: frozenset[bytes] = frozenset()
        """What ENABLE or a command that implies it has switched on: names of `capabilities`, upper-case."""
        self._append_limit = append_limit
        self._receiver = Receiver()
        self._draft = Draft()
        self._mode = _Mode.COMMAND
        self._bad = 0
        self._message: tuple[Append | Replace, Offer, int] | None = None
        self._count: LiteralCount | None = None
        self._left = 0

    # What the session may ask

    @property
    def utf8(self) -> bool:
        """Whether names and quoted strings are UTF-8 now (RFC 9051 §5.1, RFC 6855 §3)."""
        return b"IMAP4REV2" in self.enabled or b"UTF8=ACCEPT" in self.enabled

    @property
    def rev2(self) -> bool:
        """Whether the client enabled IMAP4rev2: no RECENT, no UNSEEN code, ESEARCH for SEARCH."""
        return b"IMAP4REV2" in self.enabled

    @property
    def condstore(self) -> bool:
        """Whether unsolicited FETCH responses carry UID and MODSEQ (RFC 7162 §3.2.4)."""
        return b"CONDSTORE" in self.enabled

    @property
    def qresync(self) -> bool:
        """Whether VANISHED stands for EXPUNGE (RFC 7162 §3.2.10)."""
        return b"QRESYNC" in self.enabled

    @property
    def buffered(self) -> int:
        """Octets received that no event has told yet."""
        return self._receiver.buffered

    @property
    def limits(self) -> limits.Limits:
        """What one command may measure now."""
        return limits.STRANGER if self.state is State.NOT_AUTHENTICATED else limits.MEMBER

    def capabilities(self) -> tuple[bytes, ...]:
        """What CAPABILITY answers in this state."""
        return announced(
            self.terms,
            authenticated=self.state is not State.NOT_AUTHENTICATED,
            append_limit=self._append_limit,
        )

    # Octets in, events out

    def receive(self, octets: bytes) -> Sequence[Event]:
        """Take a chunk; return events up to the first that the session must act on. `b""` goes on."""
        self._receiver.feed(octets)
        events: list[Event] = []
        while (event := self._next()) is not None:
            events.append(event)
            if isinstance(event, _HOLDING):
                break
        return events

    def discard(self) -> int:
        """Forget what is buffered (TLS begins); how many octets that were."""
        dropped = self._receiver.buffered
        self._receiver.clear()
        return dropped

    # What came of commands

    def tls_started(self, terms: Terms) -> None:
        """TLS stands; what was learnt before it is forgotten (RFC 9051 §6.2.1)."""
        self.discard()
        self._forget()
        self.terms = terms

    def authenticated(self) -> None:
        """The client is who it says."""
        self._move(State.AUTHENTICATED)

    def enable(self, names: Sequence[str]) -> tuple[bytes, ...]:
        """ENABLE; the names that this switched on, for the ENABLED response (RFC 5161 §3.1)."""
        new: list[bytes] = []
        for name in names:
            row = ENABLING.get(name.upper().encode())
            if row and not self.enabled.issuperset(row.enables):
                self.enabled |= set(row.enables)
                new.append(row.name)
        return tuple(new)

    def select(self, mailbox: SelectedMailbox) -> None:
        """A mailbox is selected, in the place of any other."""
        self._move(State.SELECTED)
        self.selected = mailbox

    def deselect(self) -> None:
        """No mailbox is selected any more: CLOSE, UNSELECT, a SELECT that failed, or the mailbox is gone."""
        self.selected = None
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

    def logged_out(self) -> None:
        """Nothing is read any more."""
        self.state, self.selected, self._mode = State.LOGOUT, None, _Mode.CLOSED
        self.discard()

    # Dialogues within a command

    def begin_idle(self) -> bytes:
        """Take up IDLE; the continuation request to write. IdleEnded or IdleAborted follows."""
        self._mode = _Mode.IDLE
        return responses.continuation("idling")

    def challenge(self, octets: bytes) -> bytes:
        """Ask for a SASL response; the line to write. SaslResponse or SaslAborted follows."""
        self._mode = _Mode.SASL
        return b"+ %b\r\n" % b2a_base64(octets, newline=False)

    def accept_message(self) -> bytes:
        """Take the offered message; what to write, which is nothing where the client doesn't wait."""
        assert self._mode is _Mode.OFFERED
        assert self._count is not None
        self._mode = _Mode.MESSAGE
        return responses.continuation("Ready for the message") if self._count.synchronising else b""

    def refuse_message(self) -> None:
        """Don't take the offered message, nor any other of its command; the session writes the tagged NO."""
        assert self._mode is _Mode.OFFERED
        self._drop_rest(self._count)

    # Steps

    def _next(self) -> Event | None:
        while True:
            outcome = self._step()
            if not isinstance(outcome, _Again):
                return outcome

    def _step(self) -> Event | _Again | None:
        """Read on as far as one event or one change of mode; None where more octets are needed."""
        match self._mode:
            case _Mode.COMMAND:
                return self._step_command()
            case _Mode.LITERAL:
                return self._step_literal()
            case _Mode.MESSAGE:
                return self._step_message()
            case _Mode.AFTER_MESSAGE:
                return self._step_after_message()
            case _Mode.IDLE:
                return self._step_idle()
            case _Mode.SASL:
                return self._step_sasl()
            case _Mode.OFFERED:
                return None
            case _Mode.CLOSED:
                self._receiver.clear()
                return None
            case _:
                assert_never(self._mode)

    def _step_command(self) -> Event | _Again | None:
        try:
            line = self._receiver.line(self.limits.line_octets - self._draft.text_octets)
        except LineTooLong:
            return self._line_too_long()
        if line is None:
            return None
        count = literal_count(line)
        first = not self._draft.begun
        self._draft.add_line(line)
        if first and (event := self._welcome_verb(count)):
            return event
        return self._read_count(count) if count else self._interpret()

    def _step_literal(self) -> Event | _Again | None:
        if self._left:
            piece = self._receiver.piece(self._left)
            if not piece:
                return None
            self._draft.add_piece(piece)
            self._left -= len(piece)
            return _AGAIN
        self._draft.end_literal()
        self._mode = _Mode.COMMAND
        return _AGAIN

    def _step_message(self) -> Event | _Again | None:
        if not self._left:
            self._mode = _Mode.AFTER_MESSAGE
            return _AGAIN
        piece = self._receiver.piece(self._left)
        if not piece:
            return None
        self._left -= len(piece)
        return MessageOctets(piece)

    def _step_after_message(self) -> Event | _Again | None:
        assert self._message is not None
        try:
            line = self._receiver.line(self.limits.line_octets)
        except LineTooLong:
            return _as(MessagesDropped, self._line_too_long())
        if line is None:
            return None
        command, taken, index = self._message
        cursor = Cursor(line, enabled=self.enabled)
        if taken.utf8 and not cursor.skip(b")"):
            return _as(
                MessagesDropped, self._refuse(literal_count(line), "Expected the end of the UTF8 message")
            )
        if not line[cursor.at :].strip(b" "):
            tag = self._draft.tag
            self._forget()
            self._mode = _Mode.COMMAND
            self._bad = 0
            return MessagesEnded(tag, command)
        if not isinstance(command, Append):
            return _as(MessagesDropped, self._refuse(literal_count(line), "REPLACE takes one message"))
        event = self._read_offer(cursor, command, index + 1)
        return event if isinstance(event, MessageOffered) else _as(MessagesDropped, event)

    def _step_idle(self) -> Event | _Again | None:
        try:
            line = self._receiver.line(self.limits.line_octets)
        except LineTooLong:
            return _as(IdleAborted, self._line_too_long())
        if line is None:
            return None
        tag = self._draft.tag
        self._mode = _Mode.COMMAND
        if line.upper() == b"DONE":
            return IdleEnded(tag)
        # RFC 9051 §6.3.13: a client must not send a command while it idles
        return _as(IdleAborted, self._refuse(literal_count(line), "Expected DONE"))

    def _step_sasl(self) -> Event | _Again | None:
        try:
            line = self._receiver.line(SASL_LINE_OCTETS)
        except LineTooLong:
            return _as(SaslAborted, self._line_too_long())
        if line is None:
            return None
        self._mode = _Mode.COMMAND
        # RFC 9051 §6.2.2: "*" cancels, and is answered with BAD
        if line == b"*":
            return SaslAborted(responses.bad(self._draft.tag, "Authentication cancelled"))
        try:
            return SaslResponse(decode_base64(line))
        except Malformed:
            return _as(SaslAborted, self._refuse(None, "Not base64"))

    # A command from its first line to its value

    def _welcome_verb(self, count: LiteralCount | None) -> Event | None:
        """Whether the command is welcome, by its first line alone; an event where it is not."""
        if not self._draft.read_head():
            return self._refuse(count, "Expected a tag and a command")
        verb = self._draft.verb
        if why := refusal(self.state, verb):
            return self._refuse(count, why)
        if verb == b"STARTTLS" and not self.terms.starttls:
            return self._refuse(count, "TLS is not to be had here")
        # RFC 9051 §6.2.3: while LOGINDISABLED is announced, LOGIN fails whatever the password
        if verb == b"LOGIN" and not self.terms.login:
            return self._deny(count, "LOGIN needs TLS", response_codes.PRIVACYREQUIRED)
        return None

    def _read_count(self, count: LiteralCount) -> Event | _Again:
        """A literal follows: a message to offer, or an argument to keep."""
        if count.size > LARGEST_64:
            return self._farewell(responses.bad(self._draft.tag, "Literal too large", response_codes.LIMIT))
        if self._draft.verb in MESSAGE_VERBS:
            try:
                command, cursor = self._draft.parse(self.enabled)
            except AwaitsLiteral:
                pass  # the mailbox's name is the literal
            except Malformed as wrong:
                return self._refuse(count, str(wrong))
            except Refused as wrong:
                return self._deny(count, str(wrong), wrong.code)
            else:
                assert isinstance(command, Append | Replace)
                return self._read_offer(cursor, command, 0)
        self._draft.literal_octets += count.size
        if self._draft.literal_octets > self.limits.literal_octets:
            return self._deny(count, "Literal too large", response_codes.LIMIT)
        self._mode, self._left = _Mode.LITERAL, count.size
        return Say(responses.continuation()) if count.synchronising else _AGAIN

    def _read_offer(
        self, cursor: Cursor, command: Append | Replace, index: int
    ) -> MessageOffered | Say | Farewell:
        count = literal_count(cursor.text)
        try:
            offered = offer(cursor)
        except Malformed as wrong:
            return self._refuse(count, str(wrong))
        except Refused as wrong:
            return self._deny(count, str(wrong), wrong.code)
        # RFC 3502 §6.3.11: a message of no octets is an error, and a way to cancel
        if not offered.size:
            return self._deny(count, "A message can't be empty", None)
        if offered.size > self._append_limit:
            return self._deny(count, "Message too large", response_codes.TOOBIG)
        if index:
            self._draft.literal_octets += offered.size
        if index >= limits.APPEND_MESSAGES or self._draft.literal_octets > limits.APPEND_OCTETS:
            return self._deny(count, "Too much for one command", response_codes.LIMIT)
        self._mode, self._left, self._count = _Mode.OFFERED, offered.size, count
        self._message = (command, offered, index)
        return MessageOffered(self._draft.tag, command, offered, index)

    def _interpret(self) -> Event:
        """A whole command is here."""
        try:
            command, cursor = self._draft.parse(self.enabled)
            cursor.end()
        except Malformed as wrong:
            return self._refuse(None, str(wrong))
        except Refused as wrong:
            return self._deny(None, str(wrong), wrong.code)
        if isinstance(command, Append | Replace):
            return self._refuse(None, "Expected a message as a literal")
        if isinstance(command, Authenticate) and command.mechanism not in self.terms.mechanisms:
            return self._deny(None, "Unknown authentication mechanism", None)
        enabling = not self.condstore and enables_condstore(command)
        if enabling:
            self.enabled |= {b"CONDSTORE"}
        self._bad = 0
        self._draft.clear()
        return Received(self._draft.tag, command, enabling)

    # Refusals

    def _refuse(self, count: LiteralCount | None, why: str) -> Say | Farewell:
        """BAD, and what the client sends of the command anyway is dropped."""
        return self._after_bad(count, responses.bad(self._draft.tag, why))

    def _deny(self, count: LiteralCount | None, why: str, code: bytes | None) -> Say:
        """NO, and what the client sends of the command anyway is dropped."""
        answer = responses.no(self._draft.tag, why, code)
        self._drop_rest(count)
        return Say(answer)

    def _line_too_long(self) -> Say | Farewell:
        if self._mode is _Mode.COMMAND and not self._draft.begun:
            self._draft.read_tag(self._receiver.peek(256))
        event = self._after_bad(None, responses.bad(self._draft.tag, "Line too long", response_codes.LIMIT))
        self._receiver.drop_line()
        return event

    def _after_bad(self, count: LiteralCount | None, answer: bytes) -> Say | Farewell:
        self._bad += 1
        if self._bad > self.limits.bad_commands:
            return self._farewell(answer)
        if count and count.size > LARGEST_64:
            return self._farewell(answer)
        self._drop_rest(count)
        return Say(answer)

    def _farewell(self, answer: bytes) -> Farewell:
        self.logged_out()
        return Farewell(answer + responses.bye("Too much that can't be understood"))

    def _drop_rest(self, count: LiteralCount | None) -> None:
        """Forget the command; what of it is under way is not to be read as another one."""
        self._forget()
        self._receiver.drop_command(count)
        self._mode = _Mode.COMMAND

    def _forget(self) -> None:
        self._draft.clear()
        self._message = self._count = None
        self._left = 0

    def _move(self, state: State) -> None:
        assert state in TRANSITIONS[self.state, self._draft.verb], (
            f"{self._draft.verb!r} does not lead to {state}"
        )
        self.state = state


def _as(kind: Callable[[bytes], Event], event: Say | Farewell) -> Event:
    """The same words as the end of a dialogue; a farewell stays one."""
    return kind(event.octets) if isinstance(event, Say) else event
