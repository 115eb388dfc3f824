"""A small line protocol on the pump: its session, its clients, and a listener on loopback."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from typing import Any, ClassVar

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Activity, Connection, Peer, SessionFactory
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, TlsOffer, listening_socket
from pillarbox.server.pump.pump import Pump
from pillarbox.world.shared import for_one_alone
from tests.kit.certificate import TestTls, client_context

Run = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a coroutine to its end; the fixture `run` does so on each kind of loop."""


class Lines:
    """A machine whose events are lines, and after STARTTLS no more until it is asked again."""

    def __init__(self) -> None:
        self.rest = b""

    @property
    def buffered(self) -> int:
        return len(self.rest)

    def receive(self, octets: bytes) -> list[bytes]:
        self.rest += octets
        lines = []
        while b"\r\n" in self.rest:
            line, self.rest = self.rest.split(b"\r\n", 1)
            if line == b"CONFUSE":
                raise ValueError("confused")
            lines.append(line)
            if line == b"STARTTLS":
                break
        return lines

    def discard(self) -> int:
        dropped, self.rest = len(self.rest), b""
        return dropped


class Play:
    """A session whose commands are what the tests need."""

    made: ClassVar["list[Play]"] = []

    def __init__(self, connection: Connection) -> None:
        assert isinstance(connection, Pump)
        self.connection: Pump[bytes] = connection
        self.machine = Lines()
        self.handled: list[bytes] = []
        self.dropped: int | None = None
        self.at_work = 0
        self.ends: list[str] = []
        self.let_go = asyncio.Event()
        Play.made.append(self)

    async def opened(self) -> None:
        self.connection.write(b"hello\r\n")

    async def handle(self, event: bytes) -> None:
        assert self.at_work == 0, "two events at once"
        self.at_work += 1
        try:
            await self.act(*event.split(b" "))
        finally:
            self.at_work -= 1
        self.handled.append(event)

    async def act(self, verb: bytes, argument: bytes = b"0") -> None:
        match verb:
            case b"STARTTLS":
                self.connection.write(b"go\r\n")
                self.dropped = await self.connection.start_tls()
            case b"SLEEP":
                await asyncio.sleep(float(argument))
                self.connection.write(b"slept\r\n")
            case b"WAIT":
                await self.let_go.wait()
                self.connection.write(b"waited\r\n")
            case b"BREAK":
                await asyncio.sleep(float(argument))
                raise ValueError("broken")
            case b"BULK":
                for _ in range(int(argument)):
                    self.connection.write(b"x" * 65536)
                    await self.connection.drain()
                self.connection.write(b"\r\ndone\r\n")
            case b"PATIENCE":
                self.connection.set_deadline(float(argument))
                self.connection.write(b"set\r\n")
            case b"QUIT":
                self.connection.write(b"bye\r\n")
                self.connection.close()
            case b"TLS":
                tls = self.connection.tls
                self.connection.write(f"{tls and tls.version} {self.connection.tls_available}\r\n".encode())
            case _:
                self.connection.write(verb + b"\r\n")

    def timed_out(self) -> bytes:
        return b"too slow\r\n"

    def scarce(self) -> bytes:
        return b"SCARCE\n"

    def failed(self) -> bytes:
        return b"oops\r\n"

    def ending(self) -> bytes:
        return b"going away\r\n"

    accounts: Collection[AccountId] = ()
    logins: Collection[Login] = ()

    def revoked(self) -> bytes:
        return b"not you\r\n"

    def kicked(self) -> bytes:
        return b"kicked\r\n"

    def activity(self) -> Activity:
        return Activity(login="anna", state="echoing", client="a test")

    def closed(self) -> None:
        assert self.at_work == 0, "closed during work"
        self.ends.append("closed")


class Notes:
    """A failure reporter that remembers."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        self.errors.append(error)


def errors(listener: Listener) -> list[BaseException]:
    """What its failure reporter was told."""
    assert isinstance(listener._reporter, Notes)
    return listener._reporter.errors


@contextlib.asynccontextmanager
async def open_listener(
    *,
    session: SessionFactory[bytes] = Play,
    tls: TlsOffer | None = None,
    implicit_tls: bool = False,
    limits: ListenerLimits | None = None,
) -> AsyncIterator[Listener]:
    Play.made = []
    service = ServiceOffer(
        name="play",
        session=session,
        busy=b"busy\r\n",
        tls=tls or TestTls(),
        implicit_tls=implicit_tls,
        limits=limits or ListenerLimits(),
    )
    listener = Listener(service, Notes(), open_counts=for_one_alone().open_counts)
    await listener.open([listening_socket("127.0.0.1", 0)])
    try:
        yield listener
    finally:
        await listener.drain(5)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, listener: Listener, *, greeted: bool = True, **tls: Any) -> "Client":
        client = cls(*await asyncio.open_connection("127.0.0.1", listener.addresses[0].port, **tls))
        if greeted:
            assert await client.line() == b"hello"
        return client

    async def line(self) -> bytes:
        return (await self.reader.readline()).removesuffix(b"\r\n")

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def ask(self, line: bytes) -> bytes:
        self.send(line + b"\r\n")
        return await self.line()

    async def secure(self) -> None:
        await self.writer.start_tls(client_context(), server_hostname="localhost")

    def reset(self) -> None:
        """Leave without a word, as a machine does that crashed."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def rest(self) -> bytes:
        """All until the end, as far as the peer does not reset."""
        octets = await self.reader.read()
        self.writer.close()
        return octets


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)
