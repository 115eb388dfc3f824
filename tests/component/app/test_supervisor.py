"""The supervisor with real processes: readiness, replacement, stopping, no orphans."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import os, select, signal, sys
from pillarbox.app.supervisor import Supervisor

class Stop(Exception): pass

def work(link):
    if sys.argv[2] == "fail":
        raise SystemExit(3)
    def stop(*_): raise Stop
    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with open(sys.argv[1], "a") as log:
        log.write(f"{os.getpid()}\\n")
    link.ready()
    try:
        select.select([link.supervisor_ended], [], [])
    except Stop:
        pass

def ready():
    print("ready", flush=True)

sys.exit(Supervisor(2, work).run(ready))
"""


class Run:
    def __init__(self, folder: Path, mode: str = "fine") -> None:
        self.log = folder / "pids"
        self.log.touch()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.log), mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": "src"},
        )

    def pids(self) -> list[int]:
        return [int(pid) for pid in self.log.read_text().split()]

    def ready(self) -> bool:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        return bool(readable) and self.process.stdout.readline() == b"ready\n"

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()
        return code


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_ready_when_all_workers_are_and_stops_them_all(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.ready()
    pids = run.pids()
    assert len(pids) == 2
    assert run.end() == 0
    assert not any(alive(pid) for pid in pids)


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.ready()
    first, second = run.pids()
    os.kill(first, signal.SIGKILL)
    until(lambda: len(run.pids()) == 3)
    assert alive(second)
    assert run.end() == 0


def test_workers_do_not_outlive_the_supervisor(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.ready()
    pids = run.pids()
    run.process.kill()
    run.end()
    until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.parametrize("mode", ["fail"])
def test_a_worker_that_cannot_start_stops_the_supervisor(tmp_path: Path, mode: str) -> None:
    run = Run(tmp_path, mode)
    assert not run.ready()
    assert run.end() == 1
