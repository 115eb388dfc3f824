"""A name server that says what it likes, over real sockets."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.world.resolver.system import NameServer, SystemResolver, _machine_servers

Says = Callable[[bytes], list[bytes]]
"""The messages that answer a query."""


class Server(asyncio.DatagramProtocol):
    def __init__(self, says: Says) -> None:
        self._says = says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for octets in self._says(data):
            self._transport.sendto(octets, addr)


def with_server(udp: Says, tcp: Says, scenario: Callable[[SystemResolver], Awaitable[None]]) -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        for octets in tcp(asked):
            writer.write(len(octets).to_bytes(2) + octets)
        await writer.drain()
        writer.close()

    async def run() -> None:
        listening = await asyncio.start_server(served, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Server(udp), local_addr=("127.0.0.1", port)
        )
        try:
            await scenario(SystemResolver([NameServer("127.0.0.1", port)], timeout_s=0.5))
        finally:
            transport.close()
            listening.close()

    asyncio.run(run())


def response(asked: bytes, addresses: int, *, flags: int = 0x8180) -> bytes:
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4)
    records = b"".join(record + struct.pack("!I", number) for number in range(addresses))
    return asked[:2] + struct.pack("!HHHHH", flags, 1, addresses, 0, 0) + asked[12:-11] + records


def truncated(asked: bytes) -> list[bytes]:
    return [response(asked, 0, flags=0x8380)]


def test_what_does_not_answer_the_query_is_not_read() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        found = await resolver.lookup("a.example", Kind.A)
        assert isinstance(found, Answer)
        assert found.records == ("0.0.0.0", "0.0.0.1")

    def says(asked: bytes) -> list[bytes]:
        forged = bytes([asked[0] ^ 1]) + response(asked, 5)[1:]
        return [b"", forged, asked, response(asked, 2)]

    with_server(says, truncated, scenario)


def test_what_was_truncated_is_asked_for_over_tcp() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        found = await resolver.lookup("a.example", Kind.A)
        assert isinstance(found, Answer)
        assert len(found.records) == 300

    with_server(truncated, lambda asked: [response(asked, 300)], scenario)


def test_an_answer_beyond_all_measure_is_a_failure() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        assert await resolver.lookup("a.example", Kind.A) == Failure("127.0.0.1: Malformed")

    for tcp in (
        lambda asked: [response(asked, 1000)],
        lambda asked: [response(asked, 4000)],
        lambda asked: [response(b"xx" + asked[2:], 1)],
        truncated,
    ):
        with_server(truncated, tcp, scenario)


def test_the_name_servers_of_the_machine(tmp_path: Path) -> None:
    configuration = tmp_path / "resolv.conf"
    configuration.write_text(
        "# nameserver 192.0.2.9\nsearch a.example\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0\n"
    )
    assert _machine_servers(configuration) == (NameServer("192.0.2.1"), NameServer("fe80::1%eth0"))
    assert _machine_servers(tmp_path / "none") == ()


def test_silence_and_a_closed_port_are_failures() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        assert await resolver.lookup("a.example", Kind.A) == Failure("127.0.0.1: TimeoutError")

    with_server(lambda _: [], truncated, scenario)
    with_server(lambda asked: [asked], truncated, scenario)

    async def closed() -> None:
        found = await SystemResolver([NameServer("127.0.0.1", 1)], timeout_s=0.5).lookup("a.example", Kind.A)
        assert found == Failure("127.0.0.1: ConnectionRefusedError")

    asyncio.run(closed())
