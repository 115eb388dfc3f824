"""`pillarbox demo` as a child process.

    with demo(folder, "--plain", "--users", "3") as provider:
        imaplib.IMAP4(provider.host, provider.ports["imap"])

Tests know of it only what the ready file says, like any program that drives Pillarbox from outside.
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
"""How long a demo may take to start, on a busy machine."""
USERS = 300
PASSWORD = "an open secret"
COMMAND = (sys.executable, "-c", "from pillarbox.app.cli import main; main()", "demo")


@dataclass(frozen=True)
class Person:
    """An account of the demo."""

    address: str
    login: str
    password: str


@dataclass
class Demo:
    """A running demo."""

    process: subprocess.Popen[bytes]
    folder: Path
    ready: dict[str, Any]
    """The contents of the ready file."""
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
        """An account that no other test uses."""
        login = f"u{next(self._numbers)}"
        return next(person for person in self.people if person.login == login)

    def context(self) -> ssl.SSLContext:
        """A client context that verifies the server's certificate and name."""
        return ssl.create_default_context(cafile=str(self.authority))

    def log(self) -> str:
        """Its output so far, standard output and standard error."""
        return (self.folder / "stdout").read_text() + (self.folder / "stderr").read_text()

    def processes(self) -> list[int]:
        """The process ids of the demo and its workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def end(self, signo: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal to stop; its exit code."""
        self.process.send_signal(signo)
        return self.process.wait(START_S)


@contextlib.contextmanager
def demo(folder: Path, *options: str | Path, temporary: Path | None = None) -> Iterator[Demo]:
    """A demo for the time of the block, on free ports by default.

    `folder` is for its ready file and its output; `temporary` is where it makes temporary files.
    """
    process, began = start(folder, *options, temporary=temporary), time.monotonic()
    try:
        ready_file = folder / "ready.json"
        while not ready_file.exists():
            assert process.poll() is None, f"it did not start:\n{(folder / 'stderr').read_text()}"
            assert time.monotonic() < began + START_S, "it did not start in time"
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
    """Start a demo without waiting for it."""
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
