"""One SMTP session with one server: the client machine on a stream, with its timeouts.

Invariants: any failure on the way (a reset, a timeout, a stop) reaches the machine as "lost", so every transaction that
was begun ends with an outcome for each recipient. What a server replied before it closed the connection is read even
where the failure was found by writing.
"""

import ssl
from collections.abc import Sequence

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome
from pillarbox.protocol.smtp.client.events import (
    Ended,
    Event,
    Finished,
    Ready,
    SendContent,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.smtp.client.machine import ClientMachine
from pillarbox.protocol.smtp.client.states import State
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure, Stream, TlsFailure

BLOCK_OCTETS = 256 * 1024
"""Octets of a message that are sent under one time limit (RFC 5321 §4.5.3.2.5)."""
BLOCK_S = 180.0
"""That time limit."""
FINAL_READ_S = 1.0
"""How long to read what a server sent before it closed the connection."""

_IDLE = (State.READY, State.CLOSED)


class HandshakeFailed(Exception):
    """The TLS handshake failed; the connection cannot be used any more."""


class SessionRefused(Exception):
    """The server refused the session before any mail, or the connection was lost."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.text)
        self.said_by_server = ended.reply is not None and ended.reply.code != 0
        self.status = ended.reply.status if ended.reply and self.said_by_server else "4.4.2"
        self.permanent = self.status.startswith("5")


class ClientSession:
    """An open session that takes one message after another."""

    def __init__(self, stream: Stream, hostname: str, clock: Clock, *, tls_active: bool = False) -> None:
        """`tls_active`: the connection began with TLS."""
        self.stream = stream
        self.delivered = 0
        """Transactions that were finished in this session."""
        self._machine = ClientMachine(hostname, tls_active=tls_active)
        self._clock = clock
        self._limit = TimeLimit(clock, self._time_out)
        self._timed_out = False
        """The server took too long, and the connection was dropped."""
        self._ended: Ended | None = None

    @property
    def usable(self) -> bool:
        """Whether another transaction may be begun."""
        return self._ended is None

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers now."""
        return self._machine.capabilities

    @property
    def tls_active(self) -> bool:
        """Whether TLS protects the connection."""
        return self._machine.tls_active

    async def open(self) -> None:
        """Wait for the greeting and send EHLO. Raises `SessionRefused`."""
        await self._until(Ready)

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> bool:
        """Begin TLS; false if the server refuses after all. Raises `HandshakeFailed`, `SessionRefused`."""
        self._machine.start_tls()
        if isinstance(await self._until(StartHandshake, TlsRefused), TlsRefused):
            return False
        try:
            async with self._clock.timeout(self._machine.deadline_s):
                await self.stream.start_tls(context, server_name)
        except (TlsFailure, NetworkFailure, TimeoutError) as failure:
            self.abort()
            raise HandshakeFailed(str(failure) or "no handshake in time") from failure
        self._note(self._machine.tls_started())
        await self._until(Ready)
        return True

    async def authenticate(self, exchange: ClientExchange) -> None:
        """Log in. Raises `SessionRefused`."""
        self._machine.authenticate(exchange)
        await self._until(Ready)

    async def deliver(self, envelope: Envelope, octets: bytes) -> Sequence[Outcome]:
        """Send one message; an outcome for each recipient. Never raises for what the peer does."""
        finished: Finished | None = None
        events = self._machine.begin(envelope)
        while finished is None:
            self._note(events)
            for event in events:
                if isinstance(event, Finished):
                    finished = event
                elif isinstance(event, SendContent):
                    self._machine.content(octets)
            if finished is None:
                events = await self._exchange()
        self.delivered += 1
        # The RSET after a rejection is answered before the next transaction.
        while self.usable and self._machine.state not in _IDLE:
            self._note(await self._exchange())
        return finished.outcomes

    async def quit(self) -> None:
        """Send QUIT and close. Never raises for what the peer does."""
        if self.usable:
            self._machine.quit()
            while self.usable:
                self._note(await self._exchange())
        self._limit.close()
        await self.stream.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._limit.close()
        self._note(self._machine.lost("closed by us"))
        self.stream.abort()

    async def _until(self, *wanted: type[Event]) -> Event:
        """Go on until one of these events. Raises `SessionRefused` if the session ends first."""
        while True:
            for event in self._note(await self._exchange()):
                if isinstance(event, wanted):
                    return event
            if self._ended:
                await self.stream.close()
                raise SessionRefused(self._ended)

    def _note(self, events: Sequence[Event]) -> Sequence[Event]:
        for event in events:
            if isinstance(event, Ended):
                self._ended = event
        return events

    async def _exchange(self) -> Sequence[Event]:
        """Send what is to be sent, then read what the server sends."""
        machine = self._machine
        octets = machine.outgoing()
        seconds = machine.deadline_s
        try:
            if len(octets) > BLOCK_OCTETS:
                await self._send_blocks(octets)
                octets = b""
            self._limit.start(seconds)
            if octets:
                await self.stream.write(octets)
            received = await self.stream.read()
        except TimeoutError:
            return machine.lost(f"no answer in {seconds:.0f} seconds")
        except NetworkFailure as failure:
            if self._timed_out:
                return machine.lost(f"no answer in {seconds:.0f} seconds")
            return await self._read_rest(f"connection lost: {failure}")
        finally:
            self._limit.stop()
        if received:
            return machine.receive(received)
        why = f"no answer in {seconds:.0f} seconds" if self._timed_out else "the server closed the connection"
        return machine.lost(why)

    def _time_out(self) -> None:
        """The pending read or write fails."""
        self._timed_out = True
        self.stream.abort()

    async def _send_blocks(self, octets: bytes) -> None:
        """A large message, block by block. Raises NetworkFailure, TimeoutError."""
        view = memoryview(octets)
        for start in range(0, len(view), BLOCK_OCTETS):
            async with self._clock.timeout(BLOCK_S):
                await self.stream.write(bytes(view[start : start + BLOCK_OCTETS]))

    async def _read_rest(self, why: str) -> Sequence[Event]:
        """A lost connection may still hold a reply: a 421, or why a message was rejected."""
        try:
            async with self._clock.timeout(FINAL_READ_S):
                received = await self.stream.read()
        except (NetworkFailure, TimeoutError):
            received = b""
        return [*self._machine.receive(received), *self._machine.lost(why)]
