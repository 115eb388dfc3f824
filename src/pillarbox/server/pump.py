"""The pump: carries any protocol's session over a socket (see `connection`).

A pump is the loop's `BufferedProtocol`. All pumps of a loop read into one shared buffer, and what
arrived is copied out once, as `bytes`: an idle connection owns no read buffer. Nor does it own a
task: a handler is driven on the spot, and only one that has to wait is given a task to wait in.

What is always true:

- At most `MAX_HELD_OCTETS` octets wait for a handler (plus one read); then reading is paused.
- Nothing is written after `close()`; nothing is read into the session after STARTTLS was asked
  for, until TLS stands.
- The deadline is one timer, looked at when it fires: hearing from the peer only moves a number.
- The peer that does not read is waited for (`drain`), at most as long as the deadline says.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Generic, Protocol, cast

from pillarbox.directory.accounts import Account
from pillarbox.server import eager
from pillarbox.server.connection import ConnectionGone, E, Peer, Session, TlsState
from pillarbox.server.deadline import Deadline

READ_BUFFER: Final = 64 * 1024
"""Octets of the buffer that all connections of a loop share."""
MAX_HELD_OCTETS: Final = 128 * 1024
"""Octets kept for a session that is busy; beyond, reading is paused."""
WRITE_HIGH_WATER: Final = 256 * 1024
"""Octets written but not yet taken by the peer, from which `drain()` waits."""
FAIR_SHARE: Final = 64
"""Events handled in one go before other connections have their turn."""
PROGRESS_OCTETS: Final = 4096
"""Octets that count as being heard from, where an event takes many reads (a large message)."""
FIRST_DEADLINE_S: Final = 60.0
"""Until the session sets a deadline of its own."""
REVOKED_S: Final = 1.0
"""How long a session may go on, at an event and its farewell, whose account may no longer be here."""
LINGER_S: Final = 5.0
"""How long a closing connection may take to send its last octets, and to read what the peer still
sends: closing on unread octets would reset the connection and lose our farewell."""


class ConnectionOwner(Protocol):
    """What a pump asks of whoever opened the door: `Listener`."""

    buffer: memoryview
    handshake_s: float
    implicit_tls: bool

    def admit(self, pump: "Pump[Any]") -> Session[Any] | bytes:
        """A session for the newcomer, or what to say when turning it away."""

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for the next handshake, or `None` where TLS is not offered."""

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data of an established TLS layer."""

    def released(self, pump: "Pump[Any]") -> None:
        """An admitted connection has ended and its session is closed."""

    def timed_out(self, pump: "Pump[Any]") -> None:
        """The deadline passed."""

    def injected(self, pump: "Pump[Any]", octets: int) -> None:
        """So many octets were sent in plain text after STARTTLS."""

    def handshake_failed(self, pump: "Pump[Any]", error: BaseException) -> None:
        """The peer and we could not agree on TLS."""

    def failed(self, pump: "Pump[Any]", error: Exception) -> None:
        """The session raised: our mistake, to be logged."""


class Pump(asyncio.BufferedProtocol, Generic[E]):
    """One connection; the `Connection` its session sees."""

    __slots__ = (
        "_closing",
        "_deadline",
        "_drained",
        "_ending",
        "_eof",
        "_heard",
        "_held",
        "_held_octets",
        "_keeper",
        "_loop",
        "_lost",
        "_pending",
        "_progress",
        "_reading_paused",
        "_revoked",
        "_session",
        "_stuck",
        "_task",
        "_transport",
        "_upgrading",
        "peer",
    )

    def __init__(self, keeper: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        self._keeper = keeper
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._session: Session[E] | None = None
        self._task: asyncio.Task[None] | None = None
        # Events waiting for their turn; None while nothing is being handled.
        self._pending: deque[E] | None = None
        # Octets that arrived while events were being handled.
        self._held: list[bytes] | None = None
        self._held_octets = 0
        self._progress = 0
        self._heard = False
        self._reading_paused = False
        self._upgrading = False
        self._eof = False  # the peer has said all it will
        self._revoked = False
        self._ending = False  # the server goes away once the event at work is handled
        self._closing = False  # nothing is written or handled any more
        self._lost = False
        # The peer reads slower than we write; `_drained` is what drain() waits for.
        self._stuck = False
        self._drained: asyncio.Future[None] | None = None
        self._deadline = Deadline(loop, FIRST_DEADLINE_S, self._deadline_passed)
        self.peer = Peer("", 0)

    # What the session sees: Connection

    @property
    def local(self) -> Peer:
        """Our side of the connection."""
        return _end(self._transport, "sockname")

    @property
    def tls(self) -> TlsState | None:
        """The TLS layer, described on demand so that an idle connection keeps no copy."""
        layer = self._tls_object()
        cipher = layer.cipher() if layer else None
        if layer is None or cipher is None:
            return None
        keeper = self._keeper
        return TlsState(
            version=cast("str", layer.version()),
            cipher=cipher[0],
            bits=cipher[2],
            bindings=lambda kind: keeper.channel_binding(layer, kind),
        )

    @property
    def tls_available(self) -> bool:
        """Whether STARTTLS can be offered now."""
        return self._tls_object() is None and self._keeper.tls_context() is not None

    @property
    def gone(self) -> bool:
        """Whether nothing written will arrive any more."""
        return self._lost or self._closing

    def write(self, octets: bytes) -> None:
        """Send; never waits, and does nothing once the connection is closing or lost."""
        if self._transport is not None and not self._closing:
            self._transport.write(octets)

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written; raises ConnectionGone."""
        if self._closing:
            raise ConnectionGone
        if not self._stuck:
            return
        if self._drained is None:
            self._drained = self._loop.create_future()
            self._deadline.restart()
        await self._drained

    async def start_tls(self) -> int:
        """Upgrade to TLS; returns the octets dropped because they came too early (RFC 3207 §6)."""
        transport, context = self._transport, self._keeper.tls_context()
        if transport is None or self._closing:
            raise ConnectionGone
        assert context is not None, "TLS was not offered"
        # Before anything waits, so that the ClientHello cannot be taken for a command.
        transport.pause_reading()
        self._upgrading = True
        dropped = self._forget_input()
        if dropped:
            self._keeper.injected(self, dropped)
        try:
            secured = await self._loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=self._keeper.handshake_s
            )
            if secured is None or secured.is_closing():  # as plain asyncio tells of a peer that left
                raise ConnectionAbortedError
        except OSError as error:  # every way a handshake fails: ssl.SSLError, ConnectionError, TimeoutError
            self._keeper.handshake_failed(self, error)
            self._lose()
            raise ConnectionGone from error
        self._transport = secured
        self._upgrading = self._reading_paused = False
        secured.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        return dropped

    def post(self, event: E) -> None:
        """Queue an event of our own; handled in the loop's next turn, or after the current one."""
        if self._closing:
            return
        if self._pending is not None:
            self._pending.append(event)
        else:
            # Not at once: whoever posts is in the middle of something.
            self._pending = deque((event,))
            self._loop.call_soon(self._go)

    def set_deadline(self, seconds: float) -> None:
        """Be impatient after so many seconds of silence, from now on."""
        self._deadline.set(seconds)

    def close(self) -> None:
        """Send what was written, then close."""
        self._close(lingering=False)

    def _close(self, *, lingering: bool) -> None:
        transport = self._transport
        if transport is None or self._closing:
            return
        self._closing = True
        unread = self._forget_input()
        self._deadline.set(LINGER_S)
        if (unread or lingering) and not self._eof and self._tls_object() is None:
            # RFC 9293 §3.10.4: closing on unread octets resets the connection, and our farewell with
            # it. So say that we are done, and throw away what the peer still sends until it is, too.
            self._resume_reading()
            transport.write_eof()
        else:
            transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    # What the listener sees

    @property
    def busy(self) -> bool:
        """Whether a handler is at work."""
        return self._pending is not None

    @property
    def working(self) -> bool:
        """Whether a handler is at work and not merely waiting for the peer to read."""
        return self._pending is not None and self._drained is None

    def end(self) -> None:
        """The server goes away: say so and close; a handler at work finishes its event first."""
        self._ending = True
        if self._upgrading or self._session is None:
            self.abort()
        elif self._pending is None:
            self.write(self._session.revoked() if self._revoked else self._session.ending())
            self._close(lingering=True)

    @property
    def account(self) -> Account | None:
        """Who has logged in."""
        return self._session.account if self._session else None

    def revoke(self) -> None:
        """Who has logged in may no longer be here: `end`, with other words, and without patience."""
        self._revoked = True
        self.end()
        self._loop.call_later(REVOKED_S, self.abort)

    # What the loop calls: BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer is connected: admit it, or turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        self.peer = _end(self._transport, "peername")
        try:
            admitted = self._keeper.admit(self)
        except Exception as error:
            self._keeper.failed(self, error)
            admitted = b""
        if isinstance(admitted, bytes):
            self.write(admitted)
            self.close()
            return
        self._session = admitted
        self._deadline.restart()
        self._pending = deque()
        # At once: where TLS is implicit, it must stand in our place before the loop starts to read.
        self._go(True)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 # the loop's signature
        """The buffer all connections of this loop share; emptied before anybody else reads."""
        return self._keeper.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets have arrived in the shared buffer."""
        octets = bytes(self._keeper.buffer[:nbytes])
        session = self._session
        if session is None or self._closing:
            return
        if self._pending is not None:
            self._hold(octets)
            return
        try:
            events = session.machine.receive(octets)
        except Exception as error:
            self._apologise(session, error)
            return
        if events:
            self._pending = deque(events)
            self._heard = True
            self._go()
        else:
            self._note_progress(nbytes)

    def eof_received(self) -> bool:
        """The peer has said all it will: finish what was asked, answer it, and close."""
        self._eof = True
        if self._tls_object() is not None:
            # A TLS layer cannot stay half open: the loop closes it by itself.
            self._closing = True
            return False
        # While a handler is at work, closing is left to the end of its work.
        return self._pending is not None and not self._closing

    def pause_writing(self) -> None:
        """The peer does not keep up."""
        self._stuck = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._stuck = False
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # the loop's signature
        """The connection is gone, whoever ended it."""
        self._lose()

    # The work

    def _go(self, opening: bool = False) -> None:
        """Handle events as far as that is possible without waiting; the rest in a task."""
        self._task = eager.drive(self._work(opening), self._loop)

    async def _work(self, opening: bool) -> None:
        session = self._session
        assert session is not None
        try:
            if opening:
                if self._keeper.implicit_tls:
                    await self.start_tls()
                await session.opened()
            await self._handle_all(session)
        except ConnectionGone:
            self.close()
        except Exception as error:  # one session's mistake must not be another's
            self._apologise(session, error)
        finally:
            self._rest()

    async def _handle_all(self, session: Session[E]) -> None:
        """Handle what is pending, then what the machine can tell next, until there is no more."""
        share = FAIR_SHARE
        pending = self._pending
        assert pending is not None
        while not self._closing and not self._ending:
            if not pending:
                pending.extend(self._more(session))
                if not pending:
                    return
            await session.handle(pending.popleft())
            if self._stuck and not self._closing:
                await self.drain()
            share -= 1
            if share == 0 and pending:
                share = FAIR_SHARE
                await asyncio.sleep(0)

    def _more(self, session: Session[E]) -> Sequence[E]:
        """The events that follow, now that all told ones are handled."""
        machine = session.machine
        if self._held:
            octets = b"".join(self._held)
            self._held, self._held_octets = None, 0
        elif machine.buffered:
            octets = b""
        else:
            return ()
        if self._reading_paused:
            self._resume_reading()
        events = machine.receive(octets)
        if events:
            self._heard = True
        else:
            self._note_progress(len(octets))
        return events

    def _rest(self) -> None:
        """All is handled: be idle, or end if the time has come."""
        self._pending = self._task = None
        if self._lost:
            self._release()
        elif self._ending:
            self.end()
        elif self._eof:
            self.close()
        elif self._heard:
            self._heard = False
            self._deadline.restart()

    def _apologise(self, session: Session[E], error: Exception) -> None:
        self._keeper.failed(self, error)
        self.write(session.failed())
        self._close(lingering=True)

    # Input kept back

    def _hold(self, octets: bytes) -> None:
        transport = self._transport
        assert transport is not None
        if self._upgrading and transport.get_protocol() is self:
            # No loop we know does this: octets that TLS has not seen, after STARTTLS. What TLS has
            # deciphered may well arrive before start_tls() is resumed, and is held.
            self._keeper.injected(self, len(octets))
            self.abort()
            return
        if self._held is None:
            self._held = []
        self._held.append(octets)
        self._held_octets += len(octets)
        if self._held_octets > MAX_HELD_OCTETS and not self._reading_paused and not self._upgrading:
            self._reading_paused = True
            transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and not self._eof and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    def _forget_input(self) -> int:
        """Drop all that was received and not handled; return about how many octets that were."""
        dropped = self._held_octets
        self._held, self._held_octets = None, 0
        if self._pending:
            dropped += len(self._pending)
            self._pending.clear()
        if self._session is not None:
            dropped += self._session.machine.discard()
        return dropped

    # Time

    def _note_progress(self, octets: int) -> None:
        self._progress += octets
        if self._progress >= PROGRESS_OCTETS:
            self._progress = 0
            self._deadline.restart()

    def _deadline_passed(self) -> None:
        if self._pending is not None and self._drained is None:
            self._deadline.restart()  # this was our own time, not the peer's
            return
        if self._closing or self._session is None or self._drained is not None:
            self.abort()
        else:
            self._keeper.timed_out(self)
            self.write(self._session.timed_out())
            self._close(lingering=True)

    # The end

    def _lose(self) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._deadline.stop()
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ConnectionGone())
        if self._pending is None:
            self._release()

    def _release(self) -> None:
        session, self._session = self._session, None
        self._transport = None
        if session is not None:
            try:
                session.closed()
            except Exception as error:
                self._keeper.failed(self, error)
            finally:
                self._keeper.released(self)

    def _tls_object(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        return cast("ssl.SSLObject | None", self._transport.get_extra_info("ssl_object"))


def _end(transport: asyncio.Transport | None, which: str) -> Peer:
    """One end of the connection; an IPv4 address mapped into IPv6 is written as IPv4."""
    name = transport.get_extra_info(which) if transport is not None else None
    if not isinstance(name, tuple):
        return Peer("", 0)  # a unix socket
    return Peer(name[0].removeprefix("::ffff:"), name[1])
