"""One client's IMAP connection without a socket: octets in, events out.

The machine implements the dialogue itself: lines and literals, tags, limits, which
command is allowed when, what was enabled, the dialogues within a command (literals, IDLE, AUTHENTICATE).
The session carries out commands and reports the results to the machine: `authenticated`, `select`, `deselect`,
`enable`, `logged_out`, `tls_started`, and for dialogues `begin_idle`, `challenge`, `accept_message`,
`refuse_message`.

What the next octets mean depends on how the last command ended. So `receive` stops after an event that the
session must act on, and goes on with what is buffered when it is called again, with nothing if need be.
Always true:

1. The same octets give the same events, however they were cut, if the session does the same things.
2. Each command is answered: by the session (Received, MessageOffered, MessagesEnded), or by the machine
   itself (Response, MessagesDropped, SaslAborted, IdleAborted, Bye). The response has its tag if the tag
   could be read.
3. A literal's octets are never read as commands: refused ones that come all the same are skipped, exactly
   counted.
4. What a command may occupy is bounded by `limits` before it is kept.
5. Nothing that was received before TLS is looked at after it (RFC 9051 §6.2.1).
"""

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Final, assert_never

from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.capabilities import ENABLING, Conditions, offered, with_jmap
from pillarbox.protocol.imap.command_steps import step_command, step_literal
from pillarbox.protocol.imap.command_table import COMMANDS
from pillarbox.protocol.imap.dialogue_steps import step_idle, step_sasl
from pillarbox.protocol.imap.events import (
    Bye,
    Event,
    IdleEnded,
    MessageOffered,
    MessagesEnded,
    Received,
    SaslResponse,
)
from pillarbox.protocol.imap.message_steps import step_after_message, step_message
from pillarbox.protocol.imap.parser_state import Again, Mode, ParserState
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.protocol.imap.states import State

_STOPS: Final = (Received, MessageOffered, MessagesEnded, SaslResponse, IdleEnded, Bye)
"""Events that the session must act on before more octets are read."""


class Machine(ParserState):
    """The server's side of one IMAP connection."""

    __slots__ = ()

    def __init__(self, conditions: Conditions, *, append_limit: int) -> None:
        """`append_limit`: octets of one message of APPEND. Beyond: NO [TOOBIG] (RFC 7889 §4)."""
        super().__init__(conditions, append_limit)

    # --- what the session may ask

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
        """Whether VANISHED replaces EXPUNGE (RFC 7162 §3.2.10)."""
        return b"QRESYNC" in self.enabled

    @property
    def buffered(self) -> int:
        """Octets received that are part of no event yet."""
        return self.receiver.buffered

    def capabilities(self) -> tuple[bytes, ...]:
        """What CAPABILITY answers in this state."""
        return offered(
            self.conditions,
            authenticated=self.state is not State.NOT_AUTHENTICATED,
            append_limit=self.append_limit,
        )

    # --- octets in, events out

    def receive(self, octets: bytes) -> Sequence[Event]:
        """Take a chunk; return events up to the first that the session must act on. `b""` goes on."""
        self.receiver.feed(octets)
        events: list[Event] = []
        while True:
            # The usual mode without a call between, since this is taken for every command
            outcome = step_command(self) if self.mode is Mode.COMMAND else self._step()
            if outcome is None:
                return events
            if not isinstance(outcome, Again):
                events.append(outcome)
                if isinstance(outcome, _STOPS):
                    return events

    def _step(self) -> Event | Again | None:
        """Read on as far as one event or one change of mode; None where more octets are needed."""
        match self.mode:
            case Mode.COMMAND:
                return step_command(self)
            case Mode.LITERAL:
                return step_literal(self)
            case Mode.MESSAGE:
                return step_message(self)
            case Mode.AFTER_MESSAGE:
                return step_after_message(self)
            case Mode.IDLE:
                return step_idle(self)
            case Mode.SASL:
                return step_sasl(self)
            case Mode.OFFERED:
                return None
            case Mode.CLOSED:
                self.receiver.clear()
                return None
            case _:
                assert_never(self.mode)

    def discard(self) -> int:
        """Drop what is buffered, because TLS begins; how many octets that were."""
        dropped = self.receiver.buffered
        self.receiver.clear()
        return dropped

    # --- results of commands

    def tls_started(self, conditions: Conditions) -> None:
        """TLS is active; what was learnt before it is forgotten (RFC 9051 §6.2.1)."""
        self.discard()
        self.forget_command()
        self.conditions = conditions

    def authenticated(self, *, jmap: bool = False) -> None:
        """The client has logged in; `jmap`: with what is good for JMAP as well."""
        if jmap:
            self.conditions = with_jmap(self.conditions)
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
        """A mailbox is selected, in place of any other."""
        self._move(State.SELECTED)
        self.selected = mailbox

    def logged_out(self) -> None:
        """Further octets are ignored."""
        self.close()

    def _move(self, state: State) -> None:
        verb = self.draft.verb
        assert state in COMMANDS[verb].transitions[self.state], f"{verb!r} does not lead to {state}"
        self.state = state

    # --- dialogues within a command

    def begin_idle(self) -> bytes:
        """Begin IDLE; the continuation request to write. IdleEnded or IdleAborted follows."""
        self.mode = Mode.IDLE
        return responses.continuation("idling")

    def challenge(self, octets: bytes) -> bytes:
        """Ask for a SASL response; the line to write. SaslResponse or SaslAborted follows."""
        self.mode = Mode.SASL
        return b"+ %b\r\n" % b2a_base64(octets, newline=False)

    @property
    def message_waits(self) -> bool:
        """Whether the offered message comes only once it is accepted (RFC 9051 §4.3)."""
        return self.count is not None and self.count.synchronizing

    def accept_message(self) -> bytes:
        """Accept the offered message; what to write, which is nothing where the client doesn't wait."""
        assert self.mode is Mode.OFFERED
        self.mode = Mode.MESSAGE
        return responses.continuation("Ready for literal data") if self.message_waits else b""

    def refuse_message(self) -> None:
        """Refuse the offered message, and with it the command; the session writes the tagged NO."""
        assert self.mode is Mode.OFFERED
        self.skip_command(self.count)
