"""What the machine keeps between two chunks of octets, and how it refuses a command.

The functions of `command_steps`, `message_steps` and `dialogue_steps` read on from here; `machine.Machine` is this
and what the session may call.
"""

from enum import Enum
from typing import Final

from pillarbox.mail.number_set import EMPTY
from pillarbox.protocol.imap import limits, response_codes, responses
from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.command_table import selects
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.draft import Draft
from pillarbox.protocol.imap.events import Bye, MessageParameters, Response
from pillarbox.protocol.imap.receiver import LineTooLong, LiteralCount, Receiver
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.protocol.imap.states import State

_HEAD_OCTETS: Final = 512
"""More than the longest tag with its verb."""
_NOTHING: Final[frozenset[bytes]] = frozenset()
"""One for all: each empty set that is made takes 216 octets."""


class Mode(Enum):
    """What the next octets are."""

    COMMAND = "lines of a command"
    LITERAL = "a literal that is kept"
    OFFERED = "nothing, until the session accepts or refuses a message"
    MESSAGE = "a message that is passed on"
    AFTER_MESSAGE = "what follows a message"
    IDLE = "DONE"
    SASL = "a SASL response"
    CLOSED = "ignored"


class Again:
    """A step was made and there is no event yet."""


AGAIN = Again()


class ParserState:
    """The state of one connection's parser."""

    __slots__ = (
        "append_limit",
        "bad_commands",
        "conditions",
        "count",
        "draft",
        "enabled",
        "message",
        "mode",
        "receiver",
        "remaining",
        "selected",
        "state",
    )

    def __init__(self, conditions: Conditions, append_limit: int) -> None:
        self.conditions = conditions
        """Under which a client may log in."""
        self.append_limit = append_limit
        """Octets of one message."""
        self.state = State.NOT_AUTHENTICATED
        self.selected: SelectedMailbox | None = None
        """The mailbox as this client knows it; not None exactly while the state is SELECTED."""
        self.enabled = _NOTHING
        """What ENABLE or a command that implies it has switched on: names of `capabilities`, upper-case."""
        self.receiver = Receiver()
        self.draft = Draft()
        self.mode = Mode.COMMAND
        self.bad_commands = 0
        """BAD responses since the last good command."""
        self.message: tuple[Append | Replace, MessageParameters, int] | None = None
        """The message being sent, and its index in the command."""
        self.count: LiteralCount | None = None
        """Of the message that was offered."""
        self.remaining = 0
        """Octets of the literal or message in progress that have not come."""

    @property
    def limits(self) -> limits.Limits:
        """The limits of one command now."""
        if self.state is not State.NOT_AUTHENTICATED:
            return limits.AFTER_LOGIN
        identifies = self.draft.begun and self.draft.verb == b"ID"
        return limits.ID_BEFORE_LOGIN if identifies else limits.BEFORE_LOGIN

    def line(self) -> bytes | None:
        """The command's next line, as `Receiver.line`: before login, only that of ID may be so long."""
        if self.state is not State.NOT_AUTHENTICATED:
            return self.receiver.line(limits.AFTER_LOGIN.line_octets - self.draft.text_octets)
        try:
            return self.receiver.line(self.limits.line_octets - self.draft.text_octets)
        except LineTooLong:
            if (
                self.draft.begun
                or not self.draft.read_head(self.receiver.peek(_HEAD_OCTETS))
                or self.draft.verb != b"ID"
            ):
                raise
            return self.receiver.line(limits.ID_BEFORE_LOGIN.line_octets)

    def forget_command(self) -> None:
        """Drop the command in progress; its tag stays, for responses that are still due."""
        self.draft.clear()
        self.message = self.count = None
        self.remaining = 0

    def deselect(self) -> None:
        """No mailbox is selected any more: CLOSE, UNSELECT, a SELECT that failed, or the mailbox is gone."""
        self.selected = None
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

    def close(self) -> None:
        """Ignore all further octets."""
        self.state, self.selected, self.mode = State.LOGOUT, None, Mode.CLOSED
        self.receiver.clear()
        self.forget_command()

    # --- refusals

    def bad(self, count: LiteralCount | None, why: str) -> Response | Bye:
        """BAD; what the client sends of the command anyway is skipped. `count`: how its last line ended."""
        return self._after_bad(count, responses.bad(self.draft.tag, why))

    def no(self, count: LiteralCount | None, why: str, code: bytes | None) -> Response | Bye:
        """NO; what the client sends of the command anyway is skipped. Before login it counts as BAD does."""
        answer = responses.no(self.draft.tag, why, code)
        if self.selected is not None and self.draft.saves:
            self.selected.saved = EMPTY  # RFC 5182 §2.1: whatever the NO is for, but no BAD
        return (
            self._after_bad(count, answer)
            if self.state is State.NOT_AUTHENTICATED
            else self._refused(count, answer)
        )

    def line_too_long(self) -> Response | Bye:
        """BAD for a line beyond its limit; the rest of the line is skipped."""
        if self.mode is Mode.COMMAND and not self.draft.begun:
            self.draft.read_head(self.receiver.peek(_HEAD_OCTETS))
        event = self._after_bad(None, responses.bad(self.draft.tag, "Line too long", response_codes.LIMIT))
        self.receiver.drop_line()
        return event

    def bye(self, answer: bytes, why: str = "Too many invalid IMAP commands") -> Bye:
        """Give up on this client, after this response."""
        self.close()
        return Bye(answer + responses.bye(why))

    def skip_command(self, count: LiteralCount | None) -> None:
        """Forget the command; what of it is still to come is not read as another one."""
        self.forget_command()
        self.receiver.drop_command(count)
        self.mode = Mode.COMMAND

    def _after_bad(self, count: LiteralCount | None, answer: bytes) -> Response | Bye:
        self.bad_commands += 1
        if self.bad_commands > self.limits.bad_commands:
            return self.bye(answer)
        return self._refused(count, answer)

    def _refused(self, count: LiteralCount | None, answer: bytes) -> Response | Bye:
        # RFC 9051 §6.3.2: SELECT deselects before it attempts the selection, so whatever it fails by, BAD as well as
        # NO, nothing is selected then: an EXPUNGE that was sent along must not find the old mailbox
        if self.selected is not None and selects(self.draft.verb):
            self.deselect()
            answer = responses.CLOSED + answer
        # RFC 7888 §4: what comes all the same must be read, or the connection closed
        if count and not count.synchronizing and count.size > self.limits.skipped_octets:
            return self.bye(answer, "Literal too large")
        self.skip_command(count)
        return Response(answer)
