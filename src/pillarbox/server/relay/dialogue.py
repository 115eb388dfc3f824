"""One connection to one server: the client machine on a stream, with its time limits.

What is always true: whatever goes wrong on the way (a reset, silence, a stop) reaches the machine as "lost",
so every transaction that was begun ends with an outcome for each recipient.
"""

import ssl
from collections.abc import Sequence

from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome
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
from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure, Stream, TlsFailure

BLOCK_OCTETS = 256 * 1024
"""Octets of a message that are sent under one time limit (RFC 5321 §4.5.3.2.5)."""


_AT_REST = (State.READY, State.CLOSED)


class HandshakeFailed(Exception):
    """STARTTLS was agreed on and no TLS came of it; this connection is of no more use."""


class Unwilling(Exception):
    """The server turned us away before any mail, or could not be talked to."""


class Dialogue:
    """An open connection that takes one message after another."""

    def __init__(self, stream: Stream, hostname: str, clock: Clock) -> None:
        self.stream = stream
        self.machine = ClientMachine(hostname)
        self.delivered = 0
        """Transactions that were finished on this connection."""
        self._clock = clock
        self._ended: Ended | None = None

    @property
    def usable(self) -> bool:
        """Whether another transaction may be begun."""
        return self._ended is None

    async def open(self) -> None:
        """Wait for the greeting and greet. Raises `Unwilling`."""
        await self._until(Ready)

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> bool:
        """Begin TLS; false where the server will not after all. Raises `HandshakeFailed`, `Unwilling`."""
        self.machine.start_tls()
        if isinstance(await self._until(SecureNow, NotSecured), NotSecured):
            return False
        try:
            async with self._clock.timeout(self.machine.deadline_seconds):
                await self.stream.start_tls(context, server_name)
        except (TlsFailure, NetworkFailure, TimeoutError) as failure:
            self.abort()
            raise HandshakeFailed(str(failure) or "no handshake in time") from failure
        self._note(self.machine.secured())
        await self._until(Ready)
        return True

    async def deliver(self, envelope: Envelope, octets: bytes) -> Sequence[Outcome]:
        """Hand over one message; an outcome for each recipient. Never raises for what the peer does."""
        finished: Finished | None = None
        events = list(self.machine.begin(envelope))
        while finished is None:
            self._note(events)
            for event in events:
                if isinstance(event, Finished):
                    finished = event
                elif isinstance(event, SendContent):
                    self.machine.content(octets)
            if finished is None:
                events = await self._exchange()
        self.delivered += 1
        # What follows a refusal (RSET) is settled before the next transaction.
        while self.usable and self.machine.state not in _AT_REST:
            self._note(await self._exchange())
        return finished.outcomes

    async def quit(self) -> None:
        """Say good-bye and close. Never raises."""
        if self.usable:
            self.machine.quit()
            while self.usable:
                self._note(await self._exchange())
        await self.stream.close()

    def abort(self) -> None:
        """Close without a word."""
        self._note(self.machine.lost("closed by us"))
        self.stream.abort()

    async def _until(self, *wanted: type[Event]) -> Event:
        """Go on until one of these events. Raises `Unwilling` where the connection ends first."""
        while True:
            for event in self._note(await self._exchange()):
                if isinstance(event, wanted):
                    return event
            if self._ended:
                await self.stream.close()
                raise Unwilling(self._ended.text)

    def _note(self, events: Sequence[Event]) -> Sequence[Event]:
        for event in events:
            if isinstance(event, Ended):
                self._ended = event
        return events

    async def _exchange(self) -> list[Event]:
        """Send what is to be sent, then wait for the server's next words."""
        try:
            await self._send()
            async with self._clock.timeout(self.machine.deadline_seconds):
                octets = await self.stream.read()
        except TimeoutError:
            return list(self.machine.lost(f"no answer in {self.machine.deadline_seconds:.0f} seconds"))
        except NetworkFailure as failure:
            return list(self.machine.lost(f"connection lost: {failure}"))
        if not octets:
            return list(self.machine.lost("the server closed the connection"))
        return list(self.machine.receive(octets))

    async def _send(self) -> None:
        """Raises NetworkFailure, TimeoutError."""
        octets = memoryview(self.machine.outgoing())
        for start in range(0, len(octets), BLOCK_OCTETS):
            async with self._clock.timeout(self.machine.deadline_seconds):
                await self.stream.write(bytes(octets[start : start + BLOCK_OCTETS]))
