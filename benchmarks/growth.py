"""What commands cost in a large mailbox beside a small one: latency, server CPU, and how long another session waits.

    python benchmarks/growth.py [--sizes 10000,500000] [--keep FOLDER] [--json FILE] [NAME ...]

Each size is an INBOX of a `pillarbox demo` with one worker, filled with small messages through the verbs of the store,
and taken for indexed for searches of text, which are not measured here. `--keep` keeps the filled data directories.
The table has, for each size, medians of the client's latency and of the server's CPU time, and the longest NOOP of
another account's session while the command ran again; then the ratio of the CPU time of the last size to the first.
What goes through all messages is shown for a thousand messages. `PYTHON` names the interpreter of the server.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from growth_cases import CASES, USER, Bench, Case, Step, nothing
from instructions import HERE, Imap, message

sys.path.insert(0, str(HERE.parent / "src"))

FILL_TOGETHER = 5_000


def fill(folder: Path, messages: int) -> None:
    """In a process of its own: a data directory with so many messages in the INBOX of `USER`."""
    from pillarbox.app.database import opened_database
    from pillarbox.config.data_directory import DataDirectory
    from pillarbox.directory import accounts
    from pillarbox.mail.summary import summarize
    from pillarbox.store import append, mailboxes
    from pillarbox.world.blobs import prepare
    from pillarbox.world.database import Transaction

    octets = message(600, 1)
    summary, now_ms = summarize(octets), time.time_ns() // 1_000_000

    def some(tx: Transaction, first: int, last: int) -> None:
        account = accounts.by_login(tx, USER)
        assert account is not None
        inbox = mailboxes.by_name(tx, account.id, "INBOX").id
        sent = append.Message(prepare(octets), summary)
        arrivals = [append.Arrival(sent, "" if n % 10 == 0 else "\\Seen", now_ms) for n in range(first, last)]
        append.append_all(tx, account.id, inbox, arrivals, now_ms=now_ms)
        tx.execute("UPDATE ledgers SET indexed_email = last_email", ())

    with opened_database(DataDirectory(folder)) as database:
        for first in range(0, messages, FILL_TOGETHER):
            database.write_now(some, first, min(first + FILL_TOGETHER, messages))


class Server:
    """A demo, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        ready = self.folder.with_suffix(".ready")
        ready.unlink(missing_ok=True)
        options = ["--plain", "--users", "2", "--ports-from", "0", "--ready-file", str(ready)]
        self._process = subprocess.Popen(
            [*self.command(), "demo", "--dir", str(self.folder), *options],
            env={**os.environ, "PYTHONPATH": str(self.source)},
            stdout=subprocess.DEVNULL,
            stderr=self.folder.with_suffix(".log").open("w"),
        )
        while not ready.exists():
            if self._process.poll() is not None:
                raise SystemExit(self.folder.with_suffix(".log").read_text()[-3000:])
            time.sleep(0.05)
        self.ports: dict[str, int] = json.loads(ready.read_text())["ports"]

    def command(self) -> list[str]:
        """How Pillarbox is started."""
        return [os.environ.get("PYTHON", sys.executable), "-m", "pillarbox"]

    @property
    def source(self) -> Path:
        """Where its modules are."""
        return HERE.parent / "src"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def cpu_s(self) -> float:
        """CPU time of the process with all its threads; its clock's number is as in clock_getcpuclockid(3)."""
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def memory_mib(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def probe(port: int, pipe: Connection) -> None:
    """In a process of its own: NOOPs of another account; the longest since the last question."""
    client, longest = Imap(port, "u1"), 0.0
    while True:
        if pipe.poll(0.001):
            pipe.recv()
            pipe.send(longest)
            longest = 0.0
        began = time.monotonic()
        client.command("NOOP")
        longest = max(longest, time.monotonic() - began)


@contextmanager
def probing(port: int) -> Iterator[Callable[[], float]]:
    """A function that tells the longest NOOP since it was last called."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=probe, args=(port, theirs), daemon=True)
    process.start()

    def ask() -> float:
        ours.send(None)
        return float(ours.recv())

    ask()
    try:
        yield ask
    finally:
        process.kill()
        process.join()


def measure(case: Case, server: Server, messages: int) -> dict[str, float]:
    """Milliseconds, of one command or of a thousand messages."""
    latency, cpu, waits = [], [], []
    bench: Bench | None = None
    request: Step = nothing
    before: Step = nothing
    for number in range(case.rounds * 2):
        if bench is None or case.cold:
            if case.cold:
                server.stop()
                server.start()
            bench = Bench(server.ports, cold=case.cold)
            request, before = case.make(bench)
        before()
        time.sleep(0.02)
        if number < case.rounds:
            began, cpu_began = time.monotonic(), server.cpu_s()
            request()
            latency.append(time.monotonic() - began)
            cpu.append(server.cpu_s() - cpu_began)
        else:
            with probing(server.ports["imap"]) as longest:
                time.sleep(0.02)
                longest()
                request()
                waits.append(longest())
    scale = 1e6 / messages if case.per_message else 1e3
    return {
        "latency": statistics.median(latency) * scale,
        "cpu": statistics.median(cpu) * scale,
        "other_waits": statistics.median(waits) * 1e3,
        "memory_mib": server.memory_mib(),
    }


def measure_size(messages: int, names: list[str], keep: Path, folder: Path) -> dict[str, dict[str, float]]:
    kept = keep / str(messages)
    if not kept.exists():
        unfinished = keep / f"{messages}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        Server(unfinished).stop()
        process = multiprocessing.Process(target=fill, args=(unfinished, messages))
        process.start()
        process.join()
        unfinished.rename(kept)
    data = folder / str(messages)
    shutil.copytree(kept, data)
    server = Server(data)
    found = {}
    try:
        for name in names:
            if CASES[name].fresh:
                server.stop()
                shutil.rmtree(data)
                shutil.copytree(kept, data)
                server.start()
            found[name] = measure(CASES[name], server, messages)
            print(f"{messages}: {name}: {found[name]}", file=sys.stderr)
    finally:
        server.stop()
        shutil.rmtree(data)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,500000")
    parser.add_argument("--keep", type=Path, help="where filled data directories are kept for the next run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("name", nargs="*", help=f"cases whose name contains this: {', '.join(CASES)}")
    options = parser.parse_args()
    names = [name for name in CASES if not options.name or any(part in name for part in options.name)]
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        keep = options.keep or Path(folder) / "kept"
        keep.mkdir(parents=True, exist_ok=True)
        results = [measure_size(size, names, keep, Path(folder)) for size in sizes]
    print(
        f"{'ms':32}" + "".join(f"{size:>10,}{'CPU':>9}{'others':>8}{'MiB':>6}" for size in sizes) + "   ratio"
    )
    for name in names:
        label = name + (" (1000 messages)" if CASES[name].per_message else "")
        numbers = [result[name] for result in results]
        columns = [
            f"{n['latency']:10.3f}{n['cpu']:9.3f}{n['other_waits']:8.1f}{n['memory_mib']:6.0f}"
            for n in numbers
        ]
        print(f"{label:32}{''.join(columns)}{numbers[-1]['cpu'] / numbers[0]['cpu']:8.2f}")
    if options.json:
        options.json.write_text(json.dumps(dict(zip(map(str, sizes), results, strict=True)), indent=1) + "\n")


if __name__ == "__main__":
    main()
