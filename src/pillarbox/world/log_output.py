"""Where log lines go: a stream, or a file of bounded size that several processes write.

What is always true: nothing that is written here fails or is waited for; what can't be written, say to a full disk, is
lost, and the line after it is a line of its own. Lines are written in the order in which they were logged.
"""

import asyncio
import fcntl
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TextIO

FILE_MODE: Final = 0o600
CHECK_OCTETS: Final = 64 * 1024
"""Written by a process until it looks whether the file is too large, or another one by now."""
TOGETHER_OCTETS: Final = 4096
"""Written together at most: a pipe takes so much as a whole (PIPE_BUF), whoever else writes to it."""


class LogOutput(Protocol):
    """Takes whole lines."""

    def line(self, text: str) -> None:
        """Write a line, with its line feed; never raises."""

    def reopen(self) -> None:
        """Go on with what is at the same place now. Raises OSError; then the output is as before."""

    def close(self) -> None:
        """Write nothing more."""


class GatheredOutput:
    """Lines of one turn of the event loop, written together at its end: one system call, not one for each message.

    A process that is killed leaves all but what it logged in its last turn; one that ends in any other way leaves all.
    """

    def __init__(self, output: LogOutput) -> None:
        self._output = output
        self._lines: deque[str] = deque()  # of threads, too: each operation is atomic
        self._octets = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop at whose end of turn the lines will be written."""

    def line(self, text: str) -> None:
        """Write a line, with its line feed, at the end of this turn; without a loop, at once."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.urgent_line(text)
            return
        octets = len(text) if text.isascii() else 4 * len(text)
        if self._octets + octets > TOGETHER_OCTETS:
            self.flush()
        self._lines.append(text)
        self._octets += octets
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._turn_ended)

    def urgent_line(self, text: str) -> None:
        """Write all lines now, and this one."""
        self.flush()
        self._output.line(text)

    def flush(self) -> None:
        """Write all lines now."""
        lines, self._octets = [], 0
        with suppress(IndexError):
            while True:
                lines.append(self._lines.popleft())
        if lines:
            self._output.line("".join(lines))

    def _turn_ended(self) -> None:
        self._loop = None
        self.flush()

    def reopen(self) -> None:
        """See `LogOutput.reopen`."""
        self.flush()
        self._output.reopen()

    def close(self) -> None:
        """Write all lines, and nothing more."""
        self.flush()
        self._output.close()


class StreamOutput:
    """A stream that is open already: standard error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str) -> None:
        """See `LogOutput`."""
        with suppress(OSError, ValueError):  # ValueError: the stream has been closed
            self._stream.write(text)
            self._stream.flush()

    def reopen(self) -> None:
        """Nothing: it has no place."""

    def close(self) -> None:
        """Nothing: it is not ours."""


class FileOutput:
    """A file, of which there are at most two: FILE and, with what is older, FILE.1.

    Every process that logs has it open for itself and appends. The one that finds it too large renames it; the others
    find theirs too large as well, and another one in its place.
    """

    def __init__(self, path: Path, max_octets: int) -> None:
        """Raises OSError."""
        self._path = path
        self._max_octets = max_octets
        self._descriptor = self._open()
        self._unchecked_octets = 0
        self._torn = False

    def line(self, text: str) -> None:
        """See `LogOutput`."""
        octets = text.encode("utf-8", "backslashreplace")
        if self._torn:
            octets = b"\n" + octets
        try:
            self._torn = os.write(self._descriptor, octets) < len(octets)
        except OSError:
            return
        self._unchecked_octets += len(octets)
        if self._unchecked_octets >= min(CHECK_OCTETS, self._max_octets):
            self._unchecked_octets = 0
            with suppress(OSError):
                self._check()

    def reopen(self) -> None:
        """See `LogOutput`."""
        opened = self._open()
        self.close()
        self._descriptor = opened

    def close(self) -> None:
        """See `LogOutput`."""
        os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path, flags, FILE_MODE)

    def _check(self) -> None:
        if not self._is_still_there():
            self.reopen()
        elif os.fstat(self._descriptor).st_size > self._max_octets:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it is closed
            if self._is_still_there():
                self._path.replace(older(self._path))
            self.reopen()

    def _is_still_there(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False


def older(path: Path) -> Path:
    """Where the older half of a log file is."""
    return path.with_name(f"{path.name}.1")
