"""The supervisor: forks the workers, replaces those that die or hang, and passes signals on to them.

It opens nothing but the listening sockets and its log, which its workers inherit by fork; it keeps the sockets open, so
that clients that connect while a worker is being replaced wait in the kernel's queue and are served. It waits for
signals, looks at heartbeats, and does nothing else, so there is little in it that can fail. A worker ends on SIGTERM,
or when the supervisor is gone: each holds the reading end of a pipe of which only the supervisor has the other. SIGHUP
is passed on to the workers, once `reload` has found nothing wrong. Signals stay blocked in a new worker until it has
handlers for them, so that none can kill it half started, or get lost.

The log has each start and each end of a worker, with the reason. Of one whose loop is held it has the stacks of all
its threads: the interpreter writes them on `STACKS`, whatever it is doing.
"""

import faulthandler
import os
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from pillarbox.app.child_process import leave
from pillarbox.app.worker_health import Finding, HeartbeatWatch, Patience, RestartDelays
from pillarbox.world.clock import SystemClock
from pillarbox.world.shared import WorkerTable
from pillarbox.world.telemetry import Telemetry

Work = Callable[["SupervisorLink"], None]
"""Runs one worker until it is stopped."""

DRAIN_S = 30.0
"""How long workers may finish what they are doing once they are to stop."""
POLL_S = 0.05
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STACKS: Final = signal.SIGUSR1
"""Asks a worker for the stacks of its threads."""
STACKS_S: Final = 0.2
"""How long writing them may take."""
MAX_STACKS_OCTETS: Final = 16 * 1024
PATIENCE: Final = Patience()


class SupervisorLink:
    """A worker's end of its connection to the supervisor."""

    def __init__(self, worker: int, supervisor_ended: int, ready: int) -> None:
        self.worker = worker
        """The number of the worker, from 0; a replacement has the number of its predecessor."""
        self.supervisor_ended = supervisor_ended
        """A descriptor that becomes readable when the supervisor has ended."""
        self._ready = ready

    def ready(self) -> None:
        """Report to the supervisor that this worker accepts connections."""
        os.write(self._ready, b".")


@dataclass(slots=True)
class _Child:
    """A worker's process."""

    worker: int
    began: float
    watch: HeartbeatWatch
    killed: bool = False
    """We have killed it, since it hung."""


