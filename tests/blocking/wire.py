"""A raw connection for attacks: sends any octets while it reads, so that neither side waits for the other."""

import re
import select
import socket
import time
from types import TracebackType
from typing import Final, Self

PATIENCE_S: Final = 60.0
"""How long an answer may take."""
SEND_OCTETS: Final = 256 * 1024
KEPT_OCTETS: Final = 64 * 1024
"""Of what is received, the end is kept."""

SMTP_REPLY: Final = rb"^\d{3} [^\r\n]*\r\n\Z"
POP3_REPLY: Final = rb"^(\+OK|-ERR)[^\r\n]*\r\n\Z"


class Silent(Exception):
    """The server did not answer in time."""


class Wire:
    """One TCP connection."""

    def __init__(self, host: str, port: int, *, receive_buffer: int = 0) -> None:
        """`receive_buffer`: octets that the kernel keeps for a reader who is to be slow; 0: as many as usual."""
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect((host, port))
        self.received_octets = 0
        self.closed = False
        """Whether the server has hung up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, octets: bytes) -> None:
        """Send, without reading meanwhile; does nothing once the server has hung up."""
        try:
            self._socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True

    def exchange(self, octets: bytes, until: bytes, *, patience_s: float = PATIENCE_S) -> bytes:
        """Send, reading meanwhile; return the end of what was received once the expression `until` is found in it.

        The expression is searched with `re.MULTILINE`. Returns what there is where the server hangs up. Raises
        `Silent`.
        """
        wanted, kept = re.compile(until, re.MULTILINE), b""
        left, stop = memoryview(octets), time.monotonic() + patience_s
        while not self.closed:
            ready = self._ready(write=bool(left))
            if ready & ~select.POLLOUT:  # an end or an error as well
                got = self._read()
                kept = (kept + got)[-KEPT_OCTETS:]
            if ready & select.POLLOUT:
                left = self._write(left)
            if not left and wanted.search(kept):
                break
            if time.monotonic() > stop:
                raise Silent(f"no {until!r} in {patience_s:.0f} s; last {kept[-200:]!r}")
        return kept

    def _ready(self, *, write: bool) -> int:
        """What there is to do within a second. Not by `select`: an attack may have thousands of connections."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if write else 0))
        return sum(mask for _, mask in poll.poll(1000))

    def _read(self) -> bytes:
        try:
            got = self._socket.recv(65536)
        except ConnectionResetError:
            got = b""
        self.received_octets += len(got)
        self.closed = not got
        return got

    def _write(self, left: memoryview) -> memoryview:
        try:
            return left[self._socket.send(left[:SEND_OCTETS]) :]
        except (BrokenPipeError, ConnectionResetError):
            # What it said before it hung up is read yet
            return left[:0]


def last_line(octets: bytes) -> str:
    """The last line received, for the table."""
    lines = octets.rstrip(b"\r\n").rpartition(b"\n")[2]
    return lines.decode("latin-1").strip() or "(closed)"
