"""The head of one HTTP request (RFC 9112 §2, §3), and what is answered: the connection is closed after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_HEAD_OCTETS: Final = 8 * 1024
_REASONS: Final = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """A request for something."""

    method: bytes
    path: bytes
    """Without the query."""
    accept: str
    """Which formats the collector takes (RFC 9110 §12.5.1)."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """No request that can be answered otherwise."""

    status: int


class MetricsMachine:
    """Reads the head of the first request; what follows is dropped."""

    __slots__ = ("_done", "_held")

    def __init__(self) -> None:
        self._held = b""
        self._done = False

    @property
    def buffered(self) -> int:
        """Octets of a head that is not complete."""
        return len(self._held)

    def receive(self, octets: bytes) -> Sequence[Scrape | Malformed]:
        """The request, once its head is complete."""
        if self._done:
            return ()
        self._held += octets
        head, end, _ = self._held.partition(b"\r\n\r\n")
        if not end and len(head) <= MAX_HEAD_OCTETS:
            return ()
        self._held, self._done = b"", True
        return (Malformed(431) if len(head) > MAX_HEAD_OCTETS else _parsed(head),)

    def discard(self) -> int:
        """Forget what is buffered."""
        dropped, self._held = len(self._held), b""
        return dropped


def _parsed(head: bytes) -> Scrape | Malformed:
    line, *fields = head.split(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[0].isalpha() or not words[2].startswith(b"HTTP/1."):
        return Malformed(400)
    accept = b""
    for field in fields:
        name, _, value = field.partition(b":")
        if name.lower() == b"accept":
            accept = value.strip()
    return Scrape(words[0], words[1].partition(b"?")[0], accept.decode("ascii", "replace"))


def response(
    status: int, content: bytes = b"", *, kind: str = "text/plain", head_only: bool = False
) -> bytes:
    """A whole response, after which the connection is closed (RFC 9112 §9.6)."""
    head = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n%b\r\n" % (
        status,
        _REASONS[status],
        kind.encode("ascii"),
        len(content),
        b"Allow: GET, HEAD\r\n" if status == 405 else b"",
    )
    return head if head_only else head + content
