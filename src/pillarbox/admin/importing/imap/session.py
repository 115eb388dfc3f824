"""One IMAP session with one server: the client machine on a stream, with its time limits.

Invariants: any failure on the way reaches the machine as "lost", and its caller as `ConnectionLost`; a server that
sends nothing, or next to nothing, is given up.
"""

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from pillarbox.protocol.imap.client.events import (
    Completed,
    Ended,
    Event,
    LoginRefused,
    Ready,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.imap.client.machine import ClientMachine
from pillarbox.protocol.imap.client.reader import MAX_CONTENT_OCTETS, ContentPiece
from pillarbox.protocol.imap.client.responses import Data, StatusResponse
from pillarbox.protocol.imap.client.states import State
from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure, Stream, TlsFailure

MAX_HELD_OCTETS: Final = 32 * 1024 * 1024
"""What a server may send for a command whose responses are held together."""
QUIT_S: Final = 10.0
PACE_S: Final = 300.0
MIN_PACE_OCTETS: Final = 64 * 1024
"""A server that has completed no command in `PACE_S` and sent less than this is given up."""


class ConnectionLost(Exception):
    """The connection is gone; another may be made. `response`: why the server ended it, if it said so."""

    def __init__(self, text: str, response: StatusResponse | None = None) -> None:
        super().__init__(text)
        self.response = response


class CommandRefused(Exception):
    """The server answered a command with NO or BAD."""

    def __init__(self, response: StatusResponse) -> None:
        super().__init__(str(response))
        self.response = response


class LoginFailed(Exception):
    """The server refused the login."""

    def __init__(self, refused: LoginRefused) -> None:
        super().__init__(str(refused.response))
        self.response = refused.response
        self.challenge = refused.challenge


class HandshakeFailed(Exception):
    """TLS could not be begun."""


class Session:
    """An open session."""

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        *,
        tls_active: bool = False,
        max_content_octets: int = MAX_CONTENT_OCTETS,
    ) -> None:
        self.stream = stream
        self._clock = clock
        self._machine = ClientMachine(tls_active=tls_active, max_content_octets=max_content_octets)
        self._ended: Ended | None = None
        """How the session ended, to be raised after the events before it were handled."""
        self._received = 0
        """Octets, of all that came."""
        self._pace_began_s = clock.monotonic()
        self._pace_octets = 0

    @property
    def offered(self) -> frozenset[str]:
        """The server's capabilities now, in capitals."""
        return self._machine.capabilities

    @property
    def authenticated(self) -> bool:
        """Whether the session is logged in."""
        return self._machine.authenticated

    @property
    def tls_active(self) -> bool:
        """Whether TLS protects the connection."""
        return self._machine.tls_active

    async def open(self) -> None:
        """Wait for the greeting and the capabilities. Raises `ConnectionLost`."""
        await self._until(Ready)

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Begin TLS. Raises `HandshakeFailed`, `ConnectionLost`."""
        self._machine.start_tls()
        answer = await self._until(StartHandshake, TlsRefused)
        if isinstance(answer, TlsRefused):
            raise HandshakeFailed(f"the server refuses STARTTLS: {answer.response}")
        try:
            async with self._clock.timeout(self._machine.deadline_s):
                await self.stream.start_tls(context, server_name)
        except (TlsFailure, NetworkFailure, TimeoutError) as failure:
            self.abort()
            raise HandshakeFailed(str(failure) or "no handshake in time") from failure
        self._machine.tls_started()
        await self._until(Ready)

    async def authenticate(self, exchange: ClientExchange) -> None:
        """Log in by SASL. Raises `LoginFailed`, `ConnectionLost`."""
        self._machine.authenticate(exchange)
        await self._logged_in()

    async def log_in(self, login: str, password: str) -> None:
        """Log in by LOGIN. Raises `LoginFailed`, `ConnectionLost`."""
        self._machine.log_in(login, password)
        await self._logged_in()

    async def ask(self, command: bytes, *, expects: int = 0) -> list[Data]:
        """Run one command, alone; what the server sent for it. For what is small enough to be held.

        Raises `CommandRefused`, `ConnectionLost`.
        """
        data: list[Data] = []
        received = self._received
        async with aclosing(self.each(command, expects=expects)) as answers:
            async for some in answers:
                data += some
                if self._received - received > MAX_HELD_OCTETS:
                    raise self.broken(f"more than {MAX_HELD_OCTETS} octets for one command")
        return data

    async def each(self, command: bytes, *, expects: int = 0) -> AsyncGenerator[list[Data], None]:
        """Run one command, alone; what the server sends for it, as it comes.

        Raises `CommandRefused`, `ConnectionLost`.
        """
        tag = self.send(command, expects=expects)
        completed: Completed | None = None
        while completed is None:
            data: list[Data] = []
            for event in await self.events():
                if isinstance(event, Completed) and event.tag == tag:
                    completed = event
                elif isinstance(event, ContentPiece):
                    raise self.broken("a message that was not asked for")
                elif isinstance(event, Data):
                    data.append(event)
            yield data
        raise_if_refused(completed)

    def send(self, command: bytes, *, expects: int = 0) -> int:
        """Send a command with the next `events`; its tag."""
        return self._machine.run(command, expects=expects)

    async def events(self) -> Sequence[Event]:
        """Send what is to be sent, then read what the server sends.

        Raises `ConnectionLost`, once the events before it were returned.
        """
        events = [] if self._ended else self._without_end(await self._exchange())
        if self._ended and not events:
            self.stream.abort()
            raise ConnectionLost(self._ended.text, self._ended.response)
        return events

    async def quit(self) -> None:
        """Send LOGOUT and close. Never raises for what the peer does."""
        self._machine.log_out()
        try:
            async with self._clock.timeout(QUIT_S):
                while self._machine.state is not State.CLOSED:
                    await self._exchange()
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection."""
        self._machine.lost("closed by us")
        self.stream.abort()

    def broken(self, what: str) -> ConnectionLost:
        """The server sent what it may not: drop the connection. To be raised."""
        self.abort()
        return ConnectionLost(f"the server sent {what}")

    async def _logged_in(self) -> None:
        answer = await self._until(Ready, LoginRefused)
        if isinstance(answer, LoginRefused):
            raise LoginFailed(answer)

    async def _until(self, *wanted: type[Event]) -> Event:
        while True:
            for event in await self.events():
                if isinstance(event, wanted):
                    return event

    def _without_end(self, events: Sequence[Event]) -> Sequence[Event]:
        if events and isinstance(events[-1], Ended):
            self._ended = events[-1]
            return events[:-1]
        return events

    async def _exchange(self) -> Sequence[Event]:
        machine = self._machine
        if machine.state is State.CLOSED:
            return (Ended("the connection is closed"),)
        seconds = machine.deadline_s
        try:
            async with self._clock.timeout(seconds):
                if octets := machine.outgoing():
                    await self.stream.write(octets)
                received = await self.stream.read()
        except TimeoutError:
            return machine.lost(f"no answer in {seconds:.0f} seconds")
        except NetworkFailure as failure:
            return machine.lost(f"connection lost: {failure}")
        if not received:
            return machine.lost("the server closed the connection")
        events = machine.receive(received)
        if self._too_slow(len(received), events):
            return (*events, *machine.lost(f"less than {MIN_PACE_OCTETS} octets in {PACE_S:.0f} seconds"))
        return events

    def _too_slow(self, octets: int, events: Sequence[Event]) -> bool:
        now_s = self._clock.monotonic()
        self._received += octets
        self._pace_octets += octets
        if self._pace_octets >= MIN_PACE_OCTETS or any(isinstance(event, Completed) for event in events):
            self._pace_began_s, self._pace_octets = now_s, 0
        return now_s - self._pace_began_s > PACE_S


def raise_if_refused(completed: Completed) -> None:
    """Raises `CommandRefused` where the command was answered by NO or BAD."""
    if completed.response.status.value != "OK":
        raise CommandRefused(completed.response)
