"""What every `Network` promises: the machine's, on asyncio and uvloop, and the one in memory."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from pillarbox.world.clock import SystemClock, VirtualClock
from pillarbox.world.network import Endpoint, Network, NetworkFailure, Stream, TlsFailure
from pillarbox.world.network.memory import Fault, MemoryNetwork, MemoryStream
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.tls import authority, client
from pillarbox.world.tls.server import ServerTls


async def echo(read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[None]]) -> None:
    """What serves the tests: sends back in capitals; `bye` ends it."""
    while (octets := await read()) and octets != b"bye":
        await write(octets.upper())


class World:
    """A network and an echo server reached through it."""

    def __init__(self, network: Network, port: int, count: Callable[[], int]) -> None:
        self.network = network
        self.port = port
        self.open = count

    async def connect(self) -> Stream:
        return await self.network.connect("127.0.0.1", self.port)


Scenario = Callable[[World], Awaitable[Any]]
Run = Callable[[Scenario], Any]


@pytest.fixture(params=["memory", "asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    async def in_memory(scenario: Scenario) -> Any:
        network = MemoryNetwork(SystemClock())
        serving: set[MemoryStream] = set()

        async def accept(stream: MemoryStream) -> None:
            serving.add(stream)
            try:
                await echo(stream.read, stream.write)
            finally:
                serving.discard(stream)

        network.serve("127.0.0.1", 25, accept)
        return await scenario(World(network, 25, lambda: len(serving)))

    async def on_machine(scenario: Scenario) -> Any:
        serving: set[asyncio.StreamWriter] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(writer)

            async def write(octets: bytes) -> None:
                writer.write(octets)
                await writer.drain()

            try:
                await echo(lambda: reader.read(65536), write)
            except ConnectionError:
                pass
            serving.discard(writer)
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        try:
            return await scenario(
                World(SystemNetwork(), server.sockets[0].getsockname()[1], lambda: len(serving))
            )
        finally:
            for writer in serving:
                writer.transport.abort()
            server.close()
            await server.wait_closed()

    match request.param:
        case "memory":
            return lambda scenario: asyncio.run(in_memory(scenario))
        case "asyncio":
            return lambda scenario: asyncio.run(on_machine(scenario))
        case _:
            return lambda scenario: uvloop.run(on_machine(scenario))


async def read_exactly(stream: Stream, count: int) -> bytes:
    octets = b""
    while len(octets) < count and (more := await stream.read()):
        octets += more
    return octets


def test_octets_go_there_and_back(run: Run) -> None:
    async def scenario(world: World) -> None:
        stream = await world.connect()
        assert stream.peer == Endpoint("127.0.0.1", world.port)
        assert stream.tls is None
        assert stream.channel_binding("tls-exporter") is None
        await stream.write(b"abc")
        assert await read_exactly(stream, 3) == b"ABC"
        await stream.close()

    run(scenario)


def test_the_peers_end_is_the_end(run: Run) -> None:
    async def scenario(world: World) -> None:
        stream = await world.connect()
        await stream.write(b"bye")
        assert await stream.read() == b""
        assert await stream.read() == b""
        await stream.close()
        await stream.close()

    run(scenario)


def test_much_is_carried_in_bounded_pieces(run: Run) -> None:
    async def scenario(world: World) -> None:
        stream = await world.connect()
        octets = b"abcdefgh" * 500_000

        async def send() -> None:
            await stream.write(octets)

        sending = asyncio.ensure_future(send())
        received = bytearray()
        while len(received) < len(octets):
            piece = await stream.read()
            assert 0 < len(piece) <= 65536
            received += piece
        await sending
        assert received == octets.upper()
        await stream.close()

    run(scenario)


def test_connecting_to_a_closed_port_is_refused(run: Run) -> None:
    async def scenario(world: World) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
            with pytest.raises(NetworkFailure, match=r"127\.0\.0\.1 port [0-9]+: Connection refused"):
                await world.network.connect("127.0.0.1", taken.getsockname()[1])

    run(scenario)


def test_aborting_ends_both_sides(run: Run) -> None:
    async def scenario(world: World) -> None:
        stream = await world.connect()
        await stream.write(b"abc")
        await read_exactly(stream, 3)
        stream.abort()
        for _turn in range(100):
            if not world.open():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the server still serves")

    run(scenario)


def test_a_read_can_be_cancelled(run: Run) -> None:
    async def scenario(world: World) -> None:
        stream = await world.connect()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await stream.read()
        await stream.write(b"abc")
        assert await read_exactly(stream, 3) == b"ABC"
        await stream.close()

    run(scenario)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> authority.DemoCertificates:
    folder: Path = tmp_path_factory.mktemp("tls")
    return authority.ensure(folder, ["one.example"], now_ms=time.time_ns() // 1_000_000)


async def _starttls_server(context: ssl.SSLContext, greeting: bytes) -> asyncio.Server:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        try:
            await reader.readuntil(b"STARTTLS\r\n")
            writer.write(b"220 go\r\n")
            await writer.start_tls(context)
            writer.write(b"secret " + await reader.readline())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # some of the clients here leave
        writer.transport.abort()
        await asyncio.sleep(0)

    return await asyncio.start_server(accept, "127.0.0.1", 0)


def starttls(
    certificates: authority.DemoCertificates, loop: str, use: Callable[[Stream], Awaitable[Any]]
) -> Any:
    """Connects to a server that upgrades, and hands over the stream after its go-ahead."""

    async def inside() -> Any:
        server = await _starttls_server(ServerTls([certificates.server]).context(), b"")
        try:
            stream = await SystemNetwork().connect("127.0.0.1", server.sockets[0].getsockname()[1])
            await stream.write(b"STARTTLS\r\n")
            assert await stream.read() == b"220 go\r\n"
            return await use(stream)
        finally:
            server.close()
            await asyncio.sleep(0.02)  # the server's side ends too

    return (uvloop if loop == "uvloop" else asyncio).run(inside())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_connection_is_upgraded_to_verified_tls(
    certificates: authority.DemoCertificates, loop: str
) -> None:
    async def use(stream: Stream) -> None:
        await stream.start_tls(client.verified(certificates.authority), "one.example")
        layer = stream.tls
        assert layer is not None
        assert layer.version == "TLSv1.3"
        assert layer.certificate
        assert layer.bits >= 128
        assert stream.channel_binding("tls-server-end-point")
        await stream.write(b"word\r\n")
        assert await read_exactly(stream, 13) == b"secret word\r\n"
        await stream.close()

    starttls(certificates, loop, use)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_certificate_for_another_name_ends_the_connection(
    certificates: authority.DemoCertificates, loop: str
) -> None:
    async def use(stream: Stream) -> None:
        with pytest.raises(TlsFailure):
            await stream.start_tls(client.verified(certificates.authority), "two.example")

    starttls(certificates, loop, use)


@pytest.mark.rfc("3207 §6", "MUST")
def test_what_was_injected_before_tls_is_not_read_after_it(certificates: authority.DemoCertificates) -> None:
    async def inside() -> None:
        injected = await _starttls_server(
            ServerTls([certificates.server]).context(), b"220 go\r\n250 injected\r\n"
        )
        stream = await SystemNetwork().connect("127.0.0.1", injected.sockets[0].getsockname()[1])
        await asyncio.sleep(0.05)
        with pytest.raises(TlsFailure, match="before TLS"):
            await stream.start_tls(client.opportunistic(), "one.example")
        injected.close()
        await asyncio.sleep(0.02)  # the server's side ends too

    asyncio.run(inside())


def test_faults_in_memory() -> None:
    async def inside() -> None:
        clock = VirtualClock()
        network = MemoryNetwork(clock)
        network.serve("192.0.2.1", 25, lambda stream: echo(stream.read, stream.write))
        network.faults = lambda to: Fault(refuses=True)
        with pytest.raises(NetworkFailure, match="refused"):
            await network.connect("192.0.2.1", 25)
        network.faults = lambda to: Fault(silent=True)
        connecting = asyncio.ensure_future(network.connect("192.0.2.1", 25))
        await clock.advance(3600)
        assert not connecting.done()
        connecting.cancel()
        network.faults = lambda to: Fault(cut_after_octets=5)
        stream = await network.connect("192.0.2.1", 25)
        await stream.write(b"abc")
        with pytest.raises(NetworkFailure, match="reset"):
            await stream.write(b"def")
        with pytest.raises(NetworkFailure, match="reset"):
            await stream.read()
        network.faults = lambda to: Fault(delay_s=2)
        stream = await network.connect("192.0.2.1", 25)
        answered = asyncio.ensure_future(stream.write(b"abc"))
        answer = asyncio.ensure_future(stream.read())
        await clock.advance(3.9)
        assert answered.done()
        assert not answer.done()
        await clock.advance(0.2)
        assert await answer == b"ABC"
        network.serve("192.0.2.1", 25, None)
        with pytest.raises(NetworkFailure):
            await network.connect("192.0.2.1", 25)

    asyncio.run(inside())


@pytest.mark.parametrize("agrees", [True, False])
def test_tls_is_pretended_in_memory(agrees: bool) -> None:
    async def inside() -> None:
        async def accept(stream: MemoryStream) -> None:
            assert await stream.read() == b"STARTTLS"
            await asyncio.sleep(0)
            stream.answer_tls(agrees=agrees)
            await echo(stream.read, stream.write)

        network = MemoryNetwork(VirtualClock())
        network.serve("192.0.2.1", 25, accept)
        stream = await network.connect("192.0.2.1", 25)
        await stream.write(b"STARTTLS")
        if agrees:
            await stream.start_tls(client.opportunistic(), "mx")
            assert stream.tls is not None
            await stream.write(b"abc")
            assert await stream.read() == b"ABC"
        else:
            with pytest.raises(TlsFailure):
                await stream.start_tls(client.opportunistic(), "mx")

    asyncio.run(inside())
