"""Search in the text of new mail: how fast before it is indexed, how fast after, and how the index keeps up.

    PYTHON=python3.12 python benchmarks/searching.py [--tree FOLDER] [--messages 10000] [--rate 500] [--json FILE]

A `pillarbox demo` of one worker serves. Three times so many messages of 4 KB arrive in an account at once. The first
account is searched (SEARCH BODY, nothing found) until all are indexed, and then. For the second nobody asks. While the
third is indexed, new mail comes to other accounts by SMTP at the rate, and goes on. All the time, another session
sends NOOP every 5 ms. "Loop" is the processor time of the thread that serves, "threads" that of all others.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path

from instructions import Imap
from relay import HOST, TICKS

HERE = Path(__file__).resolve().parent
PASSWORD = "secret"
SESSIONS = 4
"""SMTP sessions that bring new mail."""
RECIPIENTS = range(10, 20)
"""The accounts that get it."""
AFTER_S = 10.0
"""How long new mail goes on once all that waited is indexed."""
PATIENCE_S = 60.0
WORDS = (
    *(
        "meeting",
        "project",
        "report",
        "invoice",
        "budget",
        "schedule",
        "travel",
        "release",
        "server",
        "storage",
    ),
    *(
        "contract",
        "customer",
        "delivery",
        "garden",
        "weather",
        "music",
        "football",
        "recipe",
        "holiday",
        "engine",
    ),
)


@dataclass(slots=True)
class Phase:
    """What was measured while the index was fed."""

    name: str
    messages: int
    """Indexed while it was measured."""
    seconds: float = 0.0
    loop_s: float = 0.0
    threads_s: float = 0.0
    noops_ms: list[float] = field(default_factory=list)
    searches: list[tuple[float, float]] = field(default_factory=list)
    """When each ended, and how long it took, in seconds."""
    searched_fed: float = 0.0
    """Searches a second once all is indexed."""
    most_waiting: int = 0
    """Of the mail that came during the last seconds, how much waited for the index at most."""
    arrived_per_s: float = 0.0


def message(number: int) -> bytes:
    """Text and HTML of the same words, 4 KB."""
    choose = random.Random(number).choice
    text = "\r\n".join(" ".join(choose(WORDS) for _ in range(9)) for _ in range(24))
    return (
        f"From: Sender {number} <sender{number % 97}@elsewhere.example>\r\nTo: List <list@one.example>\r\n"
        f"Subject: {choose(WORDS)} {choose(WORDS)} {number}\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}.{time.time_ns()}@elsewhere.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>{text}</p></body></html>\r\n--b--\r\n"
    ).encode()


class Server:
    """A demo, in a temporary folder."""

    def __init__(self, tree: Path, folder: Path) -> None:
        ready = folder / "ready.json"
        program = "from pillarbox.app.cli import main; main()"
        options = [
            "demo",
            "--dir",
            str(folder / "data"),
            "--plain",
            "--users",
            "20",
            "--ready-file",
            str(ready),
        ]
        self._process = subprocess.Popen(
            [os.environ.get("PYTHON", sys.executable), "-c", program, *options],
            env={**os.environ, "PYTHONPATH": str(tree / "src")},
            stdout=(folder / "log").open("w"),
            stderr=subprocess.STDOUT,
        )
        while not ready.exists():
            if self._process.poll() is not None:
                raise SystemExit((folder / "log").read_text()[-3000:])
            time.sleep(0.1)
        told = json.loads(ready.read_text())
        self.ports: dict[str, int] = told["ports"]
        self._database = next((folder / "data").rglob("pillarbox.db"))

    def waiting(self) -> int:
        """Emails that are not indexed yet."""
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)
        try:
            ((number,),) = connection.execute("SELECT sum(last_email - indexed_email) FROM ledgers")
            return int(number)
        finally:
            connection.close()

    def cpu(self) -> tuple[float, float]:
        """Processor seconds of the thread that serves, and of the others."""
        spent = {}
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            user, kernel = (task / "stat").read_text().rpartition(")")[2].split()[11:13]
            spent[int(task.name)] = (int(user) + int(kernel)) / TICKS
        loop = spent.pop(self._process.pid)
        return loop, sum(spent.values())

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(60)


def fill(server: Server, user: str, messages: int) -> None:
    """Arrivals at once: a hundred by each command."""
    client = Imap(server.ports["imap"], user)
    for first in range(0, messages, 100):
        some = [message(number) for number in range(first, min(first + 100, messages))]
        literals = b"".join(b" {%d+}\r\n%s" % (len(octets), octets) for octets in some)
        client.ask(b"a APPEND INBOX" + literals + b"\r\n", rb"(^|\n)a OK[^\r]*\r\n$")
    client.socket.close()


# --- meanwhile


def _noops(port: int, begun: Event, ended: Event, found: "SimpleQueue[list[float]]") -> None:
    """In a process of its own: how long each NOOP took, in milliseconds."""
    client, times = Imap(port, "u9"), []
    begun.set()
    while not ended.is_set():
        began = time.perf_counter()
        client.command("NOOP")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    found.put(times)


@contextmanager
def measured(server: Server, phase: Phase) -> Iterator[Phase]:
    """Fill a phase with what happens meanwhile."""
    begun, ended = multiprocessing.Event(), multiprocessing.Event()
    found: SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
    prober = multiprocessing.Process(target=_noops, args=(server.ports["imap"], begun, ended, found))
    prober.start()
    begun.wait()
    began, (loop_s, threads_s) = time.monotonic(), server.cpu()
    try:
        yield phase
    finally:
        phase.seconds = time.monotonic() - began
        loop_until_s, threads_until_s = server.cpu()
        phase.loop_s, phase.threads_s = loop_until_s - loop_s, threads_until_s - threads_s
        ended.set()
        phase.noops_ms = sorted(found.get())
        prober.join()


async def _bring(port: int, rate: float, place: int, ended: asyncio.Event) -> int:
    """One SMTP session: messages at a rate, until the end; how many."""
    reader, writer = await asyncio.open_connection(HOST, port)

    async def say(octets: bytes, replies: int = 1) -> None:
        writer.write(octets)
        while replies:
            replies -= (await reader.readline())[3:4] == b" "

    await reader.readline()
    await say(b"EHLO client.example\r\n")
    sent, began = 0, time.monotonic()
    while not ended.is_set():
        user = RECIPIENTS[(sent * SESSIONS + place) % len(RECIPIENTS)]
        await say(b"MAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<u%d@one.example>\r\nDATA\r\n" % user, 3)
        await say(message(sent % 1000) + b".\r\n")
        sent += 1
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
    writer.close()
    return sent


async def under_ingest(server: Server, phase: Phase, rate: float) -> None:
    """New mail at a rate until the index has caught up with it, and then for `AFTER_S`."""
    ended, began = asyncio.Event(), time.monotonic()
    places = range(SESSIONS)
    bringing = [
        asyncio.create_task(_bring(server.ports["smtp"], rate / SESSIONS, at, ended)) for at in places
    ]
    waiting_before, steady_s = server.waiting(), 0.0
    while time.monotonic() < began + PATIENCE_S:
        await asyncio.sleep(0.1)
        waiting = server.waiting()
        if not steady_s and waiting < rate:
            steady_s = time.monotonic()
        if steady_s:
            phase.most_waiting = max(phase.most_waiting, waiting)
            if time.monotonic() > steady_s + AFTER_S:
                break
    ended.set()
    sent = sum(await asyncio.gather(*bringing))
    phase.arrived_per_s = sent / (time.monotonic() - began)
    phase.messages = waiting_before + sent - server.waiting()
    if not steady_s:
        phase.most_waiting = server.waiting()


# --- the phases


def wait_until(is_over: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_over() and time.monotonic() < began + PATIENCE_S:
        time.sleep(0.02)


def searched(server: Server, options: argparse.Namespace) -> Phase:
    fill(server, "u0", options.messages)
    client = Imap(server.ports["imap"], "u0")
    client.command("SELECT INBOX")
    with measured(server, Phase("searched", server.waiting())) as phase:
        began = time.monotonic()
        while server.waiting() and time.monotonic() < began + PATIENCE_S:
            asked = time.monotonic()
            client.command("UID SEARCH BODY nosuchword")
            phase.searches.append((time.monotonic() - began, time.monotonic() - asked))
    times = []
    for _ in range(100):
        asked = time.monotonic()
        client.command("UID SEARCH BODY nosuchword")
        times.append(time.monotonic() - asked)
    phase.searched_fed = 1 / statistics.median(times)
    return phase


def alone(server: Server, options: argparse.Namespace) -> Phase:
    fill(server, "u1", options.messages)
    with measured(server, Phase("nobody asks", server.waiting())) as phase:
        wait_until(lambda: not server.waiting())
    return phase


def with_ingest(server: Server, options: argparse.Namespace) -> Phase:
    fill(server, "u2", options.messages)
    with measured(server, Phase(f"{options.rate:g} a second arrive", 0)) as phase:
        asyncio.run(under_ingest(server, phase, options.rate))
    return phase


def only_ingest(server: Server, options: argparse.Namespace) -> Phase:
    """To compare with: the same mail, and the index has nothing else to do."""
    wait_until(lambda: not server.waiting())
    with measured(server, Phase("the same, nothing waits", 0)) as phase:
        asyncio.run(under_ingest(server, phase, options.rate))
    return phase


def show(phase: Phase) -> None:
    noops = phase.noops_ms
    print(
        f"{phase.name:26} {phase.messages:7,} fed in {phase.seconds:6.1f} s: {phase.messages / phase.seconds:7,.0f}/s"
        f"   loop {phase.loop_s / phase.seconds:5.1%}, threads {phase.threads_s / phase.seconds:5.1%}"
        f"   NOOP median {statistics.median(noops):.2f}, p99 {statistics.quantiles(noops, n=100)[98]:.1f},"
        f" longest {noops[-1]:.1f} ms"
    )
    if phase.searches:
        took = [each for _, each in phase.searches]
        print(
            f"{'':26} searches a second: the first {1 / took[0]:.1f}, the slowest {1 / max(took):.1f},"
            f" {len(took) / phase.seconds:.1f} until fed, {phase.searched_fed:.0f} once fed"
        )
    if phase.arrived_per_s:
        print(f"{'':26} {phase.arrived_per_s:.0f} a second arrived; at most {phase.most_waiting:,} waited")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, default=HERE.parent, help="a checkout, if not this")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=500, help="new messages a second")
    parser.add_argument("--json", type=Path, help="keep the numbers there")
    options = parser.parse_args()
    phases = []
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        server = Server(options.tree.resolve(), Path(folder))
        try:
            for measure in (searched, alone, with_ingest, only_ingest):
                phases.append(measure(server, options))
                show(phases[-1])
        finally:
            server.stop()
    if options.json:
        options.json.write_text(json.dumps([asdict(phase) for phase in phases], indent=1))


if __name__ == "__main__":
    main()
