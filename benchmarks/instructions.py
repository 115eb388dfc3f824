"""Instructions a request costs the server, counted by callgrind: the same number whatever else the machine does.

    python3 benchmarks/instructions.py [--tree FOLDER ...] [--json FILE] [NAME ...]

Each tree (this one unless told) serves as `pillarbox demo` with one worker under valgrind; the table shows thousands of
user-space instructions per request, and the last tree's ratio to the first. What runs by the clock (chores, the pulse
of the metrics) is off, and shares of time are as much longer as valgrind is slower. System calls cost nothing here, so
it complements `benchmarks/run`, which measures time. `PYTHON` names the interpreter of the server. In place of a tree
may stand an environment that has Pillarbox installed, compiled perhaps: its own interpreter runs it.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from pathlib import Path
from urllib.parse import urlencode

import ways_in

HERE = Path(__file__).resolve().parent
MESSAGES = 60
"""Messages in the mailbox that is read."""
WARM, MEASURED = 6, 20
"""Requests before counting begins, and counted ones."""
TOKENS: dict[int, str] = {}
"""App passwords, by the server's port for HTTP."""
NOTED_S = 2.5
"""When a sign-in of a new kind has been noted in the database: once, whatever their number."""

_SERVE = """
import importlib, sys
def change(module, **names):
    try:
        found = importlib.import_module(module)
    except ImportError:
        return
    for name, value in names.items():
        if hasattr(found, name):
            setattr(found, name, value)
change("pillarbox.server.pulse", BEAT_S=3600)
change("pillarbox.server.chores.runner", IDLE_S=1e6)
turns = "pillarbox.server.pump.turns"
change(turns, SHARE_S=0.3, MIN_SHARE_S=0.06, TOGETHER_S=1.2, ROUND_S=1.8, NOTED_S=0.012)
change("pillarbox.server.pump.handling", SHARE_S=0.3, TOGETHER_S=1.2, NOTED_S=0.012)
from pillarbox.server.chores.runner import Chores
Chores.start = lambda self: None
from pillarbox.app.cli import main
sys.argv[0] = "pillarbox"
main()
"""


