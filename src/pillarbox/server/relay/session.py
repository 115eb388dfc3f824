"""One SMTP session with one server: the client machine on a stream, with its timeouts.

Invariants: any failure on the way (a reset, a timeout, a stop) reaches the machine as "lost", so every transaction that
was begun ends with an outcome for each recipient. What a server replied before it closed the connection is read even
where the failure was found by writing.
"""

import asyncio
import math
import ssl
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.content import Stuffing
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
from pillarbox.server.relay.content import BLOCK_OCTETS, Content
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure, Stream, TlsFailure

BLOCK_S = 180.0
"""How long a server may take to read a block of a message (RFC 5321 §4.5.3.2.5)."""
DELIVERY_S = 2 * 3600.0
"""How long one message may take altogether: a server that answers each command at the last moment must not keep a
connection for days. In so long, 50 MB pass at 7 KB a second. The final reply has its own time beyond it."""
FINAL_READ_S = 1.0
"""How long to read what a server sent before it closed the connection."""

_IDLE = (State.READY, State.CLOSED)


class HandshakeFailed(Exception):
    """The TLS handshake failed; the connection cannot be used any more."""


class SessionRefused(Exception):
    """The server refused the session before any mail, or the connection was lost."""

    def __init__(self, ended: Ended, *, protected: bool = False) -> None:
        super().__init__(ended.text)
        self.protected = protected
        """TLS was active: it was the peer of the handshake."""
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
        self._awaited_since_s = 0.0
        """When we began to wait for the reply that is due."""
        self._replies = -1
        """Replies read by then."""
        self._deliver_until_s = math.inf
        self._ended: Ended | None = None
        self._blocks: Iterable[bytes] | None = None
        """A large message that is sent after what the machine has to say."""

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

    async def deliver(self, envelope: Envelope, content: Content) -> Sequence[Outcome]:
        """Send one message; an outcome for each recipient. Never raises for what the peer does.

        Raises `BlobDamaged` or `DatabaseUnavailable` where the message cannot be read to its end; then the session
        is to be aborted.
        """
        finished: Finished | None = None
        self._deliver_until_s = self._clock.monotonic() + DELIVERY_S
        events = self._machine.begin(envelope)
        while finished is None:
            self._note(events)
            for event in events:
                if isinstance(event, Finished):
                    finished = event
                elif isinstance(event, SendContent):
                    self._send_content(content)
            if finished is None:
                events = await self._exchange()
        self.delivered += 1
        self._deliver_until_s = math.inf
        # The RSET after a rejection is answered before the next transaction.
        while self.usable and self._machine.state not in _IDLE:
            self._note(await self._exchange())
        return finished.outcomes

    def _send_content(self, content: Content) -> None:
        if isinstance(content, bytes):
            self._machine.content(content)
        else:
            self._blocks = _as_sent(content.blocks(), self._machine.stream(len(content)))

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
            events = self._note(await self._exchange())
            # It may have ended right after: by what was injected behind the go-ahead for TLS, say (RFC 3207 §6)
            if self._ended:
                await self.stream.close()
                raise SessionRefused(self._ended, protected=self.tls_active)
            for event in events:
                if isinstance(event, wanted):
                    return event

    def _note(self, events: Sequence[Event]) -> Sequence[Event]:
        for event in events:
            if isinstance(event, Ended):
                self._ended = event
        return events

    async def _exchange(self) -> Sequence[Event]:
        """Send what is to be sent, then read what the server sends."""
        machine = self._machine
        octets = machine.outgoing()
        blocks, self._blocks = self._blocks, None
        seconds = machine.deadline_s
        try:
            if blocks is not None:
                await self._send_blocks(chain((octets,), blocks))
                octets = b""
            elif len(octets) > BLOCK_OCTETS:
                await self._send_blocks(_cut(octets))
                octets = b""
            self._limit.start(self._reply_due_in_s(seconds, sent=bool(octets) or blocks is not None))
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

    def _reply_due_in_s(self, seconds: float, *, sent: bool) -> float:
        """What is left of these seconds for a reply: a server that trickles octets of it gains nothing."""
        now_s = self._clock.monotonic()
        if sent or self._machine.replies != self._replies:
            self._awaited_since_s, self._replies = now_s, self._machine.replies
        due_s = self._awaited_since_s + seconds
        if self._machine.state is not State.CONTENT:
            # RFC 5321 §4.5.3.2.6: who does not wait for the final reply sends what has arrived a second time
            due_s = min(due_s, self._deliver_until_s)
        return max(0.0, due_s - now_s)

    def _time_out(self) -> None:
        """The pending read or write fails."""
        self._timed_out = True
        self.stream.abort()

    async def _send_blocks(self, blocks: Iterable[bytes]) -> None:
        """A large message, block by block. Raises NetworkFailure, TimeoutError."""
        for block in filter(None, blocks):
            left_s = self._deliver_until_s - self._clock.monotonic()
            async with self._clock.timeout(max(0.0, min(BLOCK_S, left_s))):
                await self.stream.write(block)
            await asyncio.sleep(0)  # a fast server must not keep others waiting

    async def _read_rest(self, why: str) -> Sequence[Event]:
        """A lost connection may still hold a reply: a 421, or why a message was rejected."""
        try:
            async with self._clock.timeout(FINAL_READ_S):
                received = await self.stream.read()
        except (NetworkFailure, TimeoutError):
            received = b""
        return [*self._machine.receive(received), *self._machine.lost(why)]


def _cut(octets: bytes) -> Iterator[bytes]:
    view = memoryview(octets)
    return (bytes(view[start : start + BLOCK_OCTETS]) for start in range(0, len(view), BLOCK_OCTETS))


def _as_sent(blocks: Iterable[bytes], stuffing: Stuffing | None) -> Iterator[bytes]:
    """The blocks as they are, or as DATA carries them."""
    if stuffing is None:
        yield from blocks
        return
    for block in blocks:
        yield stuffing.part(block)
    yield stuffing.end()
