"""The real server in processes of its own, started, killed and started again on one data directory."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60.0
USERS = 6
PASSWORD = "secret"
_RUN = "from pillarbox.app import cli; cli.main()"


class Provider:
    """A demo that keeps its folder. Its processes are one group, so that one signal reaches all."""

    def __init__(self, directory: Path, *, workers: int, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.ports: dict[str, int] = {}
        self._workers = workers
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = directory.with_name(f"{directory.name}-ready.json")

    def start(self) -> None:
        """Start, and wait until all doors are open."""
        self._ready.unlink(missing_ok=True)
        arguments = ["--dir", str(self.directory), "--ready-file", str(self._ready), "--workers"]
        arguments += [str(self._workers), "--ports-from", "0", "--users", str(USERS), "--plain"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN, "demo", *arguments],
                env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.01)
        self.ports = json.loads(self._ready.read_text())["ports"]

    @property
    def log(self) -> Path:
        """Its log."""
        return self.directory.with_name(f"{self.directory.name}.log")

    def kill(self) -> None:
        """End all its processes at once, wherever they are in what they do."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def kill_one_worker(self, chance: random.Random) -> None:
        """End one of its workers; the supervisor starts another."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        workers = children.read_text().split() if children.exists() else []
        if workers:
            os.kill(int(chance.choice(workers)), signal.SIGKILL)

    def stop(self) -> None:
        """End it as its operator does."""
        if self._process:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    @property
    def pid(self) -> int:
        """Its first process: the supervisor, or the one worker."""
        assert self._process is not None
        return self._process.pid


@contextmanager
def running(directory: Path, *, workers: int = 1) -> Iterator[Provider]:
    """A provider that has been started; whatever happens, none of its processes is left."""
    provider = Provider(directory, workers=workers)
    try:
        provider.start()
        yield provider
    finally:
        provider.kill()
