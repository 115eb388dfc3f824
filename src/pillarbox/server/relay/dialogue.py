"""One connection to one server: the client machine on a stream, with its time limits.

What is always true: whatever goes wrong on the way (a reset, silence, a stop) reaches the machine as "lost",
so every transaction that was begun ends with an outcome for each recipient. What a server said before it
closed is heard even where we found out by writing.
"""

import ssl
from collections.abc import Sequence

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome
from pillarbox.protocol.smtp.client.extensions import Extensions
from pillarbox.protocol.smtp.client.machine import (
    ClientMachine,
    Ended,
    Event,
    Finished,
    NotSecured,
    Ready,
    SecureNow,
    SendContent,
)
from pillarbox.protocol.smtp.client.states import State
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure, Stream, TlsFailure

BLOCK_OCTETS = 256 * 1024
"""Octets of a message that are sent under one time limit (RFC 5321 §4.5.3.2.5)."""
BLOCK_S = 180.0
"""... and this is it."""
LAST_WORDS_S = 1.0
"""How long to listen for what a server said before it closed the connection on us."""

_AT_REST = (State.READY, State.CLOSED)


class HandshakeFailed(Exception):
    """STARTTLS was agreed on and no TLS came of it; this connection is of no more use."""


class Unwilling(Exception):
    """The server turned us away before any mail, or could not be talked to."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.text)
        self.said_by_server = ended.reply is not None and ended.reply.code != 0
        self.status = ended.reply.status if ended.reply and self.said_by_server else "4.4.2"
        self.permanent = self.status.startswith("5")


class Dialogue:
    """An open connection that takes one message after another."""

    def __init__(self, stream: Stream, hostname: str, clock: Clock, *, secured: bool = False) -> None:
        """`secured`: TLS has begun already."""
        self.stream = stream
        self.delivered = 0
        """Transactions that were finished on this connection."""
        self._machine = ClientMachine(hostname, secured=secured)
        self._clock = clock
        self._limit = TimeLimit(clock, self._give_up)
        self._overdue = False
        """The server took too long, and was given up."""
        self._ended: Ended | None = None

    @property
    def usable(self) -> bool:
        """Whether another transaction may be begun."""
        return self._ended is None

    @property
    def extensions(self) -> Extensions:
        """What the server offers now."""
        return self._machine.extensions

    @property
    def is_secured(self) -> bool:
        """Whether TLS protects it."""
        return self._machine.is_secured

    async def open(self) -> None:
        """Wait for the greeting and greet. Raises `Unwilling`."""
        await self._until(Ready)

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> bool:
        """Begin TLS; false where the server will not after all. Raises `HandshakeFailed`, `Unwilling`."""
        self._machine.start_tls()
        if isinstance(await self._until(SecureNow, NotSecured), NotSecured):
            return False
        try:
            async with self._clock.timeout(self._machine.deadline_s):
                await self.stream.start_tls(context, server_name)
        except (TlsFailure, NetworkFailure, TimeoutError) as failure:
            self.abort()
            raise HandshakeFailed(str(failure) or "no handshake in time") from failure
        self._note(self._machine.secured())
        await self._until(Ready)
        return True

    async def authenticate(self, exchange: ClientExchange) -> None:
        """Prove who we are. Raises `Unwilling`."""
        self._machine.authenticate(exchange)
        await self._until(Ready)

    async def deliver(self, envelope: Envelope, octets: bytes) -> Sequence[Outcome]:
        """Hand over one message; an outcome for each recipient. Never raises for what the peer does."""
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
        # What follows a refusal (RSET) is settled before the next transaction.
        while self.usable and self._machine.state not in _AT_REST:
            self._note(await self._exchange())
        return finished.outcomes

    async def quit(self) -> None:
        """Say good-bye and close. Never raises for what the peer does."""
        if self.usable:
            self._machine.quit()
            while self.usable:
                self._note(await self._exchange())
        self._limit.close()
        await self.stream.close()

    def abort(self) -> None:
        """Close without a word."""
        self._limit.close()
        self._note(self._machine.lost("closed by us"))
        self.stream.abort()

    async def _until(self, *wanted: type[Event]) -> Event:
        """Go on until one of these events. Raises `Unwilling` where the connection ends first."""
        while True:
            for event in self._note(await self._exchange()):
                if isinstance(event, wanted):
                    return event
            if self._ended:
                await self.stream.close()
                raise Unwilling(self._ended)

    def _note(self, events: Sequence[Event]) -> Sequence[Event]:
        for event in events:
            if isinstance(event, Ended):
                self._ended = event
        return events

    async def _exchange(self) -> Sequence[Event]:
        """Send what is to be sent, then wait for the server's next words."""
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
            heard = await self.stream.read()
        except TimeoutError:
            return machine.lost(f"no answer in {seconds:.0f} seconds")
        except NetworkFailure as failure:
            if self._overdue:
                return machine.lost(f"no answer in {seconds:.0f} seconds")
            return await self._last_words(f"connection lost: {failure}")
        finally:
            self._limit.stop()
        if heard:
            return machine.receive(heard)
        why = f"no answer in {seconds:.0f} seconds" if self._overdue else "the server closed the connection"
        return machine.lost(why)

    def _give_up(self) -> None:
        """Whoever waits for the server's next words finds the connection gone."""
        self._overdue = True
        self.stream.abort()

    async def _send_blocks(self, octets: bytes) -> None:
        """A large message, some at a time. Raises NetworkFailure, TimeoutError."""
        view = memoryview(octets)
        for start in range(0, len(view), BLOCK_OCTETS):
            async with self._clock.timeout(BLOCK_S):
                await self.stream.write(bytes(view[start : start + BLOCK_OCTETS]))

    async def _last_words(self, why: str) -> Sequence[Event]:
        """A connection that is gone may still hold an answer: a 421, or why a message is not wanted."""
        try:
            async with self._clock.timeout(LAST_WORDS_S):
                heard = await self.stream.read()
        except (NetworkFailure, TimeoutError):
            heard = b""
        return [*self._machine.receive(heard), *self._machine.lost(why)]
