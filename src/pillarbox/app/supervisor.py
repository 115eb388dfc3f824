"""The supervisor: forks the workers, replaces those that die, and passes signals on to them.

It opens nothing but the listening sockets, which its workers inherit by fork; it keeps them open, so that clients
that connect while a worker is being replaced wait in the kernel's queue and are served. It waits for signals and
does nothing else, so there is little in it that can fail. A worker ends on SIGTERM, or when the
supervisor is gone: each holds the reading end of a pipe of which only the supervisor has the other. SIGHUP is passed
on to the workers, once `reload` has found nothing wrong. Signals stay blocked in a new worker until it has handlers
for them, so that none can kill it half started, or get lost.
"""

import os
import select
import signal
import time
import traceback
from collections.abc import Callable

from pillarbox.app.child_process import leave

Work = Callable[["SupervisorLink"], None]
"""Runs one worker until it is stopped."""

DRAIN_S = 30.0
"""How long workers may finish what they are doing once they are to stop."""
RESTART_S = 1.0
"""How long to wait before replacing a worker that died early, so that a fault at start does not spin."""
EARLY_S = 5.0
"""A worker that lived longer is replaced at once."""
POLL_S = 0.05
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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


class Supervisor:
    """Runs a number of workers until SIGTERM or SIGINT."""

    def __init__(self, workers: int, work: Work, reload: Callable[[], bool] = lambda: True) -> None:
        """`reload` is called on SIGHUP, which is passed on to the workers if it returns true."""
        self._workers = workers
        self._work = work
        self._reload = reload
        self._children: dict[int, tuple[int, float]] = {}
        """By process id: the number of the worker, and when it was started."""
        self._lifetime = os.pipe()
        self._ready = os.pipe()
        self._stopping = False
        self._missing: list[int] = []
        """The numbers of workers that died early and are not replaced yet."""

    def run(self, ready: Callable[[], None]) -> int:
        """Start the workers, call `ready` once all accept connections, and stay until stopped; an exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for worker in range(self._workers):
            self._start_one(worker)
        code = self._failed_to_start()
        if code is None:
            ready()
        else:
            self._stop()
        while self._children or self._missing:
            self._wait_for_a_signal()
        return code or 0

    def _start_one(self, worker: int) -> None:
        child = os.fork()
        if child:
            self._children[child] = worker, time.monotonic()
            return
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.close(self._lifetime[1])
            self._work(SupervisorLink(worker, self._lifetime[0], self._ready[1]))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            leave(code)

    def _failed_to_start(self) -> int | None:
        """Wait until each worker is ready; an exit code where one died before it was, or we were stopped."""
        waiting = self._workers
        while waiting:
            readable, _, _ = select.select([self._ready[0]], [], [], POLL_S)
            if readable:
                waiting -= len(os.read(self._ready[0], waiting))
            elif (caught := signal.sigtimedwait(WATCHED, 0)) and caught.si_signo != signal.SIGHUP:
                self._reap()
                return 1 if caught.si_signo == signal.SIGCHLD else 0
        return None

    def _wait_for_a_signal(self) -> None:
        timeout = RESTART_S if self._missing else 3600.0
        caught = signal.sigtimedwait(WATCHED, timeout)
        if caught is None:
            self._replace_missing()
        elif caught.si_signo == signal.SIGCHLD:
            self._reap()
        elif caught.si_signo == signal.SIGHUP:
            if self._reload():
                self._signal_all(signal.SIGHUP)
        else:
            self._stop()

    def _reap(self) -> None:
        while self._children:
            child, _status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            known = self._children.pop(child, None)
            if self._stopping or known is None:  # not a worker: a child that we inherited
                continue
            worker, began = known
            if time.monotonic() - began > EARLY_S:
                self._start_one(worker)
            else:
                self._missing.append(worker)

    def _replace_missing(self) -> None:
        while self._missing and not self._stopping:
            self._start_one(self._missing.pop())

    def _stop(self) -> None:
        """Signal all workers to finish, and kill those that have not done so in time."""
        self._stopping = True
        self._missing.clear()
        self._signal_all(signal.SIGTERM)
        for _ in range(int(DRAIN_S / POLL_S)):
            self._reap()
            if not self._children:
                return
            signal.sigtimedwait([signal.SIGCHLD], POLL_S)
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, signo: signal.Signals) -> None:
        for child in self._children:
            os.kill(child, signo)
