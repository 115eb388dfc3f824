"""`pillarbox demo` as a child process.

What always holds: it ends when `stop` is called, and with this process however that ends; its folder is removed with
it; it listens on loopback only.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

START_S = 30.0
"""How long a provider may take to start; it usually takes less than one second."""
STOP_S = 10.0
"""How long a provider may take to stop before it is killed."""


class ProviderFailed(RuntimeError):
    """The provider did not start; the text says why."""


class DemoProcess:
    """A demo, running from `start` to `stop`."""

    def __init__(self, arguments: list[str], *, stop_s: float = STOP_S) -> None:
        self._arguments = arguments
        self._stop_s = stop_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> Mapping[str, Any]:
        """Start it; returns the contents of its ready file once it accepts connections. Raises `ProviderFailed`."""
        assert self._process is None, "it is running already"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the provider runs
        self._process = subprocess.Popen(  # noqa: S603 - our own command, by its full path
            [
                *(sys.executable, "-m", "pillarbox", "demo"),
                *("--ports-from", "0", "--ready-file", "-", "--with-parent"),
                *self._arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_with_this_package(os.environ),
        )
        try:
            ready: Mapping[str, Any] = json.loads(self._ready_line())
        except BaseException:
            self.stop(None)
            raise
        return ready

    def stop(self, folder: Path | None) -> None:
        """Stop it and remove its folder; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.terminate()
        try:
            process.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)  # it has done so itself, unless killed
        if self._log:
            self._log.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "it is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        if self._log is None or self._log.closed:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def _ready_line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_S)
        line: bytes = self._process.stdout.readline() if readable else b""
        if not line:
            raise ProviderFailed(self.log.strip() or f"it was not ready after {START_S:.0f} seconds")
        return line


def _with_this_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The child must import the Pillarbox that runs here, wherever this process imported it from."""
    source = str(Path(__file__).parents[2])
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, [source, environment.get("PYTHONPATH")])),
    }
