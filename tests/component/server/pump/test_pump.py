"""The pump, with a small line protocol, on both loops, over real loopback sockets."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Connection, ConnectionGone, Peer, SessionFactory
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, TlsOffer, listening_socket
from pillarbox.server.pump.phases import Phase
from pillarbox.server.pump.pump import Pump
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import for_one_alone, shared_among
from tests.kit.certificate import TestTls, client_context, server_context

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.SelectorEventLoop,
}

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each kind of loop, with a limit against hanging."""

    def on_loop(work: Coroutine[Any, Any, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await work

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(bounded())

    return on_loop


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

    def revoked(self) -> bytes:
        return b"not you\r\n"

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
async def door(
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


def test_greets_and_answers_in_order(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"a\r\nSLEEP 0.01\r\nb\r\nSL")
            client.send(b"EEP\r\nQUIT\r\nnever\r\n")
            assert await client.rest() == b"a\r\nslept\r\nb\r\nslept\r\nbye\r\n"
            await until(lambda: not listener.open_connections)
            assert Play.made[0].ends == ["closed"]
            assert Play.made[0].handled[-1] == b"QUIT"

    run(scene())


def test_events_beyond_a_fair_share_are_all_handled(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"".join(b"%d\r\n" % n for n in range(1000)) + b"QUIT\r\n")
            assert await client.rest() == b"".join(b"%d\r\n" % n for n in range(1000)) + b"bye\r\n"

    run(scene())


@pytest.mark.rfc("9293 §3.10.4", "MAY")
def test_half_closed_peer_gets_its_answers(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"SLEEP 0.02\r\na\r\nunfinished")
            client.writer.write_eof()
            assert await client.rest() == b"slept\r\na\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


def test_reading_is_paused_while_too_much_waits(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\n")
            flood = b"x" * 1022 + b"\r\n"
            for _ in range(20_000):
                client.send(flood)
            await until(lambda: Play.made[0].connection._held.paused)
            await asyncio.sleep(0.02)
            assert Play.made[0].connection._held.octets < 400 * 1024
            Play.made[0].let_go.set()
            client.send(b"QUIT\r\n")
            answers = await client.rest()
            assert answers == b"waited\r\n" + flood * 20_000 + b"bye\r\n"

    run(scene())


def test_drain_waits_for_a_slow_reader_and_the_output_is_whole(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"BULK 300\r\nQUIT\r\n")
            await until(lambda: Play.made[0].connection.phase is Phase.DRAINING)
            assert Play.made[0].at_work
            answers = await client.rest()
            assert answers == b"x" * 65536 * 300 + b"\r\ndone\r\nbye\r\n"

    run(scene())


def test_a_peer_that_leaves_during_drain_ends_the_handler(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"BULK 300\r\n")
            await until(lambda: Play.made[0].connection.phase is Phase.DRAINING)
            client.writer.transport.abort()
            await until(lambda: not listener.open_connections)
            assert Play.made[0].ends == ["closed"]
            assert errors(listener) == []

    run(scene())


def test_a_peer_that_never_reads_is_cut_off(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.05") == b"set"
            client.send(b"BULK 300\r\n")
            await until(lambda: not listener.open_connections)
            client.writer.close()

    run(scene())


def test_closed_comes_after_the_work_when_the_peer_leaves(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\nnever\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.reset()
            await until(lambda: Play.made[0].connection.gone)
            assert Play.made[0].ends == []
            with pytest.raises(ConnectionGone):
                await Play.made[0].connection.drain()
            Play.made[0].let_go.set()
            await until(lambda: Play.made[0].ends == ["closed"])
            assert Play.made[0].handled == [b"WAIT"]

    run(scene())


@pytest.mark.parametrize("command", [b"BREAK", b"BREAK 0.01", b"CONFUSE"])
def test_a_mistake_ends_its_own_connection_only(run: Run, command: bytes) -> None:
    async def scene() -> None:
        async with door() as listener:
            other = await Client.of(listener)
            client = await Client.of(listener)
            client.send(command + b"\r\nnever\r\n")
            assert await client.rest() == b"oops\r\n"
            assert await other.ask(b"a") == b"a"
            await until(lambda: listener.open_connections == 1)
            assert [str(error) for error in errors(listener)] in (["broken"], ["confused"])
            assert listener.counts.failed == 1
            other.writer.close()

    run(scene())


def test_a_session_that_cannot_be_made_is_a_mistake_too(run: Run) -> None:
    def broken(connection: Connection) -> Play:
        raise ValueError("no session")

    async def scene() -> None:
        async with door(session=broken) as listener:
            client = await Client.of(listener, greeted=False)
            assert await client.rest() == b""
            assert listener.counts.failed == 1

    run(scene())


def test_silence_beyond_the_deadline(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.05") == b"set"
            client.send(b"unfinished")
            assert await client.rest() == b"too slow\r\n"
            assert listener.counts.timed_out == 1

    run(scene())


def test_our_own_slowness_does_not_count(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.02") == b"set"
            assert await client.ask(b"SLEEP 0.1") == b"slept"
            client.send(b"QUIT\r\n")
            assert await client.rest() == b"bye\r\n"

    run(scene())


def test_a_farewell_survives_octets_still_on_their_way(run: Run) -> None:
    """Closing with unread octets would reset the connection, and the peer would not get the reason."""

    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"QUIT\r\n" + b"never\r\n" * 50_000)
            assert await client.rest() == b"bye\r\n"

    run(scene())


def test_posted_events_are_handled_in_order(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\na\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            Play.made[0].connection.post(b"posted")
            Play.made[0].let_go.set()
            assert [await client.line() for _ in range(3)] == [b"waited", b"a", b"posted"]
            Play.made[0].connection.post(b"idle")
            assert Play.made[0].handled[-1] != b"idle", "never inside the call that posts"
            assert await client.line() == b"idle"
            client.writer.close()

    run(scene())


@pytest.mark.rfc("2595 §4", "MUST")
def test_starttls(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"TLS") == b"None True"
            assert await client.ask(b"STARTTLS") == b"go"
            await client.secure()
            assert await client.ask(b"TLS") == b"TLSv1.3 False"
            assert await client.ask(b"SLEEP 0.01") == b"slept"
            assert Play.made[0].dropped == 0
            assert listener.counts.injected == 0
            client.send(b"QUIT\r\n")
            assert await client.rest() == b"bye\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


@pytest.mark.rfc("3207 §4.2", "MUST")
@pytest.mark.parametrize("extra", [b"evil\r\n", b"evi", b"a\r\nb\r\nc\r\n"])
def test_what_is_sent_too_early_is_dropped(run: Run, extra: bytes) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"STARTTLS\r\n" + extra)
            assert await client.line() == b"go"
            await client.secure()
            assert await client.ask(b"a") == b"a"
            assert Play.made[0].handled == [b"STARTTLS", b"a"]
            assert Play.made[0].dropped == len(extra)
            assert listener.counts.injected == 1
            client.writer.close()

    run(scene())


def test_early_octets_held_during_the_command_are_dropped(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.send(b"STARTTLS\r\nevil\r\n")
            await until(lambda: Play.made[0].connection._held.octets > 0)
            Play.made[0].let_go.set()
            assert [await client.line() for _ in range(2)] == [b"waited", b"go"]
            await client.secure()
            assert await client.ask(b"a") == b"a"
            assert Play.made[0].dropped == 6
            client.writer.close()

    run(scene())


def test_a_client_hello_sent_together_with_the_command(run: Run) -> None:
    """The peer does not wait for our go-ahead: its ClientHello is early, and nothing is handled."""

    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"STARTTLS\r\n" + b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\nQUIT\r\n")
            assert await client.line() == b"go"
            client.writer.write_eof()
            assert await client.rest() == b""
            await until(lambda: not listener.open_connections)
            assert Play.made[0].handled == []

    run(scene())


def test_a_failed_handshake_is_counted_and_released(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"STARTTLS") == b"go"
            client.send(b"this is not TLS at all, whatever it may be\r\n" * 10)
            await client.rest()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1
            assert Play.made[0].ends == ["closed"]
            assert errors(listener) == []

    run(scene())


def test_a_peer_that_leaves_during_the_handshake(run: Run) -> None:
    async def scene() -> None:
        async with door(implicit_tls=True) as listener:
            client = await Client.of(listener, greeted=False)
            client.send(b"\x16\x03\x01")
            await until(lambda: listener.open_connections == 1)
            client.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1

    run(scene())


def test_a_handshake_that_takes_too_long(run: Run) -> None:
    async def scene() -> None:
        async with door(implicit_tls=True, limits=ListenerLimits(handshake_s=0.05)) as listener:
            client = await Client.of(listener, greeted=False)
            await client.rest()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1

    run(scene())


def test_implicit_tls(run: Run) -> None:
    async def scene() -> None:
        async with door(implicit_tls=True) as listener:
            client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
            assert await client.ask(b"TLS") == b"TLSv1.3 False"
            client.send(b"BULK 50\r\nQUIT\r\n")
            assert await client.rest() == b"x" * 65536 * 50 + b"\r\ndone\r\nbye\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


def test_tls_peer_that_leaves_without_a_word(run: Run) -> None:
    async def scene() -> None:
        async with door(implicit_tls=True) as listener:
            client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
            client.send(b"WAIT\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.writer.transport.abort()
            await until(lambda: Play.made[0].connection.gone)
            Play.made[0].let_go.set()
            await until(lambda: not listener.open_connections)

    run(scene())


def test_connections_beyond_the_limit_get_the_busy_reply(run: Run) -> None:
    async def scene() -> None:
        async with door(limits=ListenerLimits(connections=2)) as listener:
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
        async with door(limits=ListenerLimits(connections_per_address=1)) as listener:
            first = await Client.of(listener)
            second = await Client.of(listener, greeted=False)
            assert await second.rest() == b"busy\r\n"
            elsewhere = await Client.of(listener, local_addr=("127.0.0.2", 0))
            elsewhere.writer.close()
            first.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener._open_counts.count("play", "127.0.0.1") == 0

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
        async with door() as listener:
            stays, goes, busy = [await Client.of(listener) for _ in range(3)]
            for number, play in enumerate(Play.made):
                play.accounts = (AccountId(number),)
            busy.send(b"WAIT\r\n")
            await until(lambda: Play.made[2].at_work == 1)
            assert listener.accounts() == {0, 1, 2}
            listener.revoke({AccountId(1), AccountId(2)})
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
        async with door() as listener:
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
        async with door() as listener:
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
        async with door(limits=ListenerLimits(linger_s=1000)) as listener:
            idle = await Client.of(listener)
            await asyncio.wait_for(listener.drain(1000), 60)
            assert await idle.rest() == b"going away\r\n"

    run(scene())


def test_a_reset_is_not_reported_as_a_failure(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            client.send(b"a\r\n")
            client.reset()
            await until(lambda: not listener.open_connections)
            assert errors(listener) == []

    run(scene())


def test_peers_are_named(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
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


def test_certificates_can_change_between_handshakes(run: Run) -> None:
    class Renewed(TestTls):
        asked = 0

        def context(self) -> ssl.SSLContext:
            self.asked += 1
            return super().context()

    async def scene() -> None:
        offer = Renewed()
        async with door(implicit_tls=True, tls=offer) as listener:
            for n in (1, 2):
                client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
                assert offer.asked == n
                client.writer.close()

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
        async with door(
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


def test_the_protocol_that_alpn_chose_is_in_the_tls_state(run: Run) -> None:
    class Offer(TestTls):
        def context(self) -> ssl.SSLContext:
            context = server_context.__wrapped__()
            context.set_alpn_protocols(["h2", "http/1.1"])
            return context

    async def scene() -> None:
        async with door(implicit_tls=True, tls=Offer()) as listener:
            context = client_context()
            for client_offers, chosen in ((["http/1.1"], "http/1.1"), ([], None)):
                if client_offers:
                    context.set_alpn_protocols(client_offers)
                else:
                    context = client_context()
                client = await Client.of(listener, ssl=context, server_hostname="localhost")
                tls = Play.made[-1].connection.tls
                assert tls is not None
                assert tls.alpn == chosen
                client.writer.close()

    run(scene())


def test_a_session_of_several_accounts_ends_when_one_is_revoked(run: Run) -> None:
    async def scene() -> None:
        async with door() as listener:
            client = await Client.of(listener)
            Play.made[0].accounts = (AccountId(1), AccountId(2))
            assert listener.accounts() == {1, 2}
            listener.revoke({AccountId(3)})
            assert await client.ask(b"a") == b"a"
            listener.revoke({AccountId(2)})
            assert await client.rest() == b"not you\r\n"

    run(scene())