class Client:
    """A connection that sends a request and reads what answers it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(300)

    def ask(self, request: bytes, ends: bytes) -> bytes:
        """Send, and read until the expression `ends` matches at the end of what came."""
        self.socket.sendall(request)
        answer = bytearray()
        end = re.compile(ends)
        while not (len(answer) >= 2 and end.search(answer, max(0, len(answer) - 2000))):
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise ConnectionError(bytes(answer[-200:]))
            answer += piece
        return bytes(answer)


def message(octets: int, number: int, *, parts: int = 0) -> bytes:
    head = (
        f"From: Sender {number} <sender{number}@elsewhere.example>\r\nTo: U <u0@one.example>\r\n"
        f"Subject: Instruction count {number}\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}.{octets}@elsewhere.example>\r\nMIME-Version: 1.0\r\n"
    )
    line = "The quick brown fox jumps over the lazy dog, and once more until it is evening.\r\n"
    if not parts:
        body = line * (octets // len(line))
        return (head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body).encode()
    part = f"--b\r\nContent-Type: text/plain; name=x.txt\r\n\r\n{line * (octets // parts // len(line))}\r\n"
    return (head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * parts + "--b--\r\n").encode()


class Smtp(Client):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.ask(b"", rb"220 [^\r]*\r\n$")
        self.ask(b"EHLO bench.example\r\n", rb"250 [^\r]*\r\n$")

    def send(self, octets: bytes, to: str = "u1@one.example") -> None:
        self.ask(
            b"MAIL FROM:<bench@elsewhere.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % to.encode(),
            rb"354 [^\r]*\r\n$",
        )
        self.ask(octets + b".\r\n", rb"250 [^\r]*\r\n$")


class Imap(Client):
    def __init__(self, port: int, user: str = "u0") -> None:
        super().__init__(port)
        self.ask(b"", rb"\* OK[^\r]*\r\n$")
        self.command(f"LOGIN {user}@one.example secret")

    def command(self, text: str) -> bytes:
        return self.ask(b"a " + text.encode() + b"\r\n", rb"(^|\n)a (OK|NO|BAD)[^\r]*\r\n$")

    def append(self, octets: bytes) -> None:
        self.ask(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (len(octets), octets), rb"(^|\n)a OK[^\r]*\r\n$")


class Http(Client):
    def request(self, line: str, *fields: str, body: str = "") -> bytes:
        """Send one, and read the whole response; the server says how long that is."""
        head = (f"{line} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields, "", body)
        self.socket.sendall("\r\n".join(head).encode())
        answer, end = b"", 0
        while not end or len(answer) < end:
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise ConnectionError(answer[-200:])
            answer += piece
            if not end and (told := re.search(rb"(?is)\r\ncontent-length: (\d+).*?\r\n\r\n", answer)):
                end = told.end() + int(told[1])
        if not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
            raise ConnectionError(answer[:300])
        return answer


def smtp(octets: int, parts: int = 0) -> Callable[[dict[str, int]], Callable[[], object]]:
    def make(ports: dict[str, int]) -> Callable[[], object]:
        client, given = Smtp(ports["smtp"]), message(octets, 7, parts=parts)
        return lambda: client.send(given)

    return make


def connection(ports: dict[str, int]) -> Callable[[], object]:
    def once() -> None:
        client = Smtp(ports["smtp"])
        client.send(message(2000, 8))
        client.ask(b"QUIT\r\n", rb"221 [^\r]*\r\n$")
        client.socket.close()

    return once


def imap(text: str) -> Callable[[dict[str, int]], Callable[[], object]]:
    def make(ports: dict[str, int]) -> Callable[[], object]:
        client = Imap(ports["imap"])
        client.command("SELECT INBOX")
        return lambda: client.command(text)

    return make


def store(numbers: str) -> Callable[[dict[str, int]], Callable[[], object]]:
    def make(ports: dict[str, int]) -> Callable[[], object]:
        client, turn = Imap(ports["imap"]), iter(range(1 << 30))
        client.command("SELECT INBOX")
        return lambda: client.command(f"STORE {numbers} {'+-'[next(turn) % 2]}FLAGS (\\Seen)")

    return make


def append(octets: int, *, selected: bool = False) -> Callable[[dict[str, int]], Callable[[], object]]:
    def make(ports: dict[str, int]) -> Callable[[], object]:
        client, given = Imap(ports["imap"], "u2"), message(octets, 9)
        if selected:
            client.command("SELECT INBOX")
        return lambda: client.append(given)

    return make


def mixed(ports: dict[str, int]) -> Callable[[], object]:
    """The nine commands of the workload of this name, in a mailbox of 200 messages and more."""
    client, given, turn = Imap(ports["imap"], "u3"), message(4000, 9), iter(range(1 << 30))
    client.command("SELECT INBOX")
    while len(client.command("SEARCH ALL").split()) < 200:
        client.append(given)

    def once() -> None:
        first = 1 + 37 * next(turn) % 169
        for command in (
            "SELECT INBOX",
            f"FETCH {first}:{first + 20} (UID FLAGS ENVELOPE BODYSTRUCTURE)",
            f"FETCH {first} BODY.PEEK[]",
            f"STORE {first} +FLAGS (\\Seen)",
            "NOOP",
            "STATUS INBOX (UNSEEN MESSAGES)",
            "UID SEARCH UNSEEN",
            f"STORE {first} -FLAGS (\\Seen)",
        ):
            client.command(command)
        client.append(given)

    return once


def login(ports: dict[str, int]) -> Callable[[], object]:
    def once() -> None:
        client = Imap(ports["imap"])
        client.command("LOGOUT")
        client.socket.close()

    return once


def log_in(name: str) -> Callable[[dict[str, int]], Callable[[], object]]:
    """A log-in over a connection of its own, as `ways_in` has it."""

    def make(ports: dict[str, int]) -> Callable[[], object]:
        service, way = ways_in.WAYS[name]

        def once() -> None:
            there = ways_in.Line(ports[service])
            way(there, TOKENS[ports["http"]])
            there.close()

        once()
        time.sleep(NOTED_S)
        return once

    return make


def basic(_ports: dict[str, int]) -> str:
    return f"Authorization: Basic {ways_in.encoded(f'{ways_in.USER}:{ways_in.PASSWORD}')}"


def cookie(ports: dict[str, int]) -> str:
    """Of a browser that has signed in."""
    form = urlencode({"address": ways_in.USER, "password": ways_in.PASSWORD})
    fields = ("Content-Type: application/x-www-form-urlencoded", "Origin: http://localhost")
    answer = Http(ports["http"]).request("POST /sign-in", *fields, body=form)
    found = re.search(r"(?i)set-cookie: ([^;]+)", answer.decode())
    if not found:
        raise ConnectionError(answer[:300])
    return f"Cookie: {found[1]}"


def http(
    line: str, shown: Callable[[dict[str, int]], str], body: str = ""
) -> Callable[[dict[str, int]], Callable[[], object]]:
    """Requests on a connection that is kept; `shown`: the field that says who asks."""

    def make(ports: dict[str, int]) -> Callable[[], object]:
        client = Http(ports["http"])
        fields = (shown(ports), "Content-Type: application/json", "X-Pillarbox: 1")
        client.request(line, *fields, body=body)
        time.sleep(NOTED_S)
        return lambda: client.request(line, *fields, body=body)

    return make


def pop3(ports: dict[str, int], numbers: Iterator[int]) -> Callable[[], object]:
    client = Client(ports["pop3"])
    client.ask(b"", rb"\+OK[^\r]*\r\n$")
    client.ask(b"USER u0@one.example\r\n", rb"\+OK[^\r]*\r\n$")
    client.ask(b"PASS secret\r\n", rb"\+OK[^\r]*\r\n$")
    return lambda: client.ask(b"RETR %d\r\n" % next(numbers), rb"\r\n\.\r\n$")


ECHO = '{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":"b"},"0"]]}'
FIELDS = "BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)]"
ALL = f"1:{MESSAGES}"
REQUESTS: dict[str, Callable[[dict[str, int]], Callable[[], object]]] = {
    "SMTP NOOP": lambda ports: (lambda client: lambda: client.ask(b"NOOP\r\n", rb"250 [^\r]*\r\n$"))(
        Smtp(ports["smtp"])
    ),
    "SMTP 2 KB": smtp(2000),
    "SMTP 20 KB": smtp(20_000),
    "SMTP 200 KB": smtp(200_000),
    "SMTP 6 KB, 6 parts": smtp(6000, parts=6),
    "SMTP 2 KB, a connection each": connection,
    "IMAP log-in and log-out": login,
    **{f"log-in, {name}": log_in(name) for name in ways_in.WAYS},
    "HTTP session, kept, Basic": http("GET /jmap/session", basic),
    "HTTP session, kept, cookie": http("GET /jmap/session", cookie),
    "JMAP Core/echo, kept, Basic": http("POST /jmap/api/", basic, ECHO),
    "JMAP Core/echo, kept, cookie": http("POST /jmap/api/", cookie, ECHO),
    "APPEND 20 KB": append(20_000),
    "APPEND 4 KB, selected": append(4000, selected=True),
    "NOOP": imap("NOOP"),
    "SELECT": imap("SELECT INBOX"),
    "FETCH FLAGS of 1": imap("FETCH 1 FLAGS"),
    f"FETCH FLAGS of {MESSAGES}": imap(f"FETCH {ALL} FLAGS"),
    f"FETCH ENVELOPE of {MESSAGES}": imap(f"FETCH {ALL} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"),
    f"FETCH BODYSTRUCTURE of {MESSAGES}": imap(f"FETCH {ALL} BODYSTRUCTURE"),
    f"FETCH header fields of {MESSAGES}": imap(f"FETCH {ALL} {FIELDS}"),
    "FETCH BODY[] of 1": imap("FETCH 1 BODY.PEEK[]"),
    f"FETCH BODY[] of {MESSAGES}": imap(f"FETCH {ALL} BODY.PEEK[]"),
    f"STORE {MESSAGES}": store(ALL),
    "STORE 1": store("7"),
    "STATUS": imap("STATUS INBOX (UNSEEN MESSAGES)"),
    "SEARCH UNSEEN": imap("SEARCH UNSEEN"),
    "SEARCH SUBJECT": imap("SEARCH SUBJECT evening"),
    "SEARCH FROM": imap("SEARCH FROM sender7"),
    "SEARCH BODY": imap("SEARCH BODY lazier"),
    "POP3 RETR": lambda ports: pop3(ports, repeat(5)),
    "POP3 RETR in order": lambda ports: pop3(ports, cycle(range(1, MESSAGES + 1))),
    "mixed, nine commands": mixed,
}


class Server:
    """A demo of `tree` under callgrind, in a temporary folder."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self._folder = folder
        ready = folder / "ready.json"
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        options = ["demo", "--dir", "data", "--plain", "--users", "4", "--ready-file", str(ready)]
        installed = tree / "bin" / "python"
        python = str(installed) if installed.exists() else os.environ.get("PYTHON", sys.executable)
        source = "" if installed.exists() else str(tree / "src")
        self._process = subprocess.Popen(
            [*command, python, "-c", _SERVE, *options],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": source,
                "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "",
            },
            stdout=(folder / "log").open("w"),
            stderr=subprocess.STDOUT,
        )
        while not ready.exists():
            if self._process.poll() is not None:
                raise RuntimeError((folder / "log").read_text()[-3000:])
            time.sleep(0.2)
        time.sleep(0.5)
        told = json.loads(ready.read_text())
        self.ports: dict[str, int] = (
            {name: found["port"] for name, found in told["services"].items()}
            if ("services" in told)
            else told["ports"]
        )
        TOKENS[self.ports["http"]] = ways_in.make_app_password(python, source, folder / "data")

    def control(self, *options: str) -> None:
        """Tell callgrind something."""
        command = ["callgrind_control", *options, str(self._process.pid)]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)

    def instructions(self) -> int:
        """All that were counted since the last look."""
        before = set(self._folder.glob("out.*"))
        self.control("--dump")
        new: set[Path] = set()
        while not new:
            new = set(self._folder.glob("out.*")) - before
            time.sleep(0.05)
        return sum(
            int(n)
            for each in new
            for n in re.findall(r"^(?:summary|totals): (\d+)", each.read_text(), re.MULTILINE)[-1:]
        )

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(120)


