"""Delivering mail over one connection: a machine that is told what is heard and says what to send.

How it is driven. Octets from the server go into `receive`, which returns events; what is to be sent is in
`outgoing` after every call. On `SecureNow` the driver makes the TLS handshake and calls `secured`. On `Ready`
it may call `start_tls`, `authenticate`, `begin` or `quit`; on `SendContent` it calls `content`. When the
connection is lost or an answer does not come in time it calls `lost`.

What is always true: each `begin` is followed by exactly one `Finished`, which has one outcome for every
recipient; the message is delivered only where the server's final reply says so; nothing that came before a
TLS handshake is believed after it; once `Ended` was told, nothing more is sent or read.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.sasl.exchange import Refused
from pillarbox.protocol.sasl.line import CANCEL, LineNotBase64, decode_response, encode_challenge
from pillarbox.protocol.smtp.client import extensions
from pillarbox.protocol.smtp.client.content import stuffed
from pillarbox.protocol.smtp.client.envelope import (
    Envelope,
    Outcome,
    Verdict,
    impossible,
    mail_command,
    outcome_of,
    rcpt_command,
    recipient_outcome,
)
from pillarbox.protocol.smtp.client.replies import Kind, Reply, ReplyReader
from pillarbox.protocol.smtp.client.states import DEADLINE_S, TABLE, State, Step


@dataclass(frozen=True, slots=True)
class SecureNow:
    """The server waits for the TLS handshake."""


@dataclass(frozen=True, slots=True)
class NotSecured:
    """The server announced STARTTLS and then refused it; the connection stays as it was."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Ready:
    """A transaction may begin."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """The server takes the message; at least one recipient was accepted."""


class Finished(NamedTuple):
    """How the transaction ended, in the order of the envelope's recipients."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is of no more use. `reply`: the server's last word, where it had one.
    `unwilling`: it turned us away before any mail, so another server may be tried."""

    text: str
    reply: Reply | None = None
    unwilling: bool = False


Event = SecureNow | NotSecured | Ready | SendContent | Finished | Ended


class ClientMachine:
    """One connection to one server, for any number of transactions."""

    def __init__(self, hostname: str, *, secured: bool = False) -> None:
        """`hostname`: the name we give ourselves, or an address literal (RFC 5321 §4.1.1.1)."""
        self._hostname = hostname
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._questions: deque[int] = deque()
        self._exchange: ClientExchange | None = None
        self._envelope: Envelope | None = None
        self._outcomes: list[Outcome | None] = []
        self._mail_refused: Outcome | None = None
        self.state = State.GREETING
        self.is_secured = secured
        self.greeting: Reply | None = None
        self.extensions = extensions.NONE

    # --- what the driver asks

    @property
    def deadline_s(self) -> float:
        """How long the server may take for what it does now (RFC 5321 §4.5.3.2)."""
        return DEADLINE_S[self.state]

    def outgoing(self) -> bytes:
        """What is to be sent now; each octet is given once."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # --- what the driver tells

    def receive(self, octets: bytes) -> Sequence[Event]:
        """Take a chunk of any size from the server. Never raises."""
        if self.state not in (State.CLOSED, State.SECURING):
            for reply in self._reader.feed(octets):
                self._hear(reply)
        return self._told()

    def lost(self, why: str) -> Sequence[Event]:
        """The connection is gone, or an answer did not come in time."""
        if self.state is not State.CLOSED:
            self._end(why)
        return self._told()

    def secured(self) -> Sequence[Event]:
        """The TLS handshake is done: begin anew (RFC 3207 §4.2)."""
        assert self.state is State.SECURING
        self._reader.clear()
        self.is_secured = True
        self.extensions = extensions.NONE
        self._greet(State.EHLO, "EHLO")
        return self._told()

    # --- what the driver wants

    def start_tls(self) -> None:
        """Ask for TLS; `SecureNow` or `NotSecured` follows."""
        assert self.state is State.READY
        self._say("STARTTLS")
        self.state = State.STARTTLS

    def authenticate(self, exchange: ClientExchange) -> None:
        """Prove who we are; `Ready` or `Ended` follows (RFC 4954)."""
        assert self.state is State.READY
        self._exchange = exchange
        given = exchange.initial
        # RFC 4954 §4: "=" is an empty initial response, nothing is none
        initial = "" if given is None else f" {encode_challenge(given).decode() or '='}"
        self._say(f"AUTH {exchange.name}{initial}")
        self.state = State.AUTH

    def begin(self, envelope: Envelope) -> Sequence[Event]:
        """Begin a transaction; `SendContent` and `Finished` follow, or `Finished` alone."""
        assert self.state is State.READY
        assert envelope.recipients
        self._envelope = envelope
        self._outcomes = [None] * len(envelope.recipients)
        self._mail_refused = impossible(envelope, self.extensions, secured=self.is_secured)
        if self._mail_refused:
            self._finish(self._mail_refused)
            self._events.append(Ready())
            return self._told()
        self.state = State.ENVELOPE
        self._questions.extend(range(_MAIL, len(envelope.recipients)))
        self._say(mail_command(envelope, self.extensions))
        if "PIPELINING" in self.extensions:
            for recipient in envelope.recipients:
                self._say(rcpt_command(recipient, self.extensions))
            if not self._chunks:
                self._ask_data()
        return self._told()

    def content(self, octets: bytes) -> None:
        """Send the message: as one chunk where the server takes chunks, else by DATA, with dots doubled."""
        assert self.state is State.BODY
        if self._chunks:
            self._out += [b"BDAT %d LAST\r\n" % len(octets), octets]
        else:
            self._out.append(stuffed(octets))
        self.state = State.CONTENT

    def quit(self) -> None:
        """Say good-bye; `Ended` follows."""
        if self.state not in (State.CLOSED, State.QUIT):
            self._say("QUIT")
            self.state = State.QUIT

    # --- what is heard

    def _hear(self, reply: Reply) -> None:
        step = TABLE[self.state, reply.kind]
        match step:
            case Step.ENVELOPE:
                self._envelope_answered(reply)
            case Step.ANSWERED:
                self._finish(outcome_of(reply))
                self._become_ready()
            case Step.GREET:
                self.greeting = reply
                self._greet(State.EHLO, "EHLO")
            case Step.GREET_OLD:
                self._greet(State.HELO, "HELO")
            case Step.READY | Step.READY_OLD:
                self.extensions = extensions.read(reply) if step is Step.READY else extensions.NONE
                self._become_ready()
            case Step.SECURE:
                self.state = State.SECURING
                self._events.append(SecureNow())
            case Step.NOT_SECURED:
                self.state = State.READY
                self._events.append(NotSecured(reply))
            case Step.CHALLENGED:
                self._challenged(reply)
            case Step.AUTHENTICATED:
                self._authenticated(reply)
            case Step.CLEARED:
                self._become_ready()
            case Step.UNWILLING:
                self._end(str(reply), reply, unwilling=True)
            case Step.END | Step.ASTRAY | Step.NOT_AUTHENTICATED:
                self._end(str(reply), reply, unwilling=self.state in _BEFORE_MAIL)
            case Step.IGNORE:
                pass

    def _challenged(self, reply: Reply) -> None:
        assert self._exchange is not None
        try:
            challenge = decode_response("".join(reply.lines).strip().encode("ascii", "replace"))
            answer = encode_challenge(self._exchange.respond(challenge))
        except (LineNotBase64, Refused):
            answer = CANCEL
        self._out.append(answer + b"\r\n")

    def _authenticated(self, reply: Reply) -> None:
        assert self._exchange is not None
        if self._exchange.server_proven:
            self._become_ready()
        else:
            self._end("the server did not prove that it knows the password", reply)

    def _envelope_answered(self, reply: Reply) -> None:
        question = self._questions.popleft()
        if question == _MAIL:
            if reply.kind is not Kind.POSITIVE:
                self._mail_refused = outcome_of(reply)
        elif question >= 0:
            self._outcomes[question] = None if reply.kind is Kind.POSITIVE else recipient_outcome(reply)
        else:
            self._data_answered(reply)
            return
        if not self._questions:
            self._envelope_complete()
        elif "PIPELINING" not in self.extensions:
            self._ask_next()

    def _ask_next(self) -> None:
        """One question at a time; none about recipients where the sender was refused."""
        assert self._envelope is not None
        if self._mail_refused:
            self._questions.clear()
            self._envelope_complete()
        else:
            self._say(rcpt_command(self._envelope.recipients[self._questions[0]], self.extensions))

    def _envelope_complete(self) -> None:
        if self._mail_refused:
            self._outcomes = [self._mail_refused] * len(self._outcomes)
        if all(self._outcomes):
            self._give_up()
        elif self._chunks:
            self.state = State.BODY
            self._events.append(SendContent())
        else:
            self._ask_data()

    def _ask_data(self) -> None:
        self._questions.append(_DATA)
        self._say("DATA")

    def _data_answered(self, reply: Reply) -> None:
        if self._mail_refused:
            self._outcomes = [self._mail_refused] * len(self._outcomes)
        if reply.kind is Kind.CONTINUE and all(self._outcomes):
            self._finish(None)
            self._out.append(b".\r\n")
            self.state = State.DISCARD
        elif reply.kind is Kind.CONTINUE:
            self.state = State.BODY
            self._events.append(SendContent())
        elif reply.kind is Kind.POSITIVE:
            self._end(f"DATA was answered {reply}", reply)
        else:
            refusal = outcome_of(reply)
            self._outcomes = [outcome or refusal for outcome in self._outcomes]
            self._give_up()

    def _give_up(self) -> None:
        """Nobody is left to deliver to: tell so, and clear the transaction."""
        self._finish(None)
        self._say("RSET")
        self.state = State.RESET

    # --- what is said

    @property
    def _chunks(self) -> bool:
        return "CHUNKING" in self.extensions

    def _say(self, line: str) -> None:
        assert "\r" not in line
        assert "\n" not in line
        self._out.append(line.encode() + b"\r\n")

    def _greet(self, state: State, verb: str) -> None:
        self._say(f"{verb} {self._hostname}")
        self.state = state

    def _become_ready(self) -> None:
        self.state = State.READY
        self._events.append(Ready())

    def _finish(self, rest: Outcome | None) -> None:
        """The transaction is over; `rest` is how it ended for those who had no answer yet."""
        outcomes = tuple(outcome or rest for outcome in self._outcomes)
        self._envelope, self._outcomes = None, []
        self._questions.clear()
        assert None not in outcomes
        self._events.append(Finished(tuple(outcome for outcome in outcomes if outcome)))

    def _end(self, text: str, reply: Reply | None = None, *, unwilling: bool = False) -> None:
        if self._envelope is not None:
            status = reply.status if reply else "4.4.2"
            status = status if status.startswith("4") else "4.5.0"
            said = reply is not None and reply.code != 0
            in_doubt = self.state is State.CONTENT and not said
            self._finish(Outcome(Verdict.DEFERRED, status, text, said_by_server=said, in_doubt=in_doubt))
        self.state = State.CLOSED
        self._events.append(Ended(text, reply, unwilling))

    def _told(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events


_MAIL = -1
_DATA = -2
"""Questions that are not about a recipient."""

_BEFORE_MAIL = (State.GREETING, State.EHLO, State.HELO, State.STARTTLS, State.AUTH)
