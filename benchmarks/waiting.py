"""New mail while much is queued: acceptance and delivery with an empty queue and with a full one.

    python benchmarks/waiting.py --waiting 200000

The queued messages are for destinations that refuse connections: half for a single one, half for 2 000 others, all due
when the server starts, so it is busy failing. Then new messages come one by one: how long until each is accepted, and
how long until it is at its destination. Nothing but this process and its server is needed.
"""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from relay import HOST, cpu_of, free_port, wait_for

DESTINATIONS = 2_000
PATIENCE_S = 60


def serve(folder: Path, ports: tuple[int, int, int], waiting: int) -> None:
    """In a process of its own."""
    from pillarbox.app import serving
    from pillarbox.app.database import opened_database
    from pillarbox.app.resolved import Resolved
    from pillarbox.app.sockets import listen_on
    from pillarbox.config.schema import Config
    from pillarbox.directory import aliases, domains
    from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
    from pillarbox.server.relay.host_finder import Host
    from pillarbox.world.blobs import prepare
    from pillarbox.world.database import Transaction
    from pillarbox.world.tls import authority

    port, sink, closed = ports
    certificates = authority.ensure(folder / "tls", ("one.example",), now_ms=time.time_ns() // 1_000_000)
    config = Config(
        hostname="mail.one.example",
        domain="one.example",
        data=folder,
        local_names={"one.example": HOST},
    )
    resolved = Resolved(
        config,
        certificates=(certificates.server,),
        routes={"sink.example": Host("sink", sink, HOST), "*": Host("closed", closed, HOST)},
    )

    def people(tx: Transaction) -> None:
        domains.create(tx, "one.example", now_ms=0)
        aliases.create(tx, "away@one.example", ["you@sink.example"])

    def fill(tx: Transaction, first: int, last: int, now_ms: int) -> None:
        for number in range(first, last):
            domain = "dead.example" if number % 2 else f"d{number // 2 % DESTINATIONS}.example"
            octets = b"Subject: %d\r\n\r\n" % number + b"x" * 1000
            recipients = (QueuedRecipient(f"a@{domain}", domain),)
            enqueue(tx, Outbound(prepare(octets), "me@one.example", recipients), now_ms=now_ms)

    with opened_database(config.data_directory, create=True) as database:
        database.write_now(people)
        for first in range(0, waiting, 5_000):
            last = min(waiting, first + 5_000)
            database.write_now(fill, first, last, time.time_ns() // 1_000_000)
    os.sync()  # what follows is not to wait for the disk to write this
    with (folder / "log").open("w") as log:
        os.dup2(log.fileno(), 2)
    serving.alone(resolved, listen_on(HOST, {"smtp": port}), lambda: None)


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, arrived: asyncio.Queue[float]
) -> None:
    """A server that accepts everything, and records when."""
    with suppress(asyncio.CancelledError):  # the end of the measurement
        writer.write(b"220 sink\r\n")
        body = False
        while line := await reader.readline():
            if body and line != b".\r\n":
                continue
            if body:
                arrived.put_nowait(time.monotonic())
            ends = line[:4].upper() == b"DATA"
            body = ends and not body
            writer.write(b"354 go\r\n" if body else b"250 ok\r\n")
    writer.close()


async def send_new(port: int, sink: int, messages: int) -> tuple[list[float], list[float]]:
    """Seconds until each message was accepted, and until it arrived."""
    arrived: asyncio.Queue[float] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: answer(r, w, arrived), HOST, sink)
    reader, writer = await asyncio.open_connection(HOST, port)

    async def say(octets: bytes) -> None:
        writer.write(octets)
        while (await reader.readline())[3:4] == b"-":
            pass

    await reader.readline()
    await say(b"EHLO client.example\r\n")
    accepting, arriving = [], []
    for _ in range(messages):
        for line in (b"MAIL FROM:<you@one.example>\r\n", b"RCPT TO:<away@one.example>\r\n", b"DATA\r\n"):
            await say(line)
        began = time.monotonic()
        await say(b"Subject: urgent\r\n\r\n" + b"x" * 1000 + b"\r\n.\r\n")
        accepting.append(time.monotonic() - began)
        arriving.append(await asyncio.wait_for(arrived.get(), PATIENCE_S) - began)
        await asyncio.sleep(0.05)
    writer.close()
    server.close()
    return accepting, arriving


def measure(waiting: int, options: argparse.Namespace) -> None:
    ports = free_port(), free_port(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-bench-"))
    child = os.fork()
    if child == 0:
        serve(folder, ports, waiting)
        os._exit(0)
    try:
        wait_for(ports[0], seconds=600)
        accepting, arriving = asyncio.run(send_new(ports[0], ports[1], options.messages))
        found = [
            (statistics.median(times), statistics.quantiles(times, n=100)[98])
            for times in (accepting, arriving)
        ]
        print(
            f"{waiting:>9,} queued   accepted {found[0][0] * 1e3:6.1f} ms (p99 {found[0][1] * 1e3:6.1f})"
            f"   arrived {found[1][0] * 1e3:6.1f} ms (p99 {found[1][1] * 1e3:6.1f})"
            f"   server CPU {cpu_of(child):.1f} s"
        )
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--waiting", type=int, default=200_000)
    parser.add_argument("--messages", type=int, default=100, help="new messages")
    options = parser.parse_args()
    for waiting in (0, options.waiting):
        measure(waiting, options)


if __name__ == "__main__":
    main()
