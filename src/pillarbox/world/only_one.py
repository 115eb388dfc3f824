"""A right that only one process of a machine may have: an advisory lock, gone with its process."""

import fcntl
import os
from pathlib import Path


class OnlyOne:
    """Whoever has the file locked has the right."""

    __slots__ = ("_descriptor", "_mine", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mine = False

    def mine(self) -> bool:
        """Take the right if nobody has it; say whether it is ours. Never waits."""
        if not self._mine:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._mine = True
        return True

    def close(self) -> None:
        """Give the right up."""
        os.close(self._descriptor)
