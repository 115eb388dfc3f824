"""What is known of the workers: a row for each, in memory that the supervisor and all workers share.

The supervisor writes who works in a seat and since when; the worker counts its heartbeats. So any worker can tell of
all others, of one whose loop is held as well. Numbers are written atomically.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from msgspec import Struct


class _Cell(IntEnum):
    """The cells of a row."""

    BEATS = 0
    BEAT_AT_S = 1
    PID = 2
    STARTED_AT_MS = 3
    STARTS = 4
    CALLS = 5


class _Head(IntEnum):
    """The cells of the first row."""

    PID = 0
    STARTED_AT_MS = 1


_ROW: Final = len(_Cell)
_CELL_OCTETS: Final = 8


class WorkerRow(Struct, frozen=True):
    """One worker."""

    worker: int
    """Its number; a replacement has that of its predecessor."""
    pid: int
    """0 while a replacement is due."""
    started_at_ms: int
    restarts: int
    silent_s: float | None
    """Seconds since its last heartbeat; `None` before the first."""


def octets_for(workers: int) -> int:
    """The size of the table in octets."""
    return (1 + workers) * _ROW * _CELL_OCTETS


class WorkerTable:
    """The table."""

    __slots__ = ("_cells", "_monotonic", "workers")

    def __init__(
        self, memory: memoryview, workers: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`monotonic` is one clock for all processes of the machine."""
        self._cells = memory.cast("d")
        self._monotonic = monotonic
        self.workers = workers

    # --- the server

    def serve(self, pid: int, now_ms: int) -> None:
        """The server has been started: its first process, and when."""
        self._cells[_Head.PID], self._cells[_Head.STARTED_AT_MS] = pid, now_ms

    @property
    def server_pid(self) -> int:
        """The process to send signals to."""
        return int(self._cells[_Head.PID])

    @property
    def server_started_at_ms(self) -> int:
        """When the server was started, in ms since 1970."""
        return int(self._cells[_Head.STARTED_AT_MS])

    # --- the workers

    def started(self, worker: int, pid: int, now_ms: int) -> None:
        """A worker has been started."""
        row = self._row(worker)
        cells = self._cells
        cells[row + _Cell.BEAT_AT_S] = 0
        cells[row + _Cell.PID], cells[row + _Cell.STARTED_AT_MS] = pid, now_ms
        cells[row + _Cell.STARTS] += 1

    def ended(self, worker: int) -> None:
        """A worker has ended, and its replacement is not started yet."""
        self._cells[self._row(worker) + _Cell.PID] = 0

    def beat(self, worker: int, calls: int = 0) -> None:
        """Count one more heartbeat; the worker has called its database so often."""
        row = self._row(worker)
        self._cells[row + _Cell.CALLS] = calls
        self._cells[row + _Cell.BEATS] += 1
        self._cells[row + _Cell.BEAT_AT_S] = self._monotonic()

    def calls_of_others(self, worker: int) -> float:
        """How often the other workers had called their databases at their last heartbeats: it changes if one did."""
        return sum(
            self._cells[self._row(other) + _Cell.CALLS] for other in range(self.workers) if other != worker
        )

    def beats(self, worker: int) -> int:
        """How many heartbeats there were."""
        return int(self._cells[self._row(worker) + _Cell.BEATS])

    def rows(self) -> list[WorkerRow]:
        """All workers, by number."""
        now_s = self._monotonic()
        return [self._read(worker, now_s) for worker in range(self.workers)]

    def _read(self, worker: int, now_s: float) -> WorkerRow:
        row = self._row(worker)
        cell = self._cells[row : row + _ROW].tolist()
        beat_at_s = cell[_Cell.BEAT_AT_S]
        return WorkerRow(
            worker=worker,
            pid=int(cell[_Cell.PID]),
            started_at_ms=int(cell[_Cell.STARTED_AT_MS]),
            restarts=max(0, int(cell[_Cell.STARTS]) - 1),
            silent_s=round(max(0.0, now_s - beat_at_s), 3) if beat_at_s else None,
        )

    @staticmethod
    def _row(worker: int) -> int:
        return (1 + worker) * _ROW