class Supervisor:
    """Runs a number of workers until SIGTERM or SIGINT."""

    def __init__(
        self,
        table: WorkerTable,
        work: Work,
        telemetry: Telemetry,
        *,
        reload: Callable[[], bool] = lambda: True,
        patience: Patience = PATIENCE,
    ) -> None:
        """`reload` is called on SIGHUP, which is passed on to the workers if it returns true."""
        self._table = table
        self._work = work
        self._telemetry = telemetry
        self._reload = reload
        self._patience = patience
        self._children: dict[int, _Child] = {}
        """By process id."""
        self._due: dict[int, float] = {}
        """When the workers that have died are replaced, by their number."""
        self._delays = RestartDelays()
        self._clock = SystemClock()
        self._next_look = 0.0
        self._lifetime = os.pipe()
        self._ready = os.pipe()
        self._stacks: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as we run
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> int:
        """Start the workers, call `ready` once all accept connections, and stay until stopped; an exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self._table.serve(os.getpid(), self._clock.now_ms())
        for worker in range(self._table.workers):
            self._start_one(worker, "start")
        code = self._failed_to_start()
        if code is None:
            ready()
        else:
            self._stop("a worker could not start" if code else "signal")
        while self._children or self._due:
            self._wait_for_a_signal()
        self._telemetry.event("stopped")
        return code or 0

    # --- workers that start and end

    def _start_one(self, worker: int, reason: str) -> None:
        before = self._table.beats(worker)
        child = os.fork()
        if child:
            self._children[child] = _Child(worker, time.monotonic(), HeartbeatWatch(self._patience, before))
            self._table.started(worker, child, self._clock.now_ms())
            self._telemetry.event("worker started", worker=worker, pid=child, reason=reason)
            return
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.close(self._lifetime[1])
            faulthandler.register(STACKS, self._stacks, all_threads=True)
            self._work(SupervisorLink(worker, self._lifetime[0], self._ready[1]))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            leave(code)

    def _failed_to_start(self) -> int | None:
        """Wait until each worker is ready; an exit code where one died before it was, or we were stopped."""
        waiting = self._table.workers
        while waiting:
            readable, _, _ = select.select([self._ready[0]], [], [], POLL_S)
            if readable:
                waiting -= len(os.read(self._ready[0], waiting))
            elif (caught := signal.sigtimedwait(WATCHED, 0)) and caught.si_signo != signal.SIGHUP:
                self._reap()
                return 1 if caught.si_signo == signal.SIGCHLD else 0
        return None

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # otherwise a child that we inherited
                self._ended(pid, child, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, child: _Child, code: int) -> None:
        self._table.ended(child.worker)
        lived_s = time.monotonic() - child.began
        told = {
            "worker": child.worker,
            "pid": pid,
            "reason": "hung, and was killed" if child.killed else _reason(code),
            "lived_s": round(lived_s, 1),
        }
        if self._stopping:
            self._telemetry.event("worker ended", **told)
            return
        delay_s = self._delays.after(child.worker, lived_s)
        self._due[child.worker] = time.monotonic() + delay_s
        self._telemetry.warning("worker ended", **told, replaced_in_s=delay_s)

    def _replace_due(self) -> None:
        now = time.monotonic()
        for worker in [worker for worker, due in self._due.items() if due <= now]:
            del self._due[worker]
            self._start_one(worker, "replacement")

    # --- workers that hang

    def _look_at_heartbeats(self) -> None:
        self._next_look = time.monotonic() + self._patience.look_s
        for pid, child in self._children.items():
            match child.watch.look(self._table.beats(child.worker)):
                case Finding.STUCK:
                    self._telemetry.warning(
                        "worker stuck", worker=child.worker, pid=pid, stacks=self._stacks_of(pid)
                    )
                case Finding.LOST if not child.killed:
                    child.killed = True
                    os.kill(pid, signal.SIGKILL)

    def _stacks_of(self, pid: int) -> list[str]:
        """Where its threads are, innermost call first: files, lines and functions."""
        self._stacks.seek(0)
        self._stacks.truncate()
        os.kill(pid, STACKS)
        signal.sigtimedwait([], STACKS_S)
        self._stacks.seek(0)
        return self._stacks.read(MAX_STACKS_OCTETS).decode("utf-8", "replace").splitlines()

    # --- signals

    def _wait_for_a_signal(self) -> None:
        wake = min([self._next_look, *self._due.values()]) - time.monotonic()
        caught = signal.sigtimedwait(WATCHED, max(0.0, wake))
        if caught is not None:
            self._on_signal(caught.si_signo)
        if not self._stopping:
            self._replace_due()
            if time.monotonic() >= self._next_look:
                self._look_at_heartbeats()

    def _on_signal(self, signo: int) -> None:
        if signo == signal.SIGCHLD:
            self._reap()
        elif signo == signal.SIGHUP:
            if self._reload():
                self._signal_all(signal.SIGHUP)
        else:
            self._stop(signal.Signals(signo).name)

    def _stop(self, reason: str) -> None:
        """Signal all workers to finish, and kill those that have not done so in time."""
        self._telemetry.event("stopping", reason=reason)
        self._stopping = True
        self._due.clear()
        self._signal_all(signal.SIGTERM)
        for _ in range(int(DRAIN_S / POLL_S)):
            self._reap()
            if not self._children:
                return
            signal.sigtimedwait([signal.SIGCHLD], POLL_S)
        self._telemetry.warning(
            "killed", reason=f"not done {DRAIN_S:.0f} s after SIGTERM", pids=list(self._children)
        )
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, signo: signal.Signals) -> None:
        for child in self._children:
            os.kill(child, signo)


def _reason(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
