"""Log-ins a second, and the server's CPU for each: by IMAP, POP3, SMTP and HTTP; one tree, or several in turn.

    python benchmarks/log_ins.py [--tree FOLDER ...] [--rounds 5] [--seconds 2] [NAME ...]

Each tree (this one unless told) serves as `pillarbox demo` with one worker, twice: as it is, where a password that was
right is remembered for minutes, and without that, where each log-in costs what the first one costs. One client logs in
again and again, over a connection for each log-in. The table has medians of rounds in which the trees take turns, and
the last tree's ratio to the first: above 1 it is faster, or takes less CPU. `PYTHON` names the servers' interpreter.
"""

import argparse
import hashlib
import hmac
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path

from growth import Server

HERE = Path(__file__).resolve().parent
USER, PASSWORD = "u0@one.example", "secret"
PYTHON = os.environ.get("PYTHON", sys.executable)

_FORGETFUL = """
import sys
from pillarbox.app.cli import main
try:
    from pillarbox.server.login import password_checks
except ImportError:  # as below
    from pillarbox.server.login import password_checks
password_checks.CACHED_S = -1.0
sys.argv[0] = "pillarbox"
main()
"""
_APP_PASSWORD = """
import sys
from pathlib import Path
from pillarbox.app.database import opened_database
from pillarbox.config.data_directory import DataDirectory
from pillarbox.directory import accounts
try:
    from pillarbox.directory.sign_in import app_passwords, credentials, secrets
except ImportError:  # the tree that is compared with may be an older one
    from pillarbox.directory.sign_in import app_passwords, credentials, secrets
def verb(tx):
    account = accounts.by_login(tx, sys.argv[2]).id
    password = app_passwords.format_app_password(bytes(range(app_passwords.RANDOM_OCTETS)))
    secret = secrets.ensure(tx, secrets.CREDENTIALS, bytes(range(secrets.SECRET_OCTETS)))
    salt, iterations = credentials.scram_parameters(tx, account)
    made = app_passwords.hash_app_password(password, secret=secret, scram_salt=salt, iterations=iterations)
    app_passwords.add(tx, account, made, name="x", scopes=frozenset([app_passwords.Scope.MAIL]), now_ms=0)
    return password
with opened_database(DataDirectory(Path(sys.argv[1]))) as database:
    print(database.write_now(verb))
"""


class TreeServer(Server):
    """A demo of a tree. `forgetful`: it remembers no right password."""

    def __init__(self, tree: Path, folder: Path, *, forgetful: bool) -> None:
        self._tree, self._forgetful = tree, forgetful
        super().__init__(folder)
        self.stop()
        self.token = self._run(_APP_PASSWORD, str(folder), USER).stdout.strip()
        self.start()

    def command(self) -> list[str]:
        """How it is started."""
        return [PYTHON, "-c", _FORGETFUL] if self._forgetful else [PYTHON, "-m", "pillarbox"]

    @property
    def source(self) -> Path:
        """Where its modules are."""
        return self._tree / "src"

    def _run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(self.source)}
        return subprocess.run(
            [PYTHON, "-c", program, *arguments], env=environment, check=True, capture_output=True, text=True
        )


class Line:
    """A connection; what is said and answered are lines."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def ask(self, *said: str, until: str = "") -> str:
        """Say lines; the first answer that begins so."""
        if said:
            self._socket.sendall("".join(f"{one}\r\n" for one in said).encode())
        while line := self._reader.readline().decode():
            if line.startswith(until):
                return line
        raise ConnectionError(f"no {until!r}")

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


PLAIN = encoded(f"\0{USER}\0{PASSWORD}")


def imap(there: Line, _server: TreeServer) -> str:
    there.ask(until="* OK")
    return there.ask(f"a AUTHENTICATE PLAIN {PLAIN}", until="a OK")


def pop3(there: Line, _server: TreeServer) -> str:
    there.ask(until="+OK")
    there.ask(f"USER {USER}", until="+OK")
    return there.ask(f"PASS {PASSWORD}", until="+OK")


def submission(there: Line, _server: TreeServer) -> str:
    there.ask(until="220")
    there.ask("EHLO bench.example", until="250 ")
    return there.ask(f"AUTH PLAIN {PLAIN}", until="235")


@cache
def scram_keys(salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Kept, as clients keep them: the server is what is measured."""
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    key = hmac.digest(salted, b"Client Key", "sha256")
    return key, hashlib.sha256(key).digest()


