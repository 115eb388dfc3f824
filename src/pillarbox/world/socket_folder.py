"""A folder of UNIX sockets, one for each process: they find each other, and other programs find them, by its names.

A socket's path has at most 107 octets (unix(7)), and a data directory's may have more: where there is `/proc`, paths
lead through the folder's own descriptor, and are short wherever it lies. The folder and its sockets are for their
owner alone. A socket that was left behind by a process that died refuses connections; who finds that removes it.
"""

import os
import socket
from pathlib import Path
from typing import Final

from pillarbox.world.durable import make_folder

SOCKET_MODE: Final = 0o600


class SocketFolder:
    """The folder, open until `close`."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises OSError, `FileNotFoundError` where there is none and none is to be made."""
        if create:
            make_folder(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        short = Path(f"/proc/self/fd/{self._descriptor}")
        self._reach = short if short.exists() else path

    def bind(self, kind: socket.SocketKind, name: str) -> socket.socket:
        """A socket of this name, in the place of one that was left behind. Raises OSError."""
        (self.path / name).unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, kind)
        try:
            bound.setblocking(False)
            # From the first moment on: whoever connects does so after this
            mask = os.umask(0o777 & ~SOCKET_MODE)
            try:
                bound.bind(self.address(name))
            finally:
                os.umask(mask)
        except OSError:
            bound.close()
            raise
        return bound

    def address(self, name: str) -> str:
        """The address of the socket of this name."""
        return f"{self._reach}/{name}"

    def names(self) -> list[str]:
        """The names of all sockets, of processes that died as well."""
        return os.listdir(self.path)  # noqa: PTH208 - only names are needed

    def changed_ns(self) -> int:
        """When a name was last added or removed, by the file system's clock."""
        return os.fstat(self._descriptor).st_mtime_ns

    def remove(self, name: str) -> None:
        """Remove what was left behind; no effect if it is gone."""
        (self.path / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the folder; sockets that are open stay so."""
        os.close(self._descriptor)
