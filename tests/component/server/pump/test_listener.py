"""The listener: limits, draining, revoking, addresses, and connections that are handed over to it."""

import asyncio
import socket
from pathlib import Path

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Peer
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, listening_socket
from pillarbox.server.networks import Networks
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import for_one_alone, shared_among
from tests.kit.pump import Client, Notes, Play, Run, open_listener, until


def test_connections_beyond_the_limit_get_the_busy_reply(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(limits=ListenerLimits(connections=2)) as listener:
            clients = [await Client.of(listener) for _ in range(2)]
            third = await Client.of(listener, greeted=False)
            assert await third.rest() == b"busy\r\n"
            assert listener.counts.refused == 1
            clients[0].send(b"QUIT\r\n")
            await clients[0].rest()
            await until(lambda: listener.open_connections == 1)
            again = await Client.of(listener)
            again.writer.close()
            clients[1].writer.close()

    run(scene())


def test_too_many_from_one_address(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(limits=ListenerLimits(connections_per_address=1)) as listener:
            first = await Client.of(listener)
            second = await Client.of(listener, greeted=False)
            assert await second.rest() == b"busy\r\n"
            elsewhere = await Client.of(listener, local_addr=("127.0.0.2", 0))
            elsewhere.writer.close()
            first.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener._open_counts.count("play", "127.0.0.1") == 0

    run(scene())


def test_a_proxy_has_as_many_connections_as_its_clients(run: Run) -> None:
    async def scene() -> None:
        limits = ListenerLimits(connections_per_address=1, proxies=Networks(["127.0.0.1/32", "::1"]))
        async with open_listener(limits=limits) as listener:
            clients = [await Client.of(listener) for _ in range(3)]
            for client in clients:
                client.writer.close()

    run(scene())


@pytest.mark.parametrize("limits", [ListenerLimits(connections=1), ListenerLimits(connections_per_address=1)])
def test_limits_hold_for_all_workers_together(run: Run, limits: ListenerLimits) -> None:
    async def scene() -> None:
        service = ServiceOffer(name="play", session=Play, busy=b"busy\r\n", limits=limits)
        listeners = [
            Listener(service, Notes(), open_counts=shared.open_counts)
            for shared in shared_among(2, SystemEntropy())
        ]
        for listener in listeners:
            await listener.open([listening_socket("127.0.0.1", 0)])
        first = await Client.of(listeners[0])
        second = await Client.of(listeners[1], greeted=False)
        assert await second.rest() == b"busy\r\n"
        first.writer.close()
        await until(lambda: not listeners[0].open_connections)
        third = await Client.of(listeners[1])
        third.writer.close()
        for listener in listeners:
            await listener.drain(5)

    run(scene())


def test_a_revoked_session_gets_its_last_reply_and_is_closed(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            stays, goes, busy = [await Client.of(listener) for _ in range(3)]
            for number, play in enumerate(Play.made):
                play.logins = ((AccountId(number), "first"),)
            busy.send(b"WAIT\r\n")
            await until(lambda: Play.made[2].at_work == 1)
            assert listener.logins() == {(0, "first"), (1, "first"), (2, "first")}
            listener.revoke({(AccountId(0), "second"), (AccountId(1), "first"), (AccountId(2), "first")})
            assert await goes.rest() == b"not you\r\n"
            assert await busy.rest() == b""
            Play.made[2].let_go.set()
            await until(lambda: listener.open_connections == 1)
            stays.send(b"HERE\r\n")
            assert await stays.reader.readline() == b"HERE\r\n"
            stays.writer.close()

    run(scene())


def test_draining_ends_idle_sessions_and_waits_for_busy_ones(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            idle = await Client.of(listener)
            busy = await Client.of(listener)
            busy.send(b"WAIT\r\nnever\r\n")
            await until(lambda: Play.made[1].at_work == 1)
            draining = asyncio.ensure_future(listener.drain(10))
            assert await idle.rest() == b"going away\r\n"
            assert not draining.done()
            Play.made[1].let_go.set()
            assert await busy.rest() == b"waited\r\ngoing away\r\n"
            await draining
            assert not listener.addresses

    run(scene())


def test_draining_closes_sessions_that_take_too_long(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            busy = await Client.of(listener)
            busy.send(b"WAIT\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            await listener.drain(0.02)
            assert await busy.rest() == b""
            Play.made[0].let_go.set()
            await until(lambda: not listener.open_connections)

    run(scene())


def test_draining_does_not_wait_for_clients_that_stay_connected(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(limits=ListenerLimits(linger_s=1000)) as listener:
            idle = await Client.of(listener)
            await asyncio.wait_for(listener.drain(1000), 60)
            assert await idle.rest() == b"going away\r\n"

    run(scene())


def test_peers_are_named(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            connection = Play.made[0].connection
            assert connection.peer == Peer(*client.writer.get_extra_info("sockname"))
            assert connection.local == listener.addresses[0]
            client.writer.close()

    run(scene())


def test_ipv6(run: Run) -> None:
    async def scene() -> None:
        listener = Listener(
            ServiceOffer(name="play", session=Play, busy=b""),
            Notes(),
            open_counts=for_one_alone().open_counts,
        )
        try:
            await listener.open([listening_socket("::1", 0)])
        except OSError:
            pytest.skip("no IPv6 on this machine")
        reader, writer = await asyncio.open_connection("::1", listener.addresses[0].port)
        assert await reader.readline() == b"hello\r\n"
        assert Play.made[-1].connection.peer.address == "::1"
        writer.close()
        await listener.drain(5)

    run(scene())


def test_unix_sockets(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(str(tmp_path / "door"))
        listener = Listener(
            ServiceOffer(name="play", session=Play, busy=b""),
            Notes(),
            open_counts=for_one_alone().open_counts,
        )
        await listener.open([door])
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "door"))
        assert await reader.readline() == b"hello\r\n"
        assert Play.made[-1].connection.peer == Peer("", 0)
        writer.close()
        await listener.drain(5)

    run(scene())


class Preface(asyncio.BufferedProtocol):
    """Reads a PROXY header (version 1, of 16 octets here) and not one octet more, then hands over."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.buffer = memoryview(bytearray(16))
        self.have = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer[self.have :]

    def buffer_updated(self, nbytes: int) -> None:
        self.have += nbytes
        if self.have == len(self.buffer):
            address = bytes(self.buffer).removeprefix(b"PROXY ").strip().decode()
            pump = self.listener.pump(Peer(address, 7))
            self.transport.set_protocol(pump)
            pump.connection_made(self.transport)


@pytest.mark.parametrize("implicit_tls", [False, True])
def test_a_connection_is_handed_over_after_a_proxy_header(run: Run, implicit_tls: bool) -> None:
    async def scene() -> None:
        async with open_listener(
            implicit_tls=implicit_tls, limits=ListenerLimits(connections_per_address=1)
        ) as listener:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: Preface(listener), sock=listening_socket("127.0.0.1", 0)
            )
            port = server.sockets[0].getsockname()[1]
            clients = []
            for address in (b"192.0.2.8", b"192.0.2.9"):
                client = Client(*await asyncio.open_connection("127.0.0.1", port))
                client.send(b"PROXY " + address.ljust(8) + b"\n")
                if implicit_tls:
                    await client.secure()
                clients.append(client)
            for client, peer in zip(clients, ("192.0.2.8", "192.0.2.9"), strict=True):
                assert await client.line() == b"hello"
                assert await client.ask(b"a") == b"a"
                assert listener._open_counts.count("play", peer) == 1
            assert {play.connection.peer.address for play in Play.made} == {"192.0.2.8", "192.0.2.9"}
            third = Client(*await asyncio.open_connection("127.0.0.1", port))
            third.send(b"PROXY 192.0.2.8\n")
            assert await third.rest() == (b"" if implicit_tls else b"busy\r\n")
            for client in clients:
                client.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener._open_counts.count("play", "192.0.2.8") == 0
            server.close()

    run(scene())


def test_all_addresses_of_an_ipv6_host_are_one_client(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(limits=ListenerLimits(connections_per_address=1)) as listener:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: Preface(listener), sock=listening_socket("127.0.0.1", 0)
            )
            port = server.sockets[0].getsockname()[1]
            clients = []
            for address in (b"2001:7::1", b"2001:7::2", b"2001:8::1"):
                clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
                clients[-1].send(b"PROXY " + address + b"\n")
            assert [await client.line() for client in clients] == [b"hello", b"busy", b"hello"]
            for client in clients:
                client.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener._open_counts.count("play", "2001:7::/64") == 0
            server.close()

    run(scene())


def test_a_session_of_several_accounts_ends_when_one_is_revoked(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            Play.made[0].logins = ((AccountId(1), "a"), (AccountId(2), "b"))
            listener.revoke({(AccountId(1), "b")})
            assert await client.ask(b"a") == b"a"
            listener.revoke({(AccountId(2), "b")})
            assert await client.rest() == b"not you\r\n"

    run(scene())