def scram(there: Line, _server: TreeServer) -> str:
    there.ask(until="* OK")
    bare = f"n={USER},r=bench"
    told = there.ask(f"a AUTHENTICATE SCRAM-SHA-256 {encoded(f'n,,{bare}')}", until="+ ")
    first = b64decode(told[2:]).decode()
    parts = dict(part.split("=", 1) for part in first.split(","))
    key, stored = scram_keys(b64decode(parts["s"]), int(parts["i"]))
    unproven = f"c=biws,r={parts['r']}"
    signature = hmac.digest(stored, f"{bare},{first},{unproven}".encode(), "sha256")
    proof = b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True))).decode()
    there.ask(encoded(f"{unproven},p={proof}"), until="+ ")
    return there.ask("", until="a OK")


def http(there: Line, field: str) -> str:
    return there.ask(
        "GET /jmap/session HTTP/1.1", "Host: localhost", f"Authorization: {field}", "", until="HTTP/1.1 200"
    )


def basic(there: Line, _server: TreeServer) -> str:
    return http(there, f"Basic {encoded(f'{USER}:{PASSWORD}')}")


def bearer(there: Line, server: TreeServer) -> str:
    return http(there, f"Bearer {server.token}")


WAYS: dict[str, tuple[str, Callable[[Line, TreeServer], str]]] = {
    "IMAP PLAIN": ("imap", imap),
    "IMAP SCRAM": ("imap", scram),
    "POP3 PASS": ("pop3", pop3),
    "SMTP PLAIN": ("submission", submission),
    "HTTP Basic": ("http", basic),
    "HTTP Bearer": ("http", bearer),
}
WITHOUT_HASH = ("IMAP SCRAM", "HTTP Bearer")
"""These cost no Argon2, so that nothing is remembered of them."""


def measure(server: TreeServer, name: str, seconds: float) -> tuple[float, float]:
    """Log-ins a second, and milliseconds of the server's CPU for each."""
    service, log_in = WAYS[name]

    def once() -> None:
        there = Line(server.ports[service])
        log_in(there, server)
        there.close()

    once()
    count, cpu_s, began = 0, server.cpu_s(), time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        once()
        count += 1
    return count / took, (server.cpu_s() - cpu_s) / count * 1000


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, action="append", help="a checkout; repeat to compare")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each way, in each round")
    parser.add_argument("name", nargs="*", help=f"ways whose name contains this: {', '.join(WAYS)}")
    given = parser.parse_args()
    trees = [tree.resolve() for tree in given.tree or [HERE.parent]]
    rows = [
        (name, forgetful)
        for name in WAYS
        for forgetful in (False, True)
        if not (forgetful and name in WITHOUT_HASH)
        if not given.name or any(part in name for part in given.name)
    ]
    with tempfile.TemporaryDirectory() as folder:
        servers = {
            (number, forgetful): TreeServer(tree, Path(folder) / f"{number}-{forgetful}", forgetful=forgetful)
            for number, tree in enumerate(trees)
            for forgetful in (False, True)
        }
        try:
            found: dict[tuple[str, bool, int], list[tuple[float, float]]] = {}
            for turn in range(given.rounds):
                for name, forgetful in rows:
                    for number in sorted(range(len(trees)), reverse=turn % 2 == 1):
                        one = measure(servers[number, forgetful], name, given.seconds)
                        found.setdefault((name, forgetful, number), []).append(one)
        finally:
            for server in servers.values():
                server.stop()
    for name, forgetful in rows:
        told = [
            [statistics.median(of) for of in zip(*found[name, forgetful, number], strict=True)]
            for number in range(len(trees))
        ]
        title = f"{name}, not remembered" if forgetful else name
        numbers = "".join(f"{rate:10,.0f}{cpu:8.3f} ms" for rate, cpu in told)
        ratios = f"{told[-1][0] / told[0][0]:8.2f}{told[0][1] / told[-1][1]:8.2f}" if len(trees) > 1 else ""
        print(f"{title:32}{numbers}{ratios}")


if __name__ == "__main__":
    main()
