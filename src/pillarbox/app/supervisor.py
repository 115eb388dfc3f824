"""Keeping worker processes alive: one dies, another takes its place; one signal ends them all.

The supervisor opens nothing but the listening sockets, which its workers inherit by fork; it keeps them open, so
that who connects while a worker is being replaced waits in the kernel's queue and is served. It waits for
signals and does nothing else, so there is little in it that can fail. A worker ends when told to by
SIGTERM, or when the supervisor is gone: each holds the reading end of a pipe that only the supervisor
keeps open. SIGHUP is passed on to the workers, once `reload` has found nothing wrong. Signals stay blocked in
a new worker until that has handlers for them, so that none can kill it half made, or get lost.
"""

import os
import select
import signal
import time
import traceback
from collections.abc import Callable

from pillarbox.app.child_process import leave

Work = Callable[["Lifeline"], None]
"""Runs one worker until it is told to stop."""

DRAIN_S = 30.0
"""How long workers may finish what they are doing once told to stop."""
RESTART_S = 1.0
"""How long to wait before replacing a worker that died young, so that a fault at start does not spin."""
GROWN_UP_S = 5.0
"""A worker that lived so long is replaced at once."""
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Lifeline:
    """A worker's end of what ties it to the supervisor."""

    def __init__(self, seat: int, supervisor: int, ready: int) -> None:
        self.seat = seat
        """Which of the workers it is, from 0; whoever takes the place of a dead one has its seat."""
        self.supervisor = supervisor
        """A descriptor that becomes readable when the supervisor is gone."""
        self._ready = ready

    def ready(self) -> None:
        """Say that this worker accepts connections."""
        os.write(self._ready, b".")


class Supervisor:
    """Runs a number of workers until SIGTERM or SIGINT."""

    def __init__(self, workers: int, work: Work, reload: Callable[[], bool] = lambda: True) -> None:
        """`reload` hears of SIGHUP before the workers do; when it answers false, they do not."""
        self._workers = workers
        self._work = work
        self._reload = reload
        self._children: dict[int, tuple[int, float]] = {}
        """By process id, the seat, and when it began."""
        self._supervisor_end = os.pipe()
        self._ready = os.pipe()
        self._stopping = False
        self._missing: list[int] = []
        """Seats of which the worker died young."""

    def run(self, ready: Callable[[], None]) -> int:
        """Start the workers, call `ready` once all accept, stay until told to stop; return an exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for seat in range(self._workers):
            self._start_one(seat)
        code = self._failed_to_start()
        if code is None:
            ready()
        else:
            self._stop()
        while self._children or self._missing:
            self._wait_for_a_signal()
        return code or 0

    def _start_one(self, seat: int) -> None:
        child = os.fork()
        if child:
            self._children[child] = seat, time.monotonic()
            return
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.close(self._supervisor_end[1])
            self._work(Lifeline(seat, self._supervisor_end[0], self._ready[1]))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            leave(code)

    def _failed_to_start(self) -> int | None:
        """Wait for a word from each worker; an exit code where one died before it gave one, or we were told to end."""
        waiting = self._workers
        while waiting:
            readable, _, _ = select.select([self._ready[0]], [], [], 0.05)
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
                self._tell(signal.SIGHUP)
        else:
            self._stop()

    def _reap(self) -> None:
        while self._children:
            child, _status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            known = self._children.pop(child, None)
            if self._stopping or known is None:  # no worker: something that whoever started us left to us
                continue
            seat, began = known
            if time.monotonic() - began > GROWN_UP_S:
                self._start_one(seat)
            else:
                self._missing.append(seat)

    def _replace_missing(self) -> None:
        while self._missing and not self._stopping:
            self._start_one(self._missing.pop())

    def _stop(self) -> None:
        """Ask all to finish; who has not done so in time is ended."""
        self._stopping = True
        self._missing.clear()
        self._tell(signal.SIGTERM)
        for _ in range(int(DRAIN_S / 0.05)):
            self._reap()
            if not self._children:
                return
            signal.sigtimedwait([signal.SIGCHLD], 0.05)
        self._tell(signal.SIGKILL)

    def _tell(self, signo: signal.Signals) -> None:
        for child in self._children:
            os.kill(child, signo)
