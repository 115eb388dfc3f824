"""Reading what a server says (RFC 5321 §4.2), however it says it.

A reply is one or more lines with the same three digits. Servers in the wild break that in every way; what
cannot be read is a `Reply` of code 0, and the machine then trusts nothing that follows.
"""

import re
from enum import Enum
from typing import NamedTuple

LINE_OCTETS = 4_096
"""The longest line read; RFC 5321 §4.5.3.1.5 allows 512, some servers write more."""
REPLY_LINES = 200
"""Lines in one reply; EHLO answers of a few dozen exist."""
KEPT_CHARACTERS = 1_000
"""How much of a reply's text is kept for reports."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |$)")


class Kind(Enum):
    """What a reply means to a client (RFC 5321 §4.2.1)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is asked at every reply

    POSITIVE = "2yz"
    CONTINUE = "3yz"
    TRANSIENT = "4yz"
    PERMANENT = "5yz"
    SHUTDOWN = "421"
    """The server is closing the connection, whatever was asked (RFC 5321 §3.8)."""
    NONSENSE = "not a reply"


class Reply(NamedTuple):
    """A server's answer: its code (0: no reply at all) and the texts of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What it means to the one who asked."""
        if self.code == 421:
            return Kind.SHUTDOWN
        return _KINDS.get(self.code // 100, Kind.NONSENSE)

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463), the server's own or the most general of its class."""
        match = _ENHANCED.match(self.lines[-1]) if self.lines else None
        if match and int(match[1]) == self.code // 100:
            return f"{match[1]}.{match[2]}.{match[3]}"
        return f"{self.code // 100 or 4}.0.0"

    def __str__(self) -> str:
        """For reports and the log: one line, of bounded length."""
        return " ".join((str(self.code), *self.lines) if self.code else self.lines)[:KEPT_CHARACTERS]


_KINDS = {2: Kind.POSITIVE, 3: Kind.CONTINUE, 4: Kind.TRANSIENT, 5: Kind.PERMANENT}


class ReplyReader:
    """Collects octets into replies; never looks at an octet twice."""

    __slots__ = ("_code", "_lines", "_rest", "_searched")

    def __init__(self) -> None:
        self._rest = b""
        self._searched = 0
        self._code = 0
        self._lines: list[str] = []

    def feed(self, octets: bytes) -> list[Reply]:
        """Take a chunk of any size; return the replies that are complete. After one of code 0 nothing more
        can be read."""
        self._rest += octets
        replies = []
        start = 0
        while (end := self._rest.find(b"\n", max(start, self._searched))) >= 0:
            reply = self._line(self._rest[start:end].rstrip(b"\r"))
            start = end + 1
            if reply is not None:
                replies.append(reply)
                if reply.code == 0:
                    break
        self._rest = self._rest[start:]
        self._searched = len(self._rest)
        if len(self._rest) > LINE_OCTETS:
            replies.append(_nonsense(self._rest))
            self.clear()
        return replies

    def clear(self) -> int:
        """Forget what is not yet a reply (TLS begins); return how many octets that were."""
        size = len(self._rest)
        self._rest, self._searched, self._code = b"", 0, 0
        self._lines = []
        return size

    @property
    def started(self) -> bool:
        """Whether part of a reply has come."""
        return bool(self._rest or self._lines)

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        code = int(match[1]) if match else 0
        if match is None or (self._lines and code != self._code) or len(self._lines) >= REPLY_LINES:
            return _nonsense(line)
        self._code = code
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if match[2] == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines = []
        return reply


def _nonsense(octets: bytes) -> Reply:
    return Reply(0, (f"not an SMTP reply: {octets[:80]!r}",))
