"""The write lock: one writer at a time among the processes of a machine, granted fairly.

SQLite itself lets the second writer poll, so that a busy process can starve another. Two advisory locks on files
make a turnstile instead: to write, a process holds `turn`; to wait for `turn`, it holds `gate`; waiting for
either is sleeping in the kernel. A process that has just written queues at the gate behind those already there.
"""

import fcntl
import os
from pathlib import Path


class WriteLock:
    """The lock that writers to one database take; held by at most one process."""

    __slots__ = ("_gate", "_turn")

    def __init__(self, database: Path) -> None:
        """Raises OSError."""
        self._gate = os.open(f"{database}-gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> None:
        """Wait for the lock; this blocks the thread."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def try_acquire(self) -> bool:
        """Take the lock if no process holds it or waits for it; never blocks."""
        if not _try(self._gate):
            return False
        try:
            return _try(self._turn)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def release(self) -> None:
        """Let the next process have it."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files, which releases the lock."""
        os.close(self._turn)
        os.close(self._gate)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
