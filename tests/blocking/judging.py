"""A provider that asks a name server of the attacker: `pillarbox serve`, as an operator runs it."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pillarbox.testing.blocking import Account
from tests.kit.name_server import NameServer
from tests.kit.served import Served

WATCHED: Final = "bert@example.org"
CONNECTIONS: Final = 100_000
"""All clients of a test have one address."""


class _Served(Served):
    def __init__(self, folder: Path, port: int, workers: int) -> None:
        self._port, self._workers = port, workers
        super().__init__(folder)

    def configured(self, config: str) -> str:
        return f"{config}\nplain_passwords = true\nworkers = {self._workers}\n"

    def resolving(self) -> list[str]:
        limits = ["[limits]", f"connections_per_address = {CONNECTIONS}"]
        return ["[resolver]", f'servers = ["127.0.0.1:{self._port}"]', *limits]


class JudgingProvider:
    """What an attack is given of it is as of `BlockingProvider`; `names` are the attacker's."""

    def __init__(self, *, workers: int = 1) -> None:
        self._workers = workers
        self.names = NameServer()
        self.host = "127.0.0.1"
        self.domains: Sequence[str] = ("example.org",)
        self.accounts: Sequence[Account] = ()

    def start(self) -> None:
        """Start both; returns when all services accept connections."""
        self._folder = Path(tempfile.mkdtemp(prefix="pillarbox-judging-"))
        self.names.__enter__()
        self._served = _Served(self._folder, self.names.port, self._workers)
        there = self._served.there
        watched = there.json("account", "add", WATCHED)
        self.accounts = tuple(
            [
                Account(login, login, password)
                for login, password in (
                    ("anna@example.org", self._served.password),
                    (WATCHED, watched["password"]),
                )
            ]
        )

    def stop(self) -> None:
        """Stop both, and remove the data."""
        self._served.end()
        self.names.__exit__(None, None, None)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def ports(self) -> dict[str, int]:
        """By the name of the service."""
        return self._served.ports

    @property
    def pid(self) -> int:
        """The process id; workers are its children."""
        return self._served.process.pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._served.log.read_text()

    @property
    def reports(self) -> str:
        """What was found of reports that came, each with how often it did."""
        found = Counter[str]()
        for one in self._served.there.json("reports", "list"):
            found[one["problem"] or f"{one['kind']}, {one['failed']} of {one['total']} failed"] += 1
        return ", ".join(report if count == 1 else f"{count} {report}" for report, count in found.items())


def verdicts(log: str) -> str:
    """What was found of the messages that were accepted or refused, each result with how often it occurred."""
    found = Counter[str]()
    for line in log.splitlines():
        if '"authentication":' in line:
            said = json.loads(line)["authentication"]
            found.update(said.split() if isinstance(said, str) else ())
    return ", ".join(result if count == 1 else f"{count} {result}" for result, count in found.items())
