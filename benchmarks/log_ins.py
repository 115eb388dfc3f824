"""Log-ins a second, and the server's CPU for each: by IMAP, POP3, SMTP and HTTP; one tree, or several in turn.

    python benchmarks/log_ins.py [--tree FOLDER ...] [--rounds 5] [--seconds 2] [NAME ...]

Each tree (this one unless told) serves as `pillarbox demo` with one worker, twice: as it is, where a password that was
right is remembered for minutes, and without that, where each log-in costs what the first one costs. One client logs in
again and again, over a connection for each log-in. The table has medians of rounds in which the trees take turns, and
the last tree's ratio to the first: above 1 it is faster, or takes less CPU. `PYTHON` names the servers' interpreter.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from growth import Server
from ways_in import WAYS, Line, make_app_password

HERE = Path(__file__).resolve().parent
PYTHON = os.environ.get("PYTHON", sys.executable)

_FORGETFUL = """
import sys
from pillarbox.app.cli import main
try:
    from pillarbox.server.login import password_checks
except ImportError:  # the tree that is compared with may be an older one
    from pillarbox.server import password_checks
password_checks.CACHED_S = -1.0
sys.argv[0] = "pillarbox"
main()
"""


class TreeServer(Server):
    """A demo of a tree. `forgetful`: it remembers no right password."""

    def __init__(self, tree: Path, folder: Path, *, forgetful: bool) -> None:
        self._tree, self._forgetful = tree, forgetful
        super().__init__(folder)
        self.stop()
        self.token = make_app_password(PYTHON, str(self.source), folder)
        self.start()

    def command(self) -> list[str]:
        """How it is started."""
        return [PYTHON, "-c", _FORGETFUL] if self._forgetful else [PYTHON, "-m", "pillarbox"]

    @property
    def source(self) -> Path:
        """Where its modules are."""
        return self._tree / "src"


WITHOUT_HASH = ("IMAP SCRAM", "HTTP Bearer")
"""These cost no Argon2, so that nothing is remembered of them."""


def measure(server: TreeServer, name: str, seconds: float) -> tuple[float, float]:
    """Log-ins a second, and milliseconds of the server's CPU for each."""
    service, log_in = WAYS[name]

    def once() -> None:
        there = Line(server.ports[service])
        log_in(there, server.token)
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
