"""The octets of a message that are there in two parts, in pieces: a large message is never copied whole."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

PIECE_OCTETS: Final = 256 * 1024
LONG_HEADER_OCTETS: Final = 64 * 1024
"""From this size on a header is read and rewritten in a thread: a megabyte of it takes a tenth of a second."""


class Rest(Struct, frozen=True, gc=False):
    """What follows the top of a message."""

    octets: bytes
    start: int
    """Where in the octets it begins."""

    @property
    def size(self) -> int:
        """Octets of it."""
        return len(self.octets) - self.start

    def pieces(self) -> Iterator[bytes]:
        """It, in pieces that can be copied without a wait."""
        for at in range(self.start, len(self.octets), PIECE_OCTETS):
            yield self.octets[at : at + PIECE_OCTETS]


NO_REST: Final = Rest(b"", 0)
"""Of a message whose top is all of it."""


class Whole(Struct, frozen=True, gc=False):
    """A message that has come: its top, with all of its header, and the rest."""

    top: bytes
    rest: Rest = NO_REST

    @property
    def size(self) -> int:
        """Octets of it."""
        return len(self.top) + self.rest.size

    def body(self, start: int) -> Iterator[bytes]:
        """The body in pieces; `start`: where in the top it begins."""
        yield from Rest(self.top, start).pieces()
        yield from self.rest.pieces()


def has_long_header(top: bytes) -> bool:
    """Whether work on the header belongs in a thread."""
    return len(top) >= LONG_HEADER_OCTETS and top.find(b"\r\n\r\n", 0, LONG_HEADER_OCTETS) < 0
