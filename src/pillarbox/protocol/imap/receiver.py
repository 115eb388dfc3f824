"""Octets as they arrive, returned as lines and as counted pieces.

Chunks are kept as they came; a line within one chunk costs one `find` and one slice, and the
octets of a literal are passed on without being joined. Always true: nothing is lost or returned twice, and
the same octets give the same lines and the same whole literals however they were cut.

This is not `protocol.framing`: IMAP's lines and literals alternate within one command, and what must be skipped
of a refused command is known only from the counts at the ends of its lines.
"""

import re
from collections import deque
from enum import Enum
from typing import Final, NamedTuple

LITERAL: Final = re.compile(rb"(~?)\{(\d{1,20})(\+?)\}\Z")
"""RFC 9051 §9, literal and literal8, where a line ends in its count."""

MAX_SKIPPED_LITERALS: Final = 1000
"""Literals that are skipped of one refused command: no client sends so many, and each costs some microseconds."""

_CR: Final = 13
_TAIL_OCTETS: Final = 32
"""Enough to see a literal's count at the end of a line that is being dropped."""


class LiteralCount(NamedTuple):
    """The end of a line after which octets follow (RFC 9051 §4.3, RFC 7888 §3)."""

    size: int
    synchronizing: bool
    """Whether the client waits for a continuation request."""


def literal_count(line: bytes) -> LiteralCount | None:
    """The count that ends this line, if one does; every line must be looked at so (RFC 7888 §3)."""
    if not line.endswith(b"}") or not (found := LITERAL.search(line, max(0, len(line) - _TAIL_OCTETS))):
        return None
    return LiteralCount(int(found[2]), synchronizing=not found[3])


class LineTooLong(Exception):
    """The current line is beyond its limit; it is still buffered, for `Receiver.drop_line`."""


class TooManyLiterals(Exception):
    """A refused command goes on and on."""


class _Dropping(Enum):
    """What is skipped before the next line or piece."""

    NOTHING = "nothing"
    LITERAL = "octets of a literal"
    LINE = "a line up to its end"


class Receiver:
    """A queue of octets with one reader."""

    __slots__ = (
        "_at",
        "_drop_octets",
        "_dropping",
        "_head",
        "_later",
        "_searched",
        "_skipped",
        "_tail",
        "buffered",
    )

    def __init__(self) -> None:
        self._later: deque[bytes] | None = None
        """Chunks behind the one being read; no queue while there are none."""
        self.buffered = 0
        """Octets not yet returned."""
        self.clear()

    def feed(self, octets: bytes) -> None:
        """Take a chunk."""
        if octets:
            if self.buffered:
                if self._later is None:
                    self._later = deque()
                self._later.append(octets)
            else:
                self._head, self._at, self._searched = octets, 0, 0
            self.buffered += len(octets)

    def clear(self) -> None:
        """Drop everything."""
        self._later = None
        self._head = b""
        """The chunk being read, from `_at` on."""
        self._at = 0
        self._searched = 0
        """Up to here `_head` holds no line end."""
        self.buffered = 0
        self._dropping = _Dropping.NOTHING
        self._drop_octets = 0
        self._skipped = 0
        """Literals skipped of the command that was refused."""
        self._tail = b""

    # --- lines and pieces

    def line(self, limit: int) -> bytes | None:
        """The next line without its line end, or None while it is incomplete.

        Raises LineTooLong when more than `limit` octets came without a line end; nothing is consumed then. Raises
        TooManyLiterals where what is skipped goes on with more than `MAX_SKIPPED_LITERALS`.
        """
        if self._dropping is not _Dropping.NOTHING and not self._drop():
            return None
        while (end := self._head.find(b"\n", self._searched)) < 0:
            self._searched = len(self._head)
            if self._searched - self._at > limit:
                raise LineTooLong
            if not self._join():
                return None
        start = self._at
        if end - start > limit + 1:
            raise LineTooLong
        self.buffered -= end + 1 - start
        self._at = self._searched = end + 1
        # Line ends are CRLF (RFC 9051 §2.2); a lone LF is read as one, because people type into connections
        return self._head[start : end - 1 if end > start and self._head[end - 1] == _CR else end]

    def piece(self, most: int) -> bytes:
        """Up to `most` octets, as many as are buffered; empty when there are none."""
        if self._at == len(self._head):
            if not self._later:
                return b""
            self._head, self._at = self._next(self._later), 0
        stop = min(self._at + most, len(self._head))
        octets = self._head[self._at : stop]
        self._at = self._searched = stop
        self.buffered -= len(octets)
        return octets

    def peek(self, most: int) -> bytes:
        """The first octets of what is buffered in one chunk; they stay."""
        return self._head[self._at : self._at + most]

    # --- skipping

    def drop_command(self, count: LiteralCount | None) -> None:
        """Skip what is still to come of a command whose last line ended so.

        Non-synchronizing literals and what follows them come whether or not the command is accepted (RFC 7888 §4); a
        synchronizing one that was refused never comes (RFC 9051 §4.3).
        """
        if count and not count.synchronizing:
            self._dropping, self._drop_octets = _Dropping.LITERAL, count.size
            self._skipped += 1
            if self._skipped > MAX_SKIPPED_LITERALS:
                raise TooManyLiterals
        else:
            self._skipped = 0

    def drop_line(self) -> None:
        """Skip the current line, and what is still to come of its command."""
        self._dropping, self._tail = _Dropping.LINE, b""

    def _drop(self) -> bool:
        """Whether all that was to be skipped has come."""
        while self._dropping is not _Dropping.NOTHING:
            if self._dropping is _Dropping.LITERAL:
                if not self._drop_piece():
                    return False
            elif not self._drop_line():
                return False
        return True

    def _drop_piece(self) -> bool:
        while self._drop_octets:
            if not (piece := self.piece(self._drop_octets)):
                return False
            self._drop_octets -= len(piece)
        self.drop_line()
        return True

    def _drop_line(self) -> bool:
        while (end := self._head.find(b"\n", self._at)) < 0:
            self._tail = (self._tail + self._head[self._at :])[-_TAIL_OCTETS:]
            self.buffered -= len(self._head) - self._at
            self._head, self._at, self._searched = b"", 0, 0
            if not self._join():
                return False
        # The line end may have been cut in two, so its CR is looked for behind what was kept of the line
        line = self._tail + self._head[max(self._at, end - _TAIL_OCTETS) : end]
        line = line[-_TAIL_OCTETS:].removesuffix(b"\r")
        self.buffered -= end + 1 - self._at
        self._at = self._searched = end + 1
        self._dropping = _Dropping.NOTHING
        self.drop_command(literal_count(line))
        return True

    # --- chunks

    def _join(self) -> bool:
        """Append the next chunk to the one being read; False when there is none."""
        if not self._later:
            return False
        kept = self._head[self._at :]
        self._searched -= self._at
        self._head, self._at = kept + self._next(self._later), 0
        return True

    def _next(self, later: deque[bytes]) -> bytes:
        octets = later.popleft()
        if not later:
            self._later = None
        return octets
