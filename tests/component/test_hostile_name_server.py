"""A name server that says what it likes, over real sockets."""

import asyncio
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.world.clock import SystemClock
from pillarbox.world.pace import SHARE_S, Pace
from pillarbox.world.resolver.cache import CachingResolver
from pillarbox.world.resolver.exchange import MAX_QUERIES_OF_A_PORT
from pillarbox.world.resolver.hosts import HostsFile
from pillarbox.world.resolver.servers import SILENCES, NameServer
from pillarbox.world.resolver.system import SystemResolver
from pillarbox.world.resolver.validation import Examined, ProbeNames, Validation

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


def test_answers_that_come_at_once_are_not_read_at_once() -> None:
    asked = list[bytes]()

    def says(one: bytes) -> list[bytes]:
        asked.append(one)
        return [response(each, 1) for each in asked] if len(asked) == MAX_QUERIES_OF_A_PORT else []

    async def scenario(resolver: SystemResolver) -> None:
        now_s, iteration, read_in = 0.0, 0, Counter[int]()

        def passing() -> float:
            nonlocal now_s
            now_s += SHARE_S
            return now_s

        async def one(number: int) -> None:
            assert isinstance(await resolver.lookup(f"{number}.example", Kind.A), Answer)
            read_in[iteration] += 1

        resolver._pace = Pace(passing)
        waiting = [asyncio.ensure_future(one(number)) for number in range(MAX_QUERIES_OF_A_PORT)]
        while not all(each.done() for each in waiting):
            await asyncio.sleep(0)
            iteration += 1
        assert read_in.total() == MAX_QUERIES_OF_A_PORT
        assert max(read_in.values()) == 1
        await asyncio.gather(*waiting)

    with_server(says, truncated, scenario)


def test_silence_and_a_closed_port_are_failures() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        assert await resolver.lookup("a.example", Kind.A) == Failure("127.0.0.1: TimeoutError")

    with_server(lambda _: [], truncated, scenario)
    with_server(lambda asked: [asked], truncated, scenario)

    async def closed() -> None:
        found = await SystemResolver([NameServer("127.0.0.1", 1)], timeout_s=0.5).lookup("a.example", Kind.A)
        assert found == Failure("127.0.0.1: ConnectionRefusedError")

    asyncio.run(closed())


@pytest.mark.rfc("7208 §4.6.4", "MUST")
def test_what_is_truncated_and_not_given_over_tcp_is_a_failure() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        found = await resolver.lookup("a.example", Kind.TXT)
        assert isinstance(found, Failure)

    with_server(truncated, lambda _: [], scenario)

    async def closed() -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Server(truncated), local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        found = await SystemResolver([NameServer("127.0.0.1", port)]).lookup("a.example", Kind.TXT)
        assert found == Failure("127.0.0.1: ConnectionRefusedError")
        transport.close()

    asyncio.run(closed())


@pytest.mark.rfc("5452 §9.2", "SHOULD")
def test_ports_and_identities_change() -> None:
    seen: list[tuple[int, bytes]] = []

    class Noting(Server):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            seen.append((addr[1], data[:2]))
            super().datagram_received(data, addr)

    async def run() -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Noting(lambda asked: [response(asked, 1)]), local_addr=("127.0.0.1", 0)
        )
        resolver = SystemResolver([NameServer("127.0.0.1", transport.get_extra_info("sockname")[1])])
        for _ in range(5):
            assert isinstance(await resolver.lookup("a.example", Kind.A), Answer)
        assert len({port for port, _ in seen}) > 1, "one after the other: a port each"
        seen.clear()
        found = await asyncio.gather(*(resolver.lookup(f"a{n}.example", Kind.A) for n in range(100)))
        assert all(isinstance(outcome, Answer) for outcome in found)
        ports = [port for port, _ in seen]
        assert max(map(ports.count, ports)) <= MAX_QUERIES_OF_A_PORT
        assert len({identity for _, identity in seen}) > 90
        transport.close()

    asyncio.run(run())


def test_answers_in_any_order_reach_who_asked() -> None:
    held: list[bytes] = []

    def says(asked: bytes) -> list[bytes]:
        held.append(asked)
        if len(held) < 10:
            return []
        return [response(one, one[13] - ord("0")) for one in reversed(held)]

    async def scenario(resolver: SystemResolver) -> None:
        found = await asyncio.gather(*(resolver.lookup(f"{n}.example", Kind.A) for n in range(10)))
        assert [len(one.records) if isinstance(one, Answer) else 0 for one in found] == list(range(10))

    with_server(says, truncated, scenario)


