"""Reading a server's replies (RFC 5321 §4.2).

A reply is one or more lines with the same three digits. Servers break that in many ways; what cannot be read is a
`Reply` of code 0, after which the machine ends the connection.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from pillarbox.protocol.framing import LineFraming, LineTooLong

MAX_LINE_OCTETS: Final = 4_096
"""The longest line read, its end included; RFC 5321 §4.5.3.1.5 allows 512, some servers write more."""
MAX_REPLY_LINES: Final = 200
"""Lines in one reply; EHLO replies of a few dozen exist."""
MAX_REPLY_OCTETS: Final = 65_536
"""All lines of one reply together, their ends not counted."""
MAX_TEXT_CHARACTERS: Final = 1_000
"""How much of a reply's text is kept for DSNs and the log."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |$)")


class ReplyKind(Enum):
    """What a reply means to a client (RFC 5321 §4.2.1)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is read at every reply

    POSITIVE = "2yz"
    CONTINUE = "3yz"
    TRANSIENT = "4yz"
    PERMANENT = "5yz"
    SHUTDOWN = "421"
    """The server is closing the connection, whatever the command was (RFC 5321 §3.8)."""
    INVALID = "not a reply"


class Reply(NamedTuple):
    """A server's reply: its code (0: not a valid reply) and the texts of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def kind(self) -> ReplyKind:
        """What it means to the client."""
        if self.code == 421:
            return ReplyKind.SHUTDOWN
        return _KINDS.get(self.code // 100, ReplyKind.INVALID)

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463), the server's own or the most general of its class."""
        match = _ENHANCED.match(self.lines[-1]) if self.lines else None
        if match and int(match[1]) == self.code // 100:
            return f"{match[1]}.{match[2]}.{match[3]}"
        return f"{self.code // 100 or 4}.0.0"

    def __str__(self) -> str:
        """For DSNs and the log: one line, of bounded length."""
        return " ".join((str(self.code), *self.lines) if self.code else self.lines)[:MAX_TEXT_CHARACTERS]


_KINDS = {2: ReplyKind.POSITIVE, 3: ReplyKind.CONTINUE, 4: ReplyKind.TRANSIENT, 5: ReplyKind.PERMANENT}


class ReplyReader:
    """Collects octets into replies."""

    __slots__ = ("_code", "_framing", "_lines", "_octets")

    def __init__(self) -> None:
        self._framing = LineFraming(MAX_LINE_OCTETS, lenient=True)
        self._code = 0
        self._lines: list[str] = []
        self._octets = 0

    def feed(self, octets: bytes) -> Iterator[Reply]:
        """Take a chunk of any size, and the replies that are complete, each as it is asked for: a server may send
        thousands that nobody wants. After one of code 0 nothing more can be read."""
        framing = self._framing
        framing.feed(octets)
        try:
            while (line := framing.line()) is not None:
                reply = self._line(line)
                if reply is not None:
                    yield reply
                    if reply.code == 0:
                        break
        except LineTooLong:
            yield Reply(0, (f"reply line longer than {MAX_LINE_OCTETS} octets",))

    def clear(self) -> None:
        """Drop what is not yet a reply: TLS begins."""
        self._framing.discard()
        self._code = self._octets = 0
        self._lines = []

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        code = int(match[1]) if match else 0
        if match is None or (self._lines and code != self._code) or len(self._lines) >= MAX_REPLY_LINES:
            return Reply(0, (f"not an SMTP reply: {line[:80]!r}",))
        self._octets += len(line)
        if self._octets > MAX_REPLY_OCTETS:
            return Reply(0, (f"reply longer than {MAX_REPLY_OCTETS} octets",))
        self._code = code
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if match[2] == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines, self._octets = [], 0
        return reply
