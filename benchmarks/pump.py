"""What the pump costs: memory of an idle connection, and echo commands a second.

Run by hand: `python benchmarks/pump.py [uvloop|asyncio]`. Client and server are two processes.
"""

import argparse
import asyncio
import gc
import multiprocessing
import resource
import socket
import sys
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import uvloop

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from pillarbox.server.connection import Activity, Connection, Peer  # noqa: E402 # after the path is set
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, listening_socket  # noqa: E402
from pillarbox.world.shared import for_one_alone  # noqa: E402
from tests.kit.certificate import TestTls, client_context  # noqa: E402


class EchoMachine:
    """Lines in, lines out."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def buffered(self) -> int:
        return len(self._rest)

    def receive(self, octets: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + octets).split(b"\r\n")
        return lines

    def discard(self) -> int:
        dropped, self._rest = len(self._rest), b""
        return dropped


class EchoSession:
    """Says every line again; a line `wait` only after waiting for a turn of the loop."""

    __slots__ = ("connection", "machine")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.machine = EchoMachine()

    async def opened(self) -> None:
        self.connection.set_deadline(1800)
        self.connection.write(b"hello\r\n")

    async def handle(self, event: bytes) -> None:
        if event == b"STARTTLS":
            self.connection.write(b"go\r\n")
            await self.connection.start_tls()
        elif event == b"wait":
            await asyncio.sleep(0)
            self.connection.write(b"wait\r\n")
        else:
            self.connection.write(event + b"\r\n")

    def timed_out(self) -> bytes:
        return b"late\r\n"

    def scarce(self) -> bytes:
        return b"SCARCE\n"

    def failed(self) -> bytes:
        return b"oops\r\n"

    def ending(self) -> bytes:
        return b"bye\r\n"

    accounts = logins = ()

    def revoked(self) -> bytes:
        return b""

    def kicked(self) -> bytes:
        return b""

    def activity(self) -> Activity:
        return Activity()

    def closed(self) -> None:
        pass


class Silent:
    """Nobody is told."""

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:  # noqa: ARG002 # FailureReporter
        raise error


def serve(loop_kind: str, ports: Pipe) -> None:
    new_loop = uvloop.new_event_loop if loop_kind == "uvloop" else asyncio.SelectorEventLoop

    async def main() -> None:
        unlimited = ListenerLimits(connections=None)
        plain = ServiceOffer(name="echo", session=EchoSession, busy=b"", tls=TestTls(), limits=unlimited)
        tls = ServiceOffer(
            name="echos", session=EchoSession, busy=b"", tls=TestTls(), implicit_tls=True, limits=unlimited
        )
        listeners = [
            Listener(service, Silent(), open_counts=for_one_alone().open_counts) for service in (plain, tls)
        ]
        for listener in listeners:
            await listener.open([listening_socket("127.0.0.1", 0)])
        ports.send([listener.addresses[0].port for listener in listeners])
        while True:
            await asyncio.sleep(0.02)
            while ports.poll():
                gc.collect()
                ports.send((rss(), sum(x.open_connections for x in listeners), time.process_time()))
                ports.recv()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def ask(pipe: Pipe) -> tuple[int, int, float]:
    """The server's resident octets, open connections and CPU seconds."""
    pipe.send(None)
    answer: tuple[int, int, float] = pipe.recv()
    return answer


def memory(pipe: Pipe, port: int, mode: str, count: int) -> float:
    """KiB of resident memory a connection."""
    before, _, _ = ask(pipe)
    kept, context = [], client_context()
    for _ in range(count):
        peer: socket.socket = socket.create_connection(("127.0.0.1", port))
        if mode == "tls":
            peer = context.wrap_socket(peer, server_hostname="localhost")
        peer.recv(100)
        if mode == "starttls":
            peer.sendall(b"STARTTLS\r\n")
            peer.recv(100)
            peer = context.wrap_socket(peer, server_hostname="localhost")
            peer.sendall(b"x\r\n")
            peer.recv(100)
        kept.append(peer)
    time.sleep(0.3)
    after, _, _ = ask(pipe)
    for peer in kept:
        peer.close()
    time.sleep(0.3)
    return (after - before) / count / 1024


def rate(pipe: Pipe, port: int, line: bytes, depth: int, seconds: float = 2.0) -> tuple[float, float]:
    """Commands a second and the server's CPU microseconds a command, `depth` commands at a time."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.recv(100)
    batch, done = line * depth, 0
    _, _, cpu0 = ask(pipe)
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        for _ in range(50):
            peer.sendall(batch)
            missing = len(batch)
            while missing:
                missing -= len(peer.recv(65536))
        done += 50 * depth
    spent = time.monotonic() - start
    _, _, cpu1 = ask(pipe)
    peer.close()
    return done / spent, (cpu1 - cpu0) / done * 1e6


def connections(pipe: Pipe, port: int, seconds: float = 2.0) -> tuple[float, float]:
    """Connections a second (greeting, one command, end), and the server's CPU microseconds for each."""
    done = 0
    _, _, cpu0 = ask(pipe)
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        peer = socket.create_connection(("127.0.0.1", port))
        peer.recv(100)
        peer.sendall(b"x\r\n")
        peer.recv(100)
        peer.close()
        done += 1
    spent = time.monotonic() - start
    _, _, cpu1 = ask(pipe)
    return done / spent, (cpu1 - cpu0) / done * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loop", nargs="?", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    TestTls().context()  # the server, forked, has the same certificate
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    server = fork.Process(target=serve, args=(options.loop, theirs), daemon=True)
    server.start()
    plain, tls = ours.recv()
    for line, depth in ((b"x\r\n", 1), (b"wait\r\n", 1), (b"x\r\n", 20), (b"wait\r\n", 20)):
        per_s, cpu = rate(ours, plain, line, depth)
        print(f"{line!r:12} x{depth:<3} {per_s:10,.0f} /s {cpu:6.2f} us CPU")
    per_s, cpu = connections(ours, plain)
    print(f"connections       {per_s:10,.0f} /s {cpu:6.2f} us CPU")
    for mode, port in (("plain", plain), ("tls", tls), ("starttls", plain)):
        print(f"idle {mode:9} {memory(ours, port, mode, options.count):6.1f} KiB")
    server.terminate()


if __name__ == "__main__":
    main()
