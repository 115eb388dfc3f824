"""`pillarbox demo` as a process of its own, told apart from this one by nothing but sockets and a file.

    with demo(folder, "--plain", "--users", "3") as house:
        imaplib.IMAP4(house.host, house.ports["imap"])

All that a test knows of it is what the ready file says, as it is for any program that drives Pillarbox from
outside.
"""

import contextlib
import itertools
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.paths import ROOT

START_S = 60
"""How long to wait for a demo on a busy machine before saying that it does not come."""
USERS = 300
PASSWORD = "an open secret"
COMMAND = (sys.executable, "-c", "from pillarbox.app.cli import main; main()", "demo")


@dataclass(frozen=True)
class Person:
    """Somebody of the demo."""

    address: str
    login: str
    password: str


@dataclass
class Demo:
    """A demo that runs."""

    process: subprocess.Popen[bytes]
    folder: Path
    ready: dict[str, Any]
    """What the ready file says."""
    started_s: float
    """Seconds from the command to the ready file."""
    plain: bool
    """It was started with `--plain`."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def host(self) -> str:
        return str(self.ready["host"])

    @property
    def ports(self) -> dict[str, int]:
        return dict(self.ready["ports"])

    @property
    def authority(self) -> Path:
        """The certificate authority's file."""
        return Path(self.ready["ca_file"])

    @property
    def people(self) -> list[Person]:
        return [Person(**account) for account in self.ready["accounts"]]

    def newcomer(self) -> Person:
        """Somebody whom no test has met yet."""
        login = f"u{next(self._numbers)}"
        return next(person for person in self.people if person.login == login)

    def context(self) -> ssl.SSLContext:
        """A client's: the server is verified, by its name too."""
        return ssl.create_default_context(cafile=str(self.authority))

    def log(self) -> str:
        """What it has said so far, on both of its channels."""
        return (self.folder / "stdout").read_text() + (self.folder / "stderr").read_text()

    def processes(self) -> list[int]:
        """It, and its workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def end(self, signo: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(signo)
        return self.process.wait(START_S)


@contextlib.contextmanager
def demo(folder: Path, *options: str | Path, temporary: Path | None = None) -> Iterator[Demo]:
    """Start one, on free ports unless told otherwise; end it with the block.

    `folder` takes its ready file and what it says; `temporary` is where it makes temporary files.
    """
    process, began = start(folder, *options, temporary=temporary), time.monotonic()
    try:
        ready_file = folder / "ready.json"
        while not ready_file.exists():
            assert process.poll() is None, f"it did not start:\n{(folder / 'stderr').read_text()}"
            assert time.monotonic() < began + START_S, "it does not come"
            time.sleep(0.005)
        yield Demo(
            process,
            folder,
            json.loads(ready_file.read_text()),
            time.monotonic() - began,
            "--plain" in options,
        )
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def start(folder: Path, *options: str | Path, temporary: Path | None = None) -> subprocess.Popen[bytes]:
    """Start one and do not wait."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = () if "--ports-from" in options else ("--ports-from", "0")
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "default"}
    if temporary:
        surroundings["TMPDIR"] = str(temporary)
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            [*COMMAND, *ports, "--ready-file", folder / "ready.json", *options],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=surroundings,
            cwd=ROOT,
        )
