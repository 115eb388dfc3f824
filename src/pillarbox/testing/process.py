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
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

START_S = 30.0
"""How long a provider may take to start; that takes about half a second of processor time."""
ANSWER_S = 30.0
"""How long it may take to do what is asked."""
STOP_S = 10.0
"""How long a provider may take to stop before it is killed."""

NOT_RUNNING = "the provider is not running: use it within `with Provider() as mail:`, or call `start()`"


class ProviderFailed(RuntimeError):
    """The provider did not start, or has ended; the text is its log."""


class DemoProcess:
    """A demo, running from `start` to `stop`."""

    def __init__(self, arguments: list[str], *, stop_s: float = STOP_S) -> None:
        self._arguments = arguments
        self._stop_s = stop_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._asking = threading.Lock()

    def start(self) -> Mapping[str, Any]:
        """Start it; returns the contents of its ready file once it accepts connections. Raises `ProviderFailed`."""
        if self._process is not None:
            raise RuntimeError("the provider is running already")
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
            process_group=0,  # Ctrl-C is for the tests, which still need it to end in order
            env=_with_this_package(os.environ),
        )
        try:
            ready: Mapping[str, Any] = json.loads(self._line(START_S, "was not ready after"))
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
        return self._running().pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        if self._log is None or self._log.closed:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def request(self, name: str, **arguments: str) -> None:
        """Have the running demo do something: see `app.demo_requests`.

        Raises ValueError where it is refused, `ProviderFailed` where the demo has ended or does not answer.
        """
        with self._asking:
            process = self._running()
            assert process.stdin is not None
            if process.poll() is not None:
                raise ProviderFailed(f"it has ended:\n{self.log.strip()}")
            try:
                process.stdin.write(json.dumps({name: arguments}).encode() + b"\n")
                process.stdin.flush()
            except OSError as failure:
                raise ProviderFailed(f"it has ended:\n{self.log.strip()}") from failure
            answer = json.loads(self._line(ANSWER_S, "did not answer in"))
        if "error" in answer:
            raise ValueError(answer["error"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(NOT_RUNNING)
        return self._process

    def _line(self, seconds: float, failed: str) -> bytes:
        """The next line of its standard output. Raises `ProviderFailed`, with its log, where there is none."""
        process = self._running()
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], seconds)
        line: bytes = process.stdout.readline() if readable else b""
        if line:
            return line
        if not readable:
            raise ProviderFailed(f"it {failed} {seconds:.0f} seconds; its log:\n{self.log.strip()}")
        raise ProviderFailed(self.log.strip() or "it ended without a word")


def _with_this_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The child must import the Pillarbox that runs here, wherever this process imported it from."""
    source = str(Path(__file__).parents[2])
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, [source, environment.get("PYTHONPATH")])),
    }
