"""A lock that one process of a machine holds: an advisory lock on a file, released when its process ends."""

import fcntl
import os
from pathlib import Path


class ProcessLock:
    """Held by the process that has the file locked."""

    __slots__ = ("_descriptor", "_held", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held = False

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether this process holds it. Never waits."""
        if not self._held:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._held = True
        return True

    def share(self) -> None:
        """Hold the lock together with all others that share it; wait for one that holds it alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        self._held = False

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)