def measure(tree: Path, names: list[str]) -> dict[str, float]:
    """Thousands of instructions of each request."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(tree, Path(folder))
        try:
            sender = Smtp(server.ports["smtp"])
            for number in range(MESSAGES):
                sender.send(message(4000, number), "u0@one.example")
            time.sleep(1)
            server.control("--instr=on")
            for name in names:
                request = REQUESTS[name](server.ports)
                for _ in range(WARM):
                    request()
                server.instructions()
                for _ in range(MEASURED):
                    request()
                found[name] = server.instructions() / MEASURED / 1000
                print(f"{tree.name}: {name}: {found[name]:,.1f}", file=sys.stderr)
        finally:
            server.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tree", type=Path, action="append", help="a checkout, or an environment; repeat to compare"
    )
    parser.add_argument("--json", type=Path, help="keep the numbers there")
    parser.add_argument("name", nargs="*", help=f"requests whose name contains this: {', '.join(REQUESTS)}")
    given = parser.parse_args()
    names = [name for name in REQUESTS if not given.name or any(part in name for part in given.name)]
    trees = [tree.resolve() for tree in given.tree or [HERE.parent]]
    results = [measure(tree, names) for tree in trees]
    for name in names:
        numbers = [result[name] for result in results]
        ratio = f"{numbers[-1] / numbers[0]:8.3f}" if len(numbers) > 1 else ""
        print(f"{name:34}" + "".join(f"{number:12,.1f}" for number in numbers) + ratio)
    if given.json:
        given.json.write_text(
            json.dumps({str(tree): result for tree, result in zip(trees, results, strict=True)}, indent=1)
        )


if __name__ == "__main__":
    main()