def test_a_silent_server_does_not_cost_each_lookup_its_time() -> None:
    asked: list[bytes] = []

    def says(octets: bytes) -> list[bytes]:
        asked.append(octets)
        return []

    async def run() -> None:
        make = asyncio.get_running_loop().create_datagram_endpoint
        deaf, _ = await make(lambda: Server(says), local_addr=("127.0.0.1", 0))
        good, _ = await make(lambda: Server(lambda asked: [response(asked, 1)]), local_addr=("127.0.0.1", 0))
        servers = [NameServer("127.0.0.1", one.get_extra_info("sockname")[1]) for one in (deaf, good)]
        resolver = SystemResolver(servers, timeout_s=0.05)
        for _ in range(5):
            assert isinstance(await resolver.lookup("a.example", Kind.A), Answer)
        assert len(asked) == SILENCES
        deaf.close()
        good.close()

    asyncio.run(run())


def test_a_lookup_ends_in_time_whatever_happens() -> None:
    async def run() -> None:
        make = asyncio.get_running_loop().create_datagram_endpoint
        deaf, _ = await make(lambda: Server(lambda _: []), local_addr=("127.0.0.1", 0))
        server = NameServer("127.0.0.1", deaf.get_extra_info("sockname")[1])
        resolver = SystemResolver([server] * 50, timeout_s=60, lookup_s=0.1)
        # more than are asked at once: those that wait for a turn end, too
        found = await asyncio.gather(*(resolver.lookup(f"a{n}.example", Kind.A) for n in range(250)))
        assert all(isinstance(outcome, Failure) for outcome in found)
        deaf.close()

    asyncio.run(run())


def test_a_cancelled_lookup_leaves_nothing_behind() -> None:
    async def scenario(resolver: SystemResolver) -> None:
        waiting = [asyncio.ensure_future(resolver.lookup("a.example", Kind.A)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not resolver._datagrams._ports

    with_server(lambda _: [], truncated, scenario)


# --- what is said to be authenticated

AUTHENTIC, PLAIN, REFUSED = 0x81A0, 0x8180, 0x8182
NAMES = ProbeNames("signed.example", "unsigned.example", "bogus.example")


def saying(signed: int, unsigned: int, bogus: int) -> Says:
    flags = {b"signed": signed, b"unsigned": unsigned, b"bogus": bogus}

    def says(asked: bytes) -> list[bytes]:
        said = flags[asked[13 : 13 + asked[12]]]
        return [response(asked, 0 if said == REFUSED else 1, flags=said)]

    return says


@pytest.mark.rfc("7672 §2.1.3", "MUST")
@pytest.mark.parametrize(
    ("flags", "validation", "believed"),
    [
        ((AUTHENTIC, PLAIN, REFUSED), Validation.VALIDATES, True),
        ((AUTHENTIC, AUTHENTIC, AUTHENTIC), Validation.DECEPTIVE, False),
        ((AUTHENTIC, PLAIN, PLAIN), Validation.NOT_VALIDATING, False),
        ((REFUSED, REFUSED, REFUSED), Validation.UNKNOWN, True),
    ],
)
def test_a_server_that_does_not_validate_is_not_believed(
    flags: tuple[int, int, int], validation: Validation, believed: bool
) -> None:
    async def run() -> None:
        make = asyncio.get_running_loop().create_datagram_endpoint
        transport, _ = await make(lambda: Server(saying(*flags)), local_addr=("127.0.0.1", 0))
        server = NameServer("127.0.0.1", transport.get_extra_info("sockname")[1])
        system = SystemResolver([server], probe_names=NAMES)
        resolver = HostsFile(CachingResolver(system, SystemClock()))
        assert list(await resolver.examine()) == [Examined(server, validation)]
        if flags[0] == AUTHENTIC:
            found = await resolver.lookup("signed.example", Kind.A)
            assert isinstance(found, Answer)
            assert found.authenticated is believed
        far = SystemResolver([server], trust_ad=False, probe_names=NAMES)
        elsewhere = Validation.UNTRUSTED if validation is Validation.VALIDATES else validation
        assert list(await far.examine()) == [Examined(server, elsewhere)]
        transport.close()

    asyncio.run(run())


class Inside(Server):
    """Of a network without the Internet: knows its own names, and nothing of others."""

    def __init__(self) -> None:
        super().__init__(
            lambda asked: [response(asked, 1, flags=AUTHENTIC)] if b"\x06inside" in asked else []
        )


def test_in_a_network_without_the_internet_nothing_waits_for_the_outside() -> None:
    async def run() -> None:
        make = asyncio.get_running_loop().create_datagram_endpoint
        transport, _ = await make(Inside, local_addr=("127.0.0.1", 0))
        server = NameServer("127.0.0.1", transport.get_extra_info("sockname")[1])
        patient = SystemResolver([server], timeout_s=60, probe_names=NAMES)
        examining = asyncio.ensure_future(patient.examine())
        await asyncio.sleep(0)
        for _ in range(MAX_QUERIES_OF_A_PORT):
            found = await patient.lookup("mx.inside.example", Kind.A)
            assert isinstance(found, Answer)
            assert found.authenticated
        assert not examining.done()
        examining.cancel()

        hasty = SystemResolver([server], timeout_s=0.01, probe_names=NAMES)
        assert list(await hasty.examine()) == [Examined(server, Validation.UNKNOWN)]
        assert hasty.servers.trusts(server)
        transport.close()

    asyncio.run(run())
