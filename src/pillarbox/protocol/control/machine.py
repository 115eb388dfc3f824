"""The server's side of the control channel: octets become lines, each of which is a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_REQUEST_OCTETS: Final = 8 * 1024
"""A request has a few names and numbers."""


@dataclass(frozen=True, slots=True)
class Line:
    """A request, without its line feed."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line beyond the limit: whoever sends it does not speak this protocol."""


class ControlMachine:
    """Reads lines; returns one at a time, so that an answer is on its way before the next is looked at."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def buffered(self) -> int:
        """Octets of lines that were not returned yet."""
        return len(self._held)

    def receive(self, octets: bytes) -> Sequence[Line | TooLong]:
        """The next request, if it is complete."""
        self._held += octets
        line, end, rest = self._held.partition(b"\n")
        if len(line) > MAX_REQUEST_OCTETS:
            self._held = b""
            return (TooLong(),)
        if not end:
            return ()
        self._held = rest
        return (Line(line),)

    def discard(self) -> int:
        """Forget what is buffered."""
        dropped, self._held = len(self._held), b""
        return dropped
