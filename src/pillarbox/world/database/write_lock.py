"""Whose turn it is to write: one writer at a time among the processes of a machine, taken fairly.

SQLite itself makes the second writer ask again and again, so that a busy process can starve
another. Two advisory locks on files make a turnstile instead: to write one holds `turn`; to wait for
`turn` one holds `gate`, and waiting for either is sleeping in the kernel. Who has just written
must queue at the gate behind whoever is waiting there.
"""

import fcntl
import os
from pathlib import Path


class WriteLock:
    """The right to write to one database, held by at most one process."""

    __slots__ = ("_gate", "_turn")

    def __init__(self, database: Path) -> None:
        """Raises OSError."""
        self._gate = os.open(f"{database}-gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> None:
        """Wait for the turn; this blocks the thread."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def take_at_once(self) -> bool:
        """Take the turn if nobody has it or waits for it; never blocks."""
        if not _try(self._gate):
            return False
        try:
            return _try(self._turn)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def pass_on(self) -> None:
        """End the turn."""
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the files, and so of any turn."""
        os.close(self._turn)
        os.close(self._gate)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
