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
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from instructions import HERE, Client, Imap, Smtp, message

sys.path.insert(0, str(HERE.parent / "src"))

USER = "u0@one.example"
FILL_TOGETHER = 5_000
Step = Callable[[], object]


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
            [
                os.environ.get("PYTHON", sys.executable),
                "-m",
                "pillarbox",
                "demo",
                "--dir",
                str(self.folder),
                *options,
            ],
            env={**os.environ, "PYTHONPATH": str(HERE.parent / "src")},
            stdout=subprocess.DEVNULL,
            stderr=self.folder.with_suffix(".log").open("w"),
        )
        while not ready.exists():
            if self._process.poll() is not None:
                raise SystemExit(self.folder.with_suffix(".log").read_text()[-3000:])
            time.sleep(0.05)
        self.ports: dict[str, int] = json.loads(ready.read_text())["ports"]

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


class Bench:
    """A server and its clients; unless it has just started, they have the INBOX selected."""

    def __init__(self, server: Server, *, cold: bool) -> None:
        self.server, self.cold = server, cold
        self.client, self.other = self.session(), self.session()
        self.smtp = Smtp(server.ports["smtp"])
        self.turn = 0

    def session(self) -> Imap:
        client = Imap(self.server.ports["imap"])
        client.command("ENABLE QRESYNC")
        if not self.cold:
            client.command("SELECT INBOX")
        return client

    def do(self, text: str) -> Step:
        return lambda: self.client.command(text)

    def exists(self) -> int:
        answer = self.client.command("STATUS INBOX (MESSAGES)")
        return int(answer.partition(b"(MESSAGES ")[2].partition(b")")[0])

    def store(self, numbers: Callable[[], str], flag: str = "\\Flagged") -> Step:
        def request() -> None:
            self.turn += 1
            self.client.command(f"STORE {numbers()} {'+-'[self.turn % 2]}FLAGS.SILENT ({flag})")

        return request

    def last(self, count: int) -> str:
        return f"{self.exists() - count + 1}:{self.exists()}"

    def pop3(self) -> Client:
        client = Client(self.server.ports["pop3"])
        for line in (b"", f"USER {USER}\r\n".encode(), b"PASS secret\r\n"):
            client.ask(line, rb"\+OK[^\r]*\r\n$")
        return client


@dataclass(frozen=True)
class Case:
    """A command; `make` returns what is measured, and what must be done before it each time."""

    make: Callable[[Bench], tuple[Step, Step]]
    rounds: int = 9
    per_message: bool = False
    fresh: bool = False
    """Whether the mailbox has to be as it was filled."""
    cold: bool = False
    """Whether the server starts anew each time."""


def nothing() -> None:
    pass


def plain(text: str) -> Callable[[Bench], tuple[Step, Step]]:
    return lambda bench: (bench.do(text), nothing)


def on_last(text: str, count: int) -> Callable[[Bench], tuple[Step, Step]]:
    """A command about the last messages; where it removes them, others are chosen each time."""

    def make(bench: Bench) -> tuple[Step, Step]:
        numbers = ""

        def before() -> None:
            nonlocal numbers
            bench.client.command("NOOP")
            numbers = bench.last(count)
            if "EXPUNGE" in text:
                bench.client.command(f"STORE {numbers} +FLAGS.SILENT (\\Deleted)")

        return lambda: bench.client.command(text.format(numbers)), before

    return make


def since(text: str) -> Callable[[Bench], tuple[Step, Step]]:
    """A command that asks what changed since a MODSEQ, when 60 messages have."""

    def make(bench: Bench) -> tuple[Step, Step]:
        modseq = 0

        def before() -> None:
            nonlocal modseq
            answer = bench.client.command("SELECT INBOX")
            modseq = int(answer.partition(b"HIGHESTMODSEQ ")[2].partition(b"]")[0])
            validity.append(int(answer.partition(b"UIDVALIDITY ")[2].partition(b"]")[0]))
            bench.store(lambda: bench.last(60))()

        return lambda: bench.client.command(text.format(modseq=modseq, validity=validity[-1])), before

    validity: list[int] = []
    return make


def wake_up(bench: Bench) -> tuple[Step, Step]:
    waiting = bench.session()
    waiting.ask(b"a IDLE\r\n", rb"\+[^\r]*\r\n$")

    def request() -> None:
        bench.smtp.send(message(600, 2), USER)
        waiting.ask(b"", rb"EXISTS")

    return request, nothing


def log_in(bench: Bench) -> tuple[Step, Step]:
    return lambda: bench.pop3().ask(b"STAT\r\n", rb"\+OK[^\r]*\r\n$"), nothing


def unique_ids(bench: Bench) -> tuple[Step, Step]:
    client = bench.pop3()
    return lambda: client.ask(b"UIDL\r\n", rb"\r\n\.\r\n$"), nothing


CASES = {
    "SELECT": Case(plain("SELECT INBOX")),
    "SELECT (QRESYNC)": Case(since("SELECT INBOX (QRESYNC ({validity} {modseq}))")),
    "APPEND": Case(lambda b: (lambda: b.client.append(message(600, 3)), nothing), 30),
    "APPEND by another, then NOOP": Case(
        lambda b: (b.do("NOOP"), lambda: b.other.append(message(600, 3))), 20
    ),
    "SMTP delivery": Case(lambda b: (lambda: b.smtp.send(message(600, 4), USER), nothing), 30),
    "SMTP delivery to IDLE": Case(wake_up, 30),
    "STORE of 1": Case(lambda b: (b.store(lambda: "77"), nothing), 20),
    "STORE of all": Case(lambda b: (b.store(lambda: "1:*"), nothing), 4, per_message=True),
    "FETCH FLAGS of 60": Case(on_last("FETCH {} (UID FLAGS)", 60)),
    "FETCH FLAGS of all": Case(plain("FETCH 1:* (UID FLAGS)"), 4, per_message=True),
    "FETCH FLAGS CHANGEDSINCE": Case(since("FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")),
    "FETCH ENVELOPE of 60": Case(on_last("FETCH {} (UID FLAGS ENVELOPE RFC822.SIZE)", 60)),
    "SEARCH UNSEEN": Case(plain("SEARCH RETURN (COUNT) UNSEEN"), per_message=True),
    "SEARCH SINCE": Case(plain("SEARCH RETURN (COUNT) SINCE 1-Jan-2020"), per_message=True),
    "SEARCH UID range UNSEEN": Case(plain("SEARCH UID 1000:1060 UNSEEN")),
    "NOOP": Case(plain("NOOP"), 30),
    "STATUS": Case(plain("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"), 20),
    "LIST with counts": Case(plain('LIST "" * RETURN (STATUS (MESSAGES UNSEEN))'), 20),
    "EXPUNGE of 1": Case(on_last("EXPUNGE", 1)),
    "COPY of 1000": Case(on_last("COPY {} Archive", 1000), 3),
    "EXPUNGE of 1000": Case(on_last("EXPUNGE", 1000), 2, fresh=True),
    "MOVE of 1000": Case(on_last("MOVE {} Archive", 1000), 2, fresh=True),
    "POP3 log-in and STAT": Case(log_in, 5, per_message=True, fresh=True),
    "POP3 UIDL": Case(unique_ids, 5, per_message=True),
    "SELECT after a restart": Case(plain("SELECT INBOX"), 3, per_message=True, cold=True),
}


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
            bench = Bench(server, cold=case.cold)
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
