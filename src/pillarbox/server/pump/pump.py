"""One connection: octets in, events to the session's handlers, octets out (see `server.connection`).

A pump is the loop's `BufferedProtocol`. All pumps of a loop read into one shared buffer, and what
arrived is copied out once, as `bytes`: an idle connection owns no read buffer. Nor does it own a
task: a handler is driven on the spot, and only one that has to wait is given a task to wait in.

What each callback does is defined by the table in `phases`; this file performs it. What is always true:

- At most `MAX_HELD_OCTETS` octets wait for a handler (plus one read); then reading is paused.
- Nothing is written after `close()`; nothing is read into the session after STARTTLS was asked
  for, until the TLS handshake is done.
- The deadline is one timer, looked at when it fires: hearing from the peer only moves a number.
- The peer that does not read is waited for (`drain`), at most as long as the deadline says.
- Other connections are served at least every `SHARE_S` seconds, however many events are at hand, and whoever is
  heard from has an event handled in that iteration of the loop, however many connections are at work, unless its
  account has used up its share of it (`turns`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, cast

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Activity, ConnectionGone, E, Peer, TlsState
from pillarbox.server.pump.handling import WRITE_HIGH_WATER_OCTETS, Handling
from pillarbox.server.pump.phases import TABLE, Event, Phase
from pillarbox.server.pump.transport import Traffic, end_of, tls_of, tls_state, traffic_of

REVOKED_S: Final = 1.0
"""How long a session whose accounts were revoked, or that an operator ends, may take for its current event and its
final reply."""

_IDLE = Phase.IDLE
_NO_ACTIVITY: Final = Activity()


class Pump(Handling[E]):
    """One connection; the `Connection` its session sees."""

    __slots__ = ()

    # --- what the session sees: Connection

    @property
    def local(self) -> Peer:
        """Our side of the connection."""
        return end_of(self._transport, "sockname")

    @property
    def tls(self) -> TlsState | None:
        """The TLS layer, described on demand so that an idle connection keeps no copy."""
        return tls_state(self._transport, self._owner.channel_binding)

    @property
    def tls_available(self) -> bool:
        """Whether STARTTLS can be offered now."""
        return tls_of(self._transport) is None and self._owner.tls_context() is not None

    @property
    def gone(self) -> bool:
        """Whether nothing written will arrive any more."""
        return not self.phase.open

    @property
    def half_closed(self) -> bool:
        """Whether the peer has sent all it will."""
        return self._eof

    @property
    def ending(self) -> bool:
        """Whether the listener wants the connection to end."""
        return self._ending is not None

    def write(self, octets: bytes) -> None:
        """Send; never waits, and does nothing once the connection is closing or lost."""
        if self._transport is not None and self.phase.open:
            self._transport.write(octets)

    def post(self, event: object) -> None:
        """Queue an event of our own; handled in the loop's next iteration, or after the current event."""
        if self.phase.open:
            if self._events is None:
                self._events = deque()
            self._events.append(cast("E", event))
            self._on(Event.POST)

    def set_deadline(self, seconds: float) -> None:
        """Time out after so many seconds of silence, from now on."""
        self._deadline.set(seconds)

    def close(self) -> None:
        """Send what was written, then close."""
        self._on(Event.CLOSE)

    def abort(self) -> None:
        """Close at once."""
        self._on(Event.ABORT)

    # --- what the listener sees

    @property
    def working(self) -> bool:
        """Whether a handler is at work and not merely waiting for the peer to read."""
        return self.phase.at_work and self.phase is not Phase.DRAINING

    @property
    def accounts(self) -> Collection[AccountId]:
        """The accounts that the session acts for."""
        return self._session.accounts if self._session is not None else ()

    @property
    def logins(self) -> Collection[Login]:
        """The same, each with the password that was given."""
        return self._session.logins if self._session is not None else ()

    def end(self) -> None:
        """Say that the server goes away, and close; a handler at work finishes its event first."""
        if self._session is not None and self._ending is None:
            self._ending = self._session.ending
        self._on(Event.END)

    @property
    def activity(self) -> Activity:
        """What the session is doing."""
        return self._session.activity() if self._session is not None else _NO_ACTIVITY

    @property
    def traffic(self) -> Traffic | None:
        """What went over the connection, from the kernel: counting it here would cost every command something."""
        return traffic_of(self._transport)

    def revoke(self) -> None:
        """End a session whose login is no longer good: `end` with other words, and a short limit."""
        self._end_soon(self._session.revoked if self._session is not None else None)

    def kick(self) -> None:
        """End a session on an operator's order."""
        self._end_soon(self._session.kicked if self._session is not None else None)

    def _end_soon(self, farewell: Callable[[], bytes] | None) -> None:
        if farewell is not None:
            self._ending = farewell
        self._on(Event.END)
        self._loop.call_later(REVOKED_S, self.abort)

    # --- what the loop calls: BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer is connected: admit or refuse it."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_OCTETS)
        if not self.peer.address:
            self.peer = end_of(self._transport, "peername")
        try:
            admitted = self._owner.admit(self)
        except Exception as error:
            self._owner.failed(self.peer, error)
            admitted = b""
        if isinstance(admitted, bytes):
            self.write(admitted)
            self.close()
            return
        self._session = admitted
        self._deadline.restart()
        # At once: where TLS is implicit, the upgrade must begin before the loop starts to read.
        self._on(Event.ADMIT)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 # the loop's signature
        """The buffer all connections of this loop share; emptied before the next connection reads."""
        return self._owner.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets have arrived in the shared buffer."""
        if self.phase is _IDLE:  # the table's step, spelt out: it is taken for every command
            self._feed(nbytes)
        else:
            _ON_OCTETS[self.phase](self, nbytes)

    def eof_received(self) -> bool:
        """The peer has sent all it will: finish what was asked, answer it, and close."""
        self._eof = True
        self._on(Event.EOF if tls_of(self._transport) is None else Event.TLS_EOF)
        # Stay half open where the work goes on; otherwise the loop closes the connection.
        return self.phase.open

    def pause_writing(self) -> None:
        """The peer does not keep up."""
        self._slow_reader = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._slow_reader = False
        self._output_taken()
        self._on(Event.CAUGHT_UP)
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # the loop's signature
        """The connection is gone, whichever side ended it."""
        self._on(Event.LOST)

    # --- the table at work

    def _on(self, event: Event) -> None:
        action, self.phase = _STEPS[event][self.phase]
        action(self)

    # --- actions: the end

    def _nothing(self) -> None:
        pass

    def _restart_deadline(self) -> None:
        self._deadline.restart()

    def _shut(self) -> None:
        self._close_when_sent(linger=False)

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send_ending(self) -> None:
        if self._ending is not None:
            self._send(self._ending())

    def _send_timed_out(self) -> None:
        self._owner.timed_out()
        if self._session is not None:
            self._send(self._session.timed_out())

    def _send_scarce(self) -> None:
        if self._session is not None:
            self._send(self._session.scarce())

    def _send_failed(self) -> None:
        if self._session is not None:
            self._send(self._session.failed())

    def _send(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)
        self._close_when_sent(linger=True)

    def _close_when_sent(self, *, linger: bool) -> None:
        transport = self._transport
        if transport is None:
            return
        unread = self._forget_input()
        self._deadline.set(self._owner.linger_s)
        if (unread or linger) and not self._eof and tls_of(transport) is None:
            # RFC 9293 §3.10.4: closing on unread octets resets the connection, and our final reply with
            # it. So say that we are done, and throw away what the peer still sends until it is, too.
            self._resume_reading()
            transport.write_eof()
        else:
            transport.close()

    def _lose(self) -> None:
        self._deadline.stop()
        self._input_taken()
        self._output_taken()
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ConnectionGone())

    def _release(self) -> None:
        self._lose()
        session, self._session = self._session, None
        self._transport = None
        if session is not None:
            try:
                session.closed()
            except Exception as error:
                self._owner.failed(self.peer, error)
            finally:
                self._owner.released(self)


def _method(event: Event, phase: Phase) -> Any:
    """The method that performs an action; it is named after it."""
    return getattr(Pump, "_" + TABLE[event, phase].action.name.lower())


# The table with its methods looked up, by the numbers of event and phase. `OCTETS` never changes the phase,
# and its actions take the number of octets.
_ON_OCTETS: Final[Sequence[Callable[[Pump[Any], int], None]]] = tuple(
    _method(Event.OCTETS, phase) for phase in Phase
)
_STEPS: Final[Sequence[Sequence[tuple[Callable[[Pump[Any]], None], Phase]]]] = tuple(
    tuple((_method(event, phase), TABLE[event, phase].then) for phase in Phase) for event in Event
)
