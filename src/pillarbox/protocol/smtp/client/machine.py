"""Delivering mail over one connection: a machine that is fed the server's octets and says what to send.

How it is driven. Octets from the server go into `receive`, which returns events; what is to be sent is in
`outgoing` after every call. On `StartHandshake` the driver makes the TLS handshake and calls `tls_started`. On `Ready`
it may call `start_tls`, `authenticate`, `begin` or `quit`; on `SendContent` it calls `content`. When the connection is
lost or a reply does not come in time it calls `lost`.

Invariants: each `begin` is followed by exactly one `Finished`, which has one outcome for every recipient; the message
counts as delivered only if the server's final reply says so; nothing that came before a TLS handshake is used after
it; after `Ended` nothing more is sent or read.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.sasl.exchange import AuthenticationFailed
from pillarbox.protocol.sasl.line import CANCEL, LineNotBase64, decode_response, encode_challenge
from pillarbox.protocol.smtp.client import capabilities
from pillarbox.protocol.smtp.client.content import Stuffing, stuffed
from pillarbox.protocol.smtp.client.envelope import (
    Envelope,
    Outcome,
    impossible,
    interrupted,
    mail_command,
    outcome_of,
    rcpt_command,
)
from pillarbox.protocol.smtp.client.events import (
    Ended,
    Event,
    Finished,
    Ready,
    SendContent,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.smtp.client.replies import Reply, ReplyKind, ReplyReader
from pillarbox.protocol.smtp.client.states import DEADLINE_S, TABLE, State, Step
from pillarbox.protocol.smtp.client.transaction import DATA, Transaction


class ClientMachine:
    """One connection to one server, for any number of transactions."""

    def __init__(self, hostname: str, *, tls_active: bool = False) -> None:
        """`hostname`: our name for EHLO, or an address literal (RFC 5321 §4.1.1.1)."""
        self._hostname = hostname
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._exchange: ClientExchange | None = None
        self._transaction: Transaction | None = None
        self.state = State.GREETING
        self.replies = 0
        """Whole replies read so far."""
        self.tls_active = tls_active
        self.capabilities = capabilities.NONE

    # --- what the driver reads

    @property
    def deadline_s(self) -> float:
        """How long the server may take for a whole reply in this state (RFC 5321 §4.5.3.2)."""
        return DEADLINE_S[self.state]

    def outgoing(self) -> bytes:
        """What is to be sent; each octet is returned once."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    @property
    def _closed(self) -> bool:
        return self.state is State.CLOSED

    # --- what has happened

    def receive(self, octets: bytes) -> Sequence[Event]:
        """Take a chunk of any size from the server. Never raises."""
        if self.state not in (State.CLOSED, State.TLS_HANDSHAKE):
            for reply in self._reader.feed(octets):
                self.replies += 1
                self.HANDLERS[TABLE[self.state, reply.kind]](self, reply)
                if self._closed:
                    break  # the reader is not asked for more
        return self._take_events()

    def lost(self, why: str) -> Sequence[Event]:
        """The connection is gone, or a reply did not come in time."""
        if self.state is not State.CLOSED:
            self._end(why)
        return self._take_events()

    def tls_started(self) -> Sequence[Event]:
        """The TLS handshake is done: restart with EHLO (RFC 3207 §4.2)."""
        assert self.state is State.TLS_HANDSHAKE
        self._reader.clear()
        self.tls_active = True
        self.capabilities = capabilities.NONE
        self._greet(State.EHLO, "EHLO")
        return self._take_events()

    # --- what the driver asks for

    def start_tls(self) -> None:
        """Ask for TLS; `StartHandshake` or `TlsRefused` follows."""
        assert self.state is State.READY
        self._send("STARTTLS")
        self.state = State.STARTTLS

    def authenticate(self, exchange: ClientExchange) -> None:
        """Log in; `Ready` or `Ended` follows (RFC 4954)."""
        assert self.state is State.READY
        self._exchange = exchange
        given = exchange.initial
        # RFC 4954 §4: "=" is an empty initial response, nothing is none
        initial = "" if given is None else f" {encode_challenge(given).decode() or '='}"
        self._send(f"AUTH {exchange.name}{initial}")
        self.state = State.AUTH

    def begin(self, envelope: Envelope) -> Sequence[Event]:
        """Begin a transaction; `SendContent` and `Finished` follow, or `Finished` alone."""
        assert self.state is State.READY
        assert envelope.recipients
        refused = impossible(envelope, self.capabilities, tls_active=self.tls_active)
        if refused:
            self._events += Finished((refused,) * len(envelope.recipients)), Ready()
            return self._take_events()
        self._transaction = Transaction(envelope)
        self.state = State.ENVELOPE
        self._send(mail_command(envelope, self.capabilities))
        if "PIPELINING" in self.capabilities:
            for recipient in envelope.recipients:
                self._send(rcpt_command(recipient, self.capabilities))
            if not self._chunking:
                self._send_data(self._transaction)
        return self._take_events()

    def content(self, octets: bytes) -> None:
        """Send the message: as one chunk if the server offers CHUNKING, else by DATA, dot-stuffed."""
        assert self.state is State.BODY
        if self._chunking:
            self._out += [b"BDAT %d LAST\r\n" % len(octets), octets]
        else:
            self._out.append(stuffed(octets))
        self.state = State.CONTENT

    def stream(self, size: int) -> Stuffing | None:
        """Send a message of so many octets, which the caller sends by itself after what is `outgoing`.

        Returns the form that its octets need, or `None` where they are sent as they are.
        """
        assert self.state is State.BODY
        self.state = State.CONTENT
        if not self._chunking:
            return Stuffing()
        self._out.append(b"BDAT %d LAST\r\n" % size)
        return None

    def quit(self) -> None:
        """End the session; `Ended` follows."""
        if self.state not in (State.CLOSED, State.QUIT):
            self._send("QUIT")
            self.state = State.QUIT

    # --- session

    def _greeted(self, _reply: Reply) -> None:
        self._greet(State.EHLO, "EHLO")

    def _ehlo_refused(self, _reply: Reply) -> None:
        self._greet(State.HELO, "HELO")

    def _ehlo_answered(self, reply: Reply) -> None:
        self.capabilities = capabilities.read(reply)
        self._become_ready()

    def _start_handshake(self, _reply: Reply) -> None:
        self.state = State.TLS_HANDSHAKE
        self._events.append(StartHandshake())

    def _tls_refused(self, reply: Reply) -> None:
        self.state = State.READY
        self._events.append(TlsRefused(reply))

    def _challenged(self, reply: Reply) -> None:
        if self._exchange is None:
            self._end("the server goes on with an exchange that was cancelled", reply)
            return
        try:
            challenge = decode_response("".join(reply.lines).strip().encode("ascii", "replace"))
            answer = encode_challenge(self._exchange.respond(challenge))
        except (LineNotBase64, AuthenticationFailed):
            answer, self._exchange = CANCEL, None
        self._out.append(answer + b"\r\n")

    def _authenticated(self, reply: Reply) -> None:
        if self._exchange is not None and self._exchange.server_proven:
            self._become_ready()
        else:
            self._end("the server did not prove that it knows the password", reply)

    def _over(self, reply: Reply) -> None:
        self._end(str(reply), reply, session_refused=self.state in _BEFORE_MAIL)

    # --- transaction

    def _envelope_reply(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if transaction.answered(reply):
            self._data_answered(transaction, reply)
        elif not transaction.awaited:
            self._envelope_complete(transaction)
        elif "PIPELINING" not in self.capabilities:
            self._send_next(transaction)

    def _send_next(self, transaction: Transaction) -> None:
        """One command at a time; no RCPT after MAIL was refused."""
        if transaction.mail_refused:
            self._envelope_complete(transaction)
        else:
            recipient = transaction.envelope.recipients[transaction.awaited[0]]
            self._send(rcpt_command(recipient, self.capabilities))

    def _envelope_complete(self, transaction: Transaction) -> None:
        transaction.envelope_answered()
        if transaction.all_refused:
            self._reset(None)
        elif self._chunking:
            self.state = State.BODY
            self._events.append(SendContent())
        else:
            self._send_data(transaction)

    def _send_data(self, transaction: Transaction) -> None:
        transaction.awaited.append(DATA)
        self._send("DATA")

    def _data_answered(self, transaction: Transaction, reply: Reply) -> None:
        transaction.envelope_answered()
        if reply.kind is ReplyKind.POSITIVE:
            self._end(f"DATA was answered {reply}", reply)
        elif reply.kind is not ReplyKind.CONTINUE:
            self._reset(outcome_of(reply))
        elif transaction.all_refused:
            self._finish(None)
            self._out.append(b".\r\n")
            self.state = State.DISCARD
        else:
            self.state = State.BODY
            self._events.append(SendContent())

    def _reset(self, rest: Outcome | None) -> None:
        """No recipient is left to deliver to: finish, and clear the transaction."""
        self._finish(rest)
        self._send("RSET")
        self.state = State.RESET

    def _final_reply(self, reply: Reply) -> None:
        self._finish(outcome_of(reply))
        self._become_ready()

    # --- sending and ending

    @property
    def _chunking(self) -> bool:
        return "CHUNKING" in self.capabilities

    def _send(self, line: str) -> None:
        assert "\r" not in line
        assert "\n" not in line
        self._out.append(line.encode() + b"\r\n")

    def _greet(self, state: State, verb: str) -> None:
        self._send(f"{verb} {self._hostname}")
        self.state = state

    def _become_ready(self, _reply: Reply | None = None) -> None:
        self.state = State.READY
        self._events.append(Ready())

    def _finish(self, rest: Outcome | None) -> None:
        """The transaction is over; `rest` is the outcome of recipients that have none yet."""
        assert self._transaction is not None
        self._events.append(self._transaction.finish(rest))
        self._transaction = None

    def _end(self, text: str, reply: Reply | None = None, *, session_refused: bool = False) -> None:
        if self._transaction is not None:
            self._finish(interrupted(text, reply, content_sent=self.state is State.CONTENT))
        self.state = State.CLOSED
        self._events.append(Ended(text, reply, session_refused))

    def _take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    HANDLERS: ClassVar[Mapping[Step, Callable[["ClientMachine", Reply], None]]] = {
        Step.SEND_EHLO: _greeted,
        Step.SEND_HELO: _ehlo_refused,
        Step.READ_CAPABILITIES: _ehlo_answered,
        Step.NO_CAPABILITIES: _become_ready,
        Step.START_HANDSHAKE: _start_handshake,
        Step.TLS_REFUSED: _tls_refused,
        Step.ANSWER_CHALLENGE: _challenged,
        Step.AUTHENTICATED: _authenticated,
        Step.AUTHENTICATION_FAILED: _over,
        Step.ENVELOPE_REPLY: _envelope_reply,
        Step.FINAL_REPLY: _final_reply,
        Step.TRANSACTION_CLEARED: _become_ready,
        Step.SESSION_REFUSED: _over,
        Step.UNEXPECTED_REPLY: _over,
        Step.END: _over,
        Step.IGNORE: lambda _self, _reply: None,
    }


_BEFORE_MAIL = (State.GREETING, State.EHLO, State.HELO, State.STARTTLS, State.AUTH)
