"""HTTP/1.1 on one connection: octets in, events out (a `server.connection.Machine`).

A head is returned alone, and last: what comes next depends on it. One without a body is followed by the next head.
For one with a body the session says what is to be done with it: `accept_body` or `skip_body`. After `hold` nothing is
read (the response has no end); after `switch` another machine reads.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pillarbox.protocol.http.body import Chunked, RequestBody, Sized
from pillarbox.protocol.http.events import Body, Head, HttpEvent, Malformed, Reading, Skipped
from pillarbox.protocol.http.head import TOKEN, has_bare_line_end, read_head
from pillarbox.protocol.http.limits import MAX_EMPTY_LINES, MAX_WAITING_OCTETS, HttpLimits
from pillarbox.protocol.http.states import TABLE, State, Step
from pillarbox.protocol.http.upgrade import WebSocketEvent

if TYPE_CHECKING:  # loaded with the first WebSocket
    from pillarbox.protocol.http.websocket import WebSocketMachine

_HEAD_END: Final = b"\r\n\r\n"
_LONG_LINE: Final = Malformed(414, "The request target is too long.")
_LARGE_HEAD: Final = Malformed(431, "The header fields are too large.")
_NOT_HTTP: Final = Malformed(400, "This is no request of HTTP/1.1.")
_LARGE_BODY: Final = Malformed(413, "The body is too large.")
_TOO_EAGER: Final = Malformed(400, "The response to the last request has no end.")
_DEFAULT_LIMITS: Final = HttpLimits()
_READING: Final = Reading()


class HttpMachine:
    """Reads one connection."""

    __slots__ = (
        "_at",
        "_body",
        "_collected",
        "_empty_lines",
        "_held",
        "_limits",
        "_parts",
        "_room",
        "_searched",
        "_spoken",
        "state",
    )

    def __init__(self, limits: HttpLimits = _DEFAULT_LIMITS) -> None:
        self._limits = limits
        self.state = State.HEAD
        self._held = b""
        self._at = 0
        """Up to here it is read."""
        self._searched = 0
        """Up to here there is no end of a head."""
        self._empty_lines = 0
        self._body: RequestBody | None = None
        self._parts: list[bytes] | None = None
        """Those of a body that is small so far, to be handed over whole."""
        self._collected = 0
        """Octets in `_parts`."""
        self._room = 0
        """Octets of the body that may still come."""
        self._spoken: WebSocketMachine | None = None
        """What reads the connection once it has changed to another protocol."""

    @property
    def buffered(self) -> int:
        """Octets received that are part of no event yet."""
        if self._spoken is not None:
            return self._spoken.buffered
        return len(self._held) - self._at + self._collected

    @property
    def in_request(self) -> bool:
        """Whether a request has begun that is not complete."""
        return self.state in (State.BODY, State.SKIPPING, State.DECIDING) or (
            self.state is State.HEAD and self.buffered > 0
        )

    @property
    def in_body(self) -> bool:
        """Whether a body that was accepted has not ended."""
        return self.state is State.BODY

    def receive(self, octets: bytes) -> Sequence[HttpEvent | WebSocketEvent]:
        """Take octets; return the next event, if it is complete. At most one: others depend on it."""
        if self._spoken is not None:
            return self._spoken.receive(octets)
        if octets:
            self._held = self._held[self._at :] + octets if self._at < len(self._held) else octets
            self._searched = max(0, self._searched - self._at)
            self._at = 0
        event: HttpEvent | None
        match self.state:
            case State.HEAD:
                event = self._head()
            case State.BODY | State.SKIPPING:
                event = self._more_body()
            case State.HOLDING:
                event = _TOO_EAGER if self.buffered > MAX_WAITING_OCTETS else None
            case State.DECIDING:
                event = None
            case State.SWITCHED | State.ENDED:
                self._rest()
                event = None
        if event is None:
            return ()
        if type(event) is Malformed:
            self.end()
        return (event,)

    def discard(self) -> int:
        """Forget what is buffered; return how many octets that were."""
        dropped = self.buffered if self._spoken is None else self._spoken.discard()
        self._rest()
        self._parts, self._collected = None, 0
        return dropped

    # --- what the session decides

    def accept_body(self, max_octets: int) -> None:
        """Read the body of the last head; it is `Malformed` with status 413 once there is more than that."""
        self._go(Step.ACCEPT)
        self._room = max_octets
        self._parts, self._collected = [], 0

    def skip_body(self, max_octets: int) -> None:
        """Read what is left of the body, as far as that, and drop it."""
        self._go(Step.SKIP)
        self._room = max_octets
        self._parts, self._collected = None, 0

    def hold(self) -> None:
        """Read no more requests: the response to the last one has no end."""
        self._go(Step.HOLD)

    def switch(self, other: "WebSocketMachine") -> None:
        """Another protocol is spoken from now on, and `other` reads it."""
        self._go(Step.SWITCH)
        self._spoken = other
        other.begin(self._rest())

    def end(self) -> None:
        """Drop what there is and whatever comes."""
        self._go(Step.END)
        self.discard()

    # --- reading

    def _go(self, step: Step) -> None:
        assert (self.state, step) in TABLE, f"{step} in {self.state}"
        self.state = TABLE[self.state, step]

    def _rest(self) -> bytes:
        rest = self._held[self._at :] if self._at else self._held
        self._held, self._at, self._searched = b"", 0, 0
        return rest

    def _head(self) -> Head | Malformed | None:
        held, limits = self._held, self._limits
        while held.startswith(b"\r\n", self._at):  # RFC 9112 §2.2
            self._at += 2
            self._empty_lines += 1
            if self._empty_lines > MAX_EMPTY_LINES:
                return _NOT_HTTP
        start = self._at
        if start == len(held):
            self._rest()
            return None
        from_ = max(start, self._searched - 3)
        end = held.find(_HEAD_END, from_, start + limits.head_octets)
        if end < 0:
            return self._incomplete_head(start, from_)
        end += len(_HEAD_END)
        self._empty_lines = 0
        octets = held if start == 0 and end == len(held) else held[start:end]
        self._at = self._searched = end
        if end == len(held):
            self._rest()
        head = read_head(octets, limits)
        if type(head) is Head and head.body_octets != 0:
            self._go(Step.ANNOUNCED)
            self._body = Chunked() if head.body_octets is None else Sized(head.body_octets)
        return head

    def _incomplete_head(self, start: int, new: int) -> Malformed | None:
        """Refuse now what will never be a head: the client may be waiting for an answer."""
        held, limits = self._held, self._limits
        octets = len(held) - start
        line_end = held.find(b"\r\n", start)
        line_octets = octets if line_end < 0 else line_end - start
        if line_octets > limits.target_octets + 32:
            return _LONG_LINE
        if octets >= limits.head_octets:
            return _LARGE_HEAD
        if held[start] not in TOKEN and held[start : start + 2] != b"\r"[:octets]:
            return _NOT_HTTP  # a ClientHello of TLS, or whatever it is
        fresh = held[new:]
        # An LF may have its CR before what is new, a CR its LF after it
        if has_bare_line_end(fresh.removesuffix(b"\r").removeprefix(b"\n")):
            return _NOT_HTTP
        self._searched = len(held)
        return None

    def _more_body(self) -> Body | Reading | Skipped | Malformed | None:
        body = self._body
        assert body is not None, "a body is being read"
        before = self._at
        parts = body.take(self._held, self._at)
        if isinstance(parts, Malformed):
            return parts
        self._at = body.read_to
        advanced = self._at > before
        if self._at == len(self._held):
            self._rest()
        octets = sum(map(len, parts))
        self._room -= octets
        if self.state is State.SKIPPING:
            return self._skipped(body, advanced=advanced)
        if self._room < 0:
            return _LARGE_BODY
        return self._accepted(body, parts, octets, advanced=advanced)

    def _accepted(
        self, body: RequestBody, parts: list[bytes], octets: int, *, advanced: bool
    ) -> Body | Reading | None:
        if self._parts is not None:
            self._parts += parts
            self._collected += octets
            if not body.ended and self._collected <= self._limits.whole_octets and not self._is_large(body):
                # What is left is no whole line, unless there were many chunks
                return _READING if advanced and self._at < len(self._held) else None
            parts, self._parts, self._collected = self._parts, None, 0
        if body.ended:
            self._body = None
            self._go(Step.BODY_ENDED)
        elif not parts:
            return _READING if advanced and self._at < len(self._held) else None
        return Body(parts[0] if len(parts) == 1 else b"".join(parts), body.ended)

    def _is_large(self, body: RequestBody) -> bool:
        """Whether the body was announced to be larger than what is handed over whole."""
        return isinstance(body, Sized) and body.left + self._collected > self._limits.whole_octets

    def _skipped(self, body: RequestBody, *, advanced: bool) -> Skipped | Reading | None:
        if self._room < 0:
            return Skipped(whole=False)
        if body.ended:
            self._body = None
            self._go(Step.BODY_ENDED)
            return Skipped(whole=True)
        return _READING if advanced and self._at < len(self._held) else None
