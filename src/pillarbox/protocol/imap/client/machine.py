"""Reading another server's mail over one connection: a machine that is fed its octets and says what to send.

How it is driven. Octets from the server go into `receive`, which returns events; what is to be sent is in `outgoing`
after every call. On `StartHandshake` the driver makes the TLS handshake and calls `tls_started`. After `Ready` it may
call `start_tls`, `authenticate`, `log_in`, `run` or `log_out`; `run` any number of times before the first `Completed`.
When the connection is lost or a response does not come in time it calls `lost`.

Invariants: each `run` is followed by exactly one `Completed` or by `Ended`; nothing that came before a TLS handshake is
used after it; after `Ended` nothing more is sent or read; no more is kept of a response than the limits of `reader`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from pillarbox.protocol.imap.client import parsing
from pillarbox.protocol.imap.client.events import (
    Completed,
    Ended,
    Event,
    LoginRefused,
    Ready,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.imap.client.reader import (
    MAX_CONTENT_OCTETS,
    ContentPiece,
    Response,
    ResponseReader,
    Unreadable,
)
from pillarbox.protocol.imap.client.responses import CapabilityData, Data, Status, StatusResponse
from pillarbox.protocol.imap.client.states import DEADLINE_S, TABLE, Kind, State, Step
from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.sasl.exchange import AuthenticationFailed
from pillarbox.protocol.sasl.line import CANCEL, LineNotBase64, decode_response, encode_challenge

MAX_UNASKED: Final = 100_000
"""Untagged responses, beyond those that commands ask for, until all commands have completed."""

_TAGGED: Final = {Status.OK: Kind.OK, Status.NO: Kind.NO, Status.BAD: Kind.BAD}
_UNTAGGED: Final = {Status.OK: Kind.GREETING, Status.PREAUTH: Kind.PREAUTH, Status.BYE: Kind.BYE}


class ClientMachine:
    """One connection to one server."""

    def __init__(
        self,
        *,
        tls_active: bool = False,
        max_content_octets: int = MAX_CONTENT_OCTETS,
        max_unasked: int = MAX_UNASKED,
    ) -> None:
        """`max_content_octets`: of a message; a larger one ends the connection before it is read."""
        self._reader = ResponseReader(max_content_octets=max_content_octets)
        self._max_unasked = self._allowed = max_unasked
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._last_tag = 0
        self._under_way: set[int] = set()
        """Tags of commands that have not completed."""
        self._exchange: ClientExchange | None = None
        self._rest: list[bytes] = []
        """Parts of the login that each wait for a continuation."""
        self._challenge = b""
        self.state = State.GREETING
        self.tls_active = tls_active
        self.authenticated = False
        self.capabilities: frozenset[str] = frozenset()

    # --- what the driver reads

    @property
    def deadline_s(self) -> float:
        """How long the server may send nothing in this state."""
        return DEADLINE_S[self.state]

    def outgoing(self) -> bytes:
        """What is to be sent; each octet is returned once."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # --- what has happened

    def receive(self, octets: bytes) -> Sequence[Event]:
        """Take a chunk of any size from the server. Never raises."""
        if self._reads():
            self._reader.feed(octets)
            for read in self._reader.read():
                self._take(read)
                if not self._reads():
                    break
        return self._take_events()

    def lost(self, why: str) -> Sequence[Event]:
        """The connection is gone, or a response did not come in time."""
        if self.state is not State.CLOSED:
            self._close(why)
        return self._take_events()

    def tls_started(self) -> Sequence[Event]:
        """The TLS handshake is done: what was offered before does not count (RFC 9051 §6.2.1)."""
        assert self.state is State.TLS_HANDSHAKE
        self._reader.clear()
        self.tls_active = True
        self._ask_capabilities()
        return self._take_events()

    # --- what the driver asks for

    def start_tls(self) -> None:
        """Ask for TLS; `StartHandshake` or `TlsRefused` follows."""
        self._send_in(State.STARTTLS, b"STARTTLS")

    def authenticate(self, exchange: ClientExchange) -> None:
        """Log in by SASL; `Ready`, `LoginRefused` or `Ended` follows."""
        self._exchange, self._rest, self._challenge = exchange, [], b""
        initial = exchange.initial
        if initial is not None and "SASL-IR" in self.capabilities:
            # RFC 4959 §3: "=" is an empty initial response
            self._send_in(
                State.LOGIN, b"AUTHENTICATE %b %b" % (exchange.name.encode(), _line(initial) or b"=")
            )
        else:
            self._rest = [] if initial is None else [_line(initial)]
            self._send_in(State.LOGIN, b"AUTHENTICATE " + exchange.name.encode())

    def log_in(self, login: str, password: str) -> None:
        """Log in by LOGIN, for servers without SASL; `Ready`, `LoginRefused` or `Ended` follows."""
        self._exchange, self._challenge = None, b""
        name, secret = login.encode(), password.encode()
        # Literals hold all that a quoted string can't; the server asks for each.
        self._rest = [b"%b {%d}" % (name, len(secret)), secret]
        self._send_in(State.LOGIN, b"LOGIN {%d}" % len(name))

    def run(self, command: bytes, *, expects: int = 0) -> int:
        """Send a command and return its tag; `expects`: how many untagged responses it asks for."""
        assert self.state is State.READY
        self._allowed += expects
        return self._send(command)

    def log_out(self) -> None:
        """End the session; `Ended` follows."""
        if self.state not in (State.CLOSED, State.LOGOUT):
            self._send(b"LOGOUT")
            self.state = State.LOGOUT

    # --- responses

    def _reads(self) -> bool:
        return self.state not in (State.CLOSED, State.TLS_HANDSHAKE)

    def _take(self, read: Response | ContentPiece | Unreadable) -> None:
        match read:
            case ContentPiece():
                if self.state is State.READY:
                    self._events.append(read)
            case Unreadable(why):
                self._close(f"the server sent {why}")
            case Response():
                kind, value = self._classify(read)
                self.HANDLERS[TABLE[self.state, kind]](self, value)

    def _classify(self, response: Response) -> tuple[Kind, object]:
        tag, _, rest = response.text.partition(b" ")
        if tag == b"+":
            return Kind.CONTINUE, rest
        if tag == b"*":
            value = parsing.untagged(rest, has_content=response.has_content)
            kind = _UNTAGGED.get(value.status, Kind.DATA) if isinstance(value, StatusResponse) else Kind.DATA
            return kind, value
        number = int(tag[1:]) if tag[:1] == b"P" and tag[1:].isdigit() and len(tag) <= 12 else 0
        status = parsing.status_response(rest)
        if number in self._under_way and status is not None and status.status in _TAGGED:
            self._under_way.discard(number)
            if not self._under_way:
                self._allowed = self._max_unasked
            return _TAGGED[status.status], Completed(number, status)
        return Kind.INVALID, response.text[:80]

    def _ask_capabilities(self, _value: object = None) -> None:
        self.capabilities = frozenset()
        self._send(b"CAPABILITY")
        self.state = State.CAPABILITY

    def _preauthenticated(self, _value: object) -> None:
        self.authenticated = True
        self._ask_capabilities()

    def _ready(self, _value: object) -> None:
        self.state = State.READY
        self._events.append(Ready())

    def _start_handshake(self, _value: object) -> None:
        self.state = State.TLS_HANDSHAKE
        self._events.append(StartHandshake())

    def _tls_refused(self, value: object) -> None:
        assert isinstance(value, Completed)
        self.state = State.READY
        self._events.append(TlsRefused(value.response))

    def _continue_login(self, value: object) -> None:
        if self._rest:
            part = self._rest.pop(0)
            self._out.append(part + b"\r\n")
            return
        if self._exchange is None:
            self._close("the server goes on with a login that is over")
            return
        try:
            assert isinstance(value, bytes)
            self._challenge = decode_response(value.strip())
            answer = encode_challenge(self._exchange.respond(self._challenge))
        except (LineNotBase64, AuthenticationFailed):
            answer, self._exchange = CANCEL, None
        self._out.append(answer + b"\r\n")

    def _logged_in(self, _value: object) -> None:
        if self._exchange is not None and not self._exchange.server_proven:
            self._close("the server did not prove that it knows the password")
            return
        self.authenticated = True
        self._ask_capabilities()

    def _login_refused(self, value: object) -> None:
        assert isinstance(value, Completed)
        self.state = State.READY
        self._rest = []
        self._events.append(LoginRefused(value.response, self._challenge))

    def _completed(self, value: object) -> None:
        assert isinstance(value, Completed)
        self._events.append(value)

    def _report(self, value: object) -> None:
        self._note(value)
        if isinstance(value, Data) and self.state is not State.CLOSED:
            self._events.append(value)

    def _note(self, value: object) -> None:
        self._allowed -= 1
        if self._allowed < 0:
            self._close("the server sends too much that was not asked for")
        elif isinstance(value, CapabilityData):
            self.capabilities = value.names

    def _unexpected(self, value: object) -> None:
        text = value.response if isinstance(value, Completed) else value
        self._close(f"unexpected response of the server: {str(text)[:200]}")

    def _end(self, value: object) -> None:
        bye = value if isinstance(value, StatusResponse) else None
        self._close(str(bye) if bye else "logged out", bye)

    # --- sending and ending

    def _send_in(self, state: State, command: bytes) -> None:
        assert self.state is State.READY
        assert not self._under_way
        self._send(command)
        self.state = state

    def _send(self, command: bytes) -> int:
        assert b"\r" not in command
        assert b"\n" not in command
        self._last_tag += 1
        self._under_way.add(self._last_tag)
        self._out.append(b"P%d %b\r\n" % (self._last_tag, command))
        return self._last_tag

    def _close(self, text: str, response: StatusResponse | None = None) -> None:
        self.state = State.CLOSED
        self._under_way.clear()
        self._events.append(Ended(text, response))

    def _take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    HANDLERS: ClassVar[Mapping[Step, Callable[["ClientMachine", object], None]]] = {
        Step.ASK_CAPABILITIES: _ask_capabilities,
        Step.PREAUTHENTICATED: _preauthenticated,
        Step.READY: _ready,
        Step.START_HANDSHAKE: _start_handshake,
        Step.TLS_REFUSED: _tls_refused,
        Step.CONTINUE_LOGIN: _continue_login,
        Step.LOGGED_IN: _logged_in,
        Step.LOGIN_REFUSED: _login_refused,
        Step.COMPLETED: _completed,
        Step.REPORT: _report,
        Step.NOTE: _note,
        Step.UNEXPECTED: _unexpected,
        Step.END: _end,
        Step.IGNORE: lambda _self, _value: None,
    }


def _line(octets: bytes) -> bytes:
    return encode_challenge(octets)
