"""The supervisor with real processes: readiness, replacement, stopping, no orphans, and what it logs."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import os, select, signal, sys, time
from pillarbox.app.supervisor import Supervisor
from pillarbox.app.worker_health import Patience
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import shared_among
from pillarbox.world.telemetry import SystemTelemetry

class Stop(Exception): pass

table = shared_among(2, SystemEntropy())[0].workers

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
        table.beat(link.worker)
        while not select.select([link.supervisor_ended], [], [], 0.02)[0]:
            if sys.argv[2] != "hang" or link.worker:
                table.beat(link.worker)
            else:
                hold_the_loop()
    except Stop:
        pass

def hold_the_loop():
    time.sleep(60)

def ready():
    print("ready", flush=True)

patience = Patience(look_s=0.1, told_looks=5, killed_looks=10)
sys.exit(Supervisor(table, work, SystemTelemetry(), patience=patience).run(ready))
"""


class Run:
    def __init__(self, folder: Path, mode: str = "fine") -> None:
        self.log = folder / "pids"
        self.log.touch()
        self.folder = folder
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(self.log), mode],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": "src"},
            )

    def pids(self) -> list[int]:
        return [int(pid) for pid in self.log.read_text().split()]

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = (self.folder / "log").read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in events if event["event"] == name]

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


def test_the_log_has_each_start_and_end_with_its_reason(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.ready()
    os.kill(run.pids()[0], signal.SIGKILL)
    until(lambda: len(run.pids()) == 3)
    assert run.end() == 0
    assert [event["reason"] for event in run.events("worker started")] == ["start", "start", "replacement"]
    assert [event["reason"] for event in run.events("worker ended")] == [
        "killed by SIGKILL",
        "exit status 0",
        "exit status 0",
    ]
    assert [event["reason"] for event in run.events("stopping")] == ["SIGTERM"]
    assert len(run.events("stopped")) == 1


def test_a_worker_whose_loop_is_held_is_told_of_and_replaced(tmp_path: Path) -> None:
    run = Run(tmp_path, "hang")
    assert run.ready()
    first, second = run.pids()
    until(lambda: len(run.pids()) >= 3)
    (stuck, *_) = run.events("worker stuck")
    assert (stuck["worker"], stuck["level"]) == (0, "warning")
    assert any("in hold_the_loop" in line for line in stuck["stacks"])
    (ended, *_) = run.events("worker ended")
    assert ended["reason"] == "hung, and was killed"
    assert not alive(stuck["pid"])
    assert alive(second if stuck["pid"] == first else first)
    assert run.end() == 0


def test_a_worker_that_cannot_start_is_told_with_its_reason(tmp_path: Path) -> None:
    run = Run(tmp_path, "fail")
    assert not run.ready()
    assert run.end() == 1
    assert {event["reason"] for event in run.events("worker ended")} <= {"exit status 1", "killed by SIGTERM"}
    assert [event["reason"] for event in run.events("stopping")] == ["a worker could not start"]
