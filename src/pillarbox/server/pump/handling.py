"""Half of a pump: feeds the machine, runs the session's handlers, and waits on their behalf.

The other half, `pump`, has what the loop, the session and the listener call, and the ways in which a
connection ends.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, Final, Generic

from pillarbox.server.connection import NOBODY, ConnectionGone, E, Peer, Session
from pillarbox.server.pump import eager
from pillarbox.server.pump.accounting import Accounting
from pillarbox.server.pump.deadline import Deadline
from pillarbox.server.pump.held_input import HeldInput
from pillarbox.server.pump.owner import ConnectionOwner
from pillarbox.server.pump.phases import Event, Phase
from pillarbox.server.pump.turns import NOTED_S, SHARE_S, TOGETHER_S
from pillarbox.world.memory import UNCOUNTED_OCTETS

WRITE_HIGH_WATER_OCTETS: Final = 256 * 1024
"""Octets written but not yet taken by the peer, from which `drain()` waits."""
PROGRESS_OCTETS: Final = 4096
"""Octets that count as activity of the peer, where an event takes many reads (a large message)."""
FIRST_DEADLINE_S: Final = 60.0
"""Until the session sets a deadline of its own."""
SMALL_READ_OCTETS: Final = 4096
"""What has come in one read is looked at at once up to this size, whoever waits for a turn."""

_IDLE, _WORKING = Phase.IDLE, Phase.WORKING
_NO_SHARE: Final = 0.0
"""When a share ends that begins with the next event."""
_USED_UP: Final = -1.0
"""When a share ended where the next event waits for a turn."""


class Handling(Accounting, ABC, Generic[E]):
    """The state of a connection, and the actions that handle its events."""

    __slots__ = (
        "_active",
        "_deadline",
        "_drained",
        "_ending",
        "_eof",
        "_events",
        "_held",
        "_loop",
        "_owner",
        "_progress_octets",
        "_rested_at",
        "_session",
        "_share_ends",
        "_slow_reader",
        "_task",
        "_transport",
        "peer",
        "phase",
    )

    def __init__(
        self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop, peer: Peer | None = None
    ) -> None:
        """`peer` is the other end where the transport does not know it (after a PROXY header)."""
        super().__init__()
        self.phase = Phase.CONNECTING
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._session: Session[E] | None = None
        self._task: asyncio.Task[None] | None = None
        # Events not handled yet; made when there are some.
        self._events: deque[E] | None = None
        self._held = HeldInput()
        self._drained: asyncio.Future[None] | None = None
        self._share_ends = self._rested_at = _NO_SHARE
        """Until `_rested_at`, input is handled within the share that ends at `_share_ends`. A connection rests as long
        as it has worked: the loop may read many times from one connection before it looks at others."""
        self._deadline = Deadline(loop, owner.alarms, FIRST_DEADLINE_S, self._deadline_passed)
        self.peer = peer or NOBODY
        # --- facts about the peer and the listener that hold across phases
        self._eof = False
        """The peer has sent all it will."""
        self._slow_reader = False
        """The peer reads slower than we write; `drain()` waits."""
        self._active = False
        """An event has come in since the deadline was last restarted."""
        self._progress_octets = 0
        """Octets of an incomplete event that have come in since then."""
        self._ending: Callable[[], bytes] | None = None
        """Set once the listener wants the connection to end: returns the session's final reply."""

    @abstractmethod
    def _on(self, event: Event) -> None:
        """Enter the phase that the table gives, then perform its action."""

    def _deadline_passed(self) -> None:
        self._on(Event.DEADLINE)

    # --- waiting

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written; raises ConnectionGone."""
        if not self.phase.open:
            raise ConnectionGone
        if not self._slow_reader:
            return
        if self._drained is None:
            self._drained = self._loop.create_future()
            self._count_output()
            self._on(Event.WAIT)
        await self._drained

    async def give_way(self) -> None:
        """Let other connections be served; see `Connection.give_way`."""
        await self._owner.turns.wait()

    async def start_tls(self) -> int:
        """Upgrade to TLS; returns the octets dropped because they came too early (RFC 3207 §6)."""
        transport, context = self._transport, self._owner.tls_context()
        if transport is None or not self.phase.open:
            raise ConnectionGone
        assert context is not None, "TLS was not offered"
        # Before anything waits, so that the ClientHello cannot be taken for a command.
        transport.pause_reading()
        self._on(Event.SECURE)
        dropped = self._forget_input()
        if dropped:
            self._owner.injected(dropped)
        try:
            secured = await self._loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=self._owner.handshake_s
            )
            if secured is None or secured.is_closing():  # how plain asyncio reports a peer that left
                raise ConnectionAbortedError
        except OSError as error:  # every way a handshake fails: ssl.SSLError, ConnectionError, TimeoutError
            self._owner.handshake_failed(error)
            self._on(Event.LOST)
            raise ConnectionGone from error
        self._transport = secured
        self._held.paused = False
        secured.set_write_buffer_limits(high=WRITE_HIGH_WATER_OCTETS)
        self._on(Event.SECURED)
        return dropped

    # --- actions: handling events

    def _drive(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        return eager.drive(work, self._loop, self._owner.turns, self._who)

    def _who(self) -> Hashable:
        """With whom this connection shares what an iteration of the loop has for one account."""
        session = self._session
        return None if session is None else next(iter(session.accounts), None)

    def _open(self) -> None:
        self._task = self._drive(self._opened())

    def _run(self) -> None:
        """Handle events as far as that is possible without waiting; the rest in a task."""
        self._task = self._drive(self._work())

    def _run_soon(self) -> None:
        # Not at once: the caller of `post` is in the middle of something.
        self._loop.call_soon(self._run_posted)

    def _run_posted(self) -> None:
        # In turns, since one change may be news to many connections
        self._task = self._drive(self._work(_USED_UP))

    async def _opened(self) -> None:
        session = self._session
        assert session is not None
        try:
            if self._owner.implicit_tls:
                await self.start_tls()
            await session.opened()
        except Exception as error:
            self._ended_by(error)
        except BaseException:  # cancelled: the loop is being ended
            self._events = self._task = None
            self._on(Event.DONE)
            raise
        await self._work()

    async def _work(
        self, share_ends: float = _NO_SHARE, fed_at: float = 0.0, *, fed_much: bool = False
    ) -> None:
        """Handle the events at hand, then those the machine returns next, until there are no more.

        `fed_at`: when the machine was given input, if just now. `fed_much`: that took time which counts as well.
        """
        session, held, turns = self._session, self._held, self._owner.turns
        assert session is not None
        monotonic, now, began = turns.monotonic, fed_at, fed_at
        try:
            while self.phase is _WORKING and self._ending is None:
                events = self._events
                if not events and not (held.octets or session.machine.buffered):
                    return
                # By time, since a thousand events may take a millisecond or a minute. A handler that has waited
                # gives way once more than it must: cheaper than knowing that it has.
                if fed_at:
                    fed_at = 0.0
                else:
                    now = monotonic()
                if now >= share_ends:
                    if share_ends != _NO_SHARE:
                        await turns.wait()
                        share_ends = turns.share_from(monotonic())
                        continue
                    began = now
                    if now < self._rested_at:
                        share_ends = self._share_ends
                    else:
                        share_ends = _USED_UP if turns.crowded else now + SHARE_S
                if not events:
                    if not (more := self._more(session)):
                        if held.octets:
                            continue
                        return
                    self._events = events = deque(more)
                await session.handle(events.popleft())
                if self._slow_reader and self.phase.open:
                    await self.drain()
        except Exception as error:
            self._ended_by(error)
        finally:
            if fed_much:
                now = monotonic()
            if now > began and self._task is None:  # more than one event, or much input, and no waiting
                self._share_ends, self._rested_at = share_ends, now + (now - began)
            self._events = self._task = None
            if self.phase is _WORKING:  # the table's step, spelt out: it is taken after every command
                self.phase = _IDLE
                self._rest()
            else:
                self._on(Event.DONE)

    def _ended_by(self, error: Exception) -> None:
        if isinstance(error, ConnectionGone):
            self._on(Event.CLOSE)
        else:  # a mistake in one session must not affect another
            self._fail(error)

    def _more(self, session: Session[E]) -> Sequence[E]:
        """The next events, now that all earlier ones are handled and some input is left."""
        machine, octets = session.machine, b""
        events = machine.receive(b"") if machine.buffered else ()
        if not events and self._held.octets:
            # No sooner, so that the machine never has more than one read and an incomplete line
            octets = self._held.take()
            if not self._held.full:
                self._resume_reading()
            events = machine.receive(octets)
        if events:
            self._active = True
            if self._input_memory is not None:
                self._input_taken()
        else:
            self._count_progress(len(octets))
        return events

    def _count_progress(self, octets: int) -> None:
        """So many octets have come in, and no event is complete: the peer was active all the same."""
        self._progress_octets += octets
        if self._progress_octets >= PROGRESS_OCTETS:
            self._progress_octets = 0
            self._deadline.restart()
        self._count_input()

    def _rest(self) -> None:
        if self._ending is not None:
            self._on(Event.END)
        elif self._eof:
            self._on(Event.CLOSE)
        elif self._active:
            self._active = False
            self._deadline.restart()

    def _fail(self, error: Exception) -> None:
        self._owner.failed(self.peer, error)
        self._on(Event.FAILURE)

    # --- actions: octets that arrive

    def _feed(self, nbytes: int) -> None:
        turns = self._owner.turns
        began, share_ends, much = turns.monotonic(), _NO_SHARE, nbytes > SMALL_READ_OCTETS
        if much or turns.full:
            share_ends = self._share_of(began, much=much)
            if share_ends == _USED_UP:
                self._hold(nbytes)
                self.phase = _WORKING
                self._task = self._drive(self._work(_USED_UP))
                return
        session = self._session
        assert session is not None
        try:
            events = session.machine.receive(self._owner.buffer[:nbytes].tobytes())
        except Exception as error:
            self._fail(error)
            return
        if events:
            self._active = True
            if self._input_memory is not None:
                self._input_taken()
            self._events = deque(events)
            self.phase = _WORKING  # BEGIN, spelt out likewise
            work = self._work(share_ends, began, fed_much=much)
            self._task = eager.drive(work, self._loop, turns, self._who)
        else:
            self._count_progress(nbytes)
        seconds = turns.monotonic() - began
        turns.used_s += seconds  # `used`, spelt out for what is short
        if seconds >= NOTED_S or turns.used_s >= TOGETHER_S:
            turns.note(seconds, self._who)

    def _share_of(self, now: float, *, much: bool) -> float:
        """When the share ends of what has just come in: much input, or any while the loop has no time."""
        turns = self._owner.turns
        if not much:
            return _USED_UP if turns.had_share(self._who()) else _NO_SHARE
        share_ends = self._share_ends if now < self._rested_at else now + SHARE_S
        return _USED_UP if turns.crowded or share_ends <= now else share_ends

    def _hold(self, nbytes: int) -> None:
        held, transport = self._held, self._transport
        held.add(self._owner.buffer[:nbytes].tobytes())
        if held.octets >= UNCOUNTED_OCTETS:
            self._count_input()
        if (held.full or self._memory.scarce) and not held.paused and transport is not None:
            held.paused = True
            transport.pause_reading()

    def _hold_deciphered(self, nbytes: int) -> None:
        transport = self._transport
        if transport is not None and transport.get_protocol() is self:
            # No loop we know does this: octets that TLS has not seen, after STARTTLS. What TLS has
            # deciphered may well arrive before start_tls() is resumed, and is held.
            self._owner.injected(nbytes)
            self._on(Event.ABORT)
        else:
            self._held.add(self._owner.buffer[:nbytes].tobytes())

    def _drop(self, nbytes: int) -> None:
        pass

    def _resume_reading(self) -> None:
        if self._held.paused and not self._eof and self._transport is not None:
            self._held.paused = False
            self._transport.resume_reading()

    def _forget_input(self) -> int:
        """Drop all that was received and not handled; return about how many octets that were."""
        dropped = self._held.forget()
        self._input_taken()
        if self._events:
            dropped += len(self._events)
            self._events.clear()
        if self._session is not None:
            dropped += self._session.machine.discard()
        return dropped
