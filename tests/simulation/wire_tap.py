"""SMTP as read off a wire: which transactions there were, and whether the client has read the replies.

A `WireTap` follows both directions of a connection, independent of the code that speaks there, and reports every mail
transaction. A reply that the server has *sent* counts as a promise; one that the client has *read* (its octets were
taken from the wire) counts as known to it. Every legitimate duplicate comes from the time between.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.loop import Life
from tests.simulation.wire import Wire

_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]?)")
_PATH = re.compile(rb"(?:FROM|TO):<([^>]*)>", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True, eq=False)
class ObservedTransaction:
    """A transaction as seen on the wire."""

    wire: Wire
    client: str
    server: str
    life: Life | None
    """The client's life, if it is a provider."""
    reverse_path: str
    recipients: list[str] = field(default_factory=list)
    """Those that the server has accepted."""
    message: str = ""
    """The Message-ID, known once all of the message has arrived."""
    code: int = 0
    """The server's final reply; 0 while there is none."""
    reply_ends_at: int = 0
    """Octets from the server up to the end of that reply."""

    @property
    def reply_read(self) -> bool:
        """Whether the client has read the final reply."""
        return self.code > 0 and self.wire.client.taken >= self.reply_ends_at

    @property
    def accepted(self) -> bool:
        """Whether the server has taken responsibility."""
        return self.code // 100 == 2

    @property
    def waiting(self) -> bool:
        """Whether the client has sent all, and still waits for the final reply."""
        alive = self.life is None or self.life.alive
        return bool(self.message) and not self.reply_read and self.wire.client.is_open and alive


class WireTap:
    """The tap on one wire."""

    def __init__(
        self,
        wire: Wire,
        names: tuple[str, str],
        life: Life | None,
        observer: Callable[[ObservedTransaction], None],
    ) -> None:
        """`names`: client and server. `observer` is called with each transaction when all of its message has come,
        and again when the server has answered."""
        self._wire, self._names, self._life, self._observer = wire, names, life, observer
        self._questions: deque[tuple[str, bytes]] = deque([("GREETING", b"")])
        self._rest = bytearray()
        self._content = bytearray()
        self._in_content = False
        self._chunk = 0
        self._last_chunk = False
        self._now: ObservedTransaction | None = None
        self._reply = bytearray()
        self._sent = 0
        self._lost_track = False

    # --- the client, as its octets arrive

    def client_sent(self, octets: bytes) -> None:
        """More octets from the client."""
        self._rest += octets
        while self._rest and not self._lost_track and self._take():
            pass

    def _take(self) -> bool:
        if self._chunk:
            return self._take_chunk()
        if self._in_content:
            return self._take_content()
        line, ending, _ = self._rest.partition(b"\r\n")
        if ending:
            del self._rest[: len(line) + 2]
            self._command(bytes(line))
        return bool(ending)

    def _take_content(self) -> bool:
        end = 0 if self._rest.startswith(b".\r\n") else self._rest.find(b"\r\n.\r\n")
        if end < 0:
            return False
        self._content += self._rest[:end]
        del self._rest[: end + (5 if end else 3)]
        self._in_content = False
        self._message_complete("CONTENT")
        return True

    def _take_chunk(self) -> bool:
        part = self._rest[: self._chunk]
        del self._rest[: len(part)]
        self._content += part
        self._chunk -= len(part)
        if not self._chunk and self._last_chunk:
            self._message_complete("CONTENT")
        return True

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper().decode("latin-1").strip()
        if verb == "BDAT":
            words = line.split()
            self._chunk, self._last_chunk = int(words[1]), len(words) > 2
            if not self._last_chunk:
                self._questions.append((verb, line))
            return
        self._questions.append((verb, line))

    def _message_complete(self, question: str) -> None:
        header = bytes(self._content).partition(b"\r\n\r\n")[0]
        found = _MESSAGE_ID.search(header)
        self._content.clear()
        self._questions.append((question, b""))
        if self._now:
            self._now.message = found[1].decode() if found else "?"
            self._observer(self._now)

    # --- the server, as it sends

    def server_sent(self, octets: bytes) -> None:
        """More octets from the server."""
        self._reply += octets
        while not self._lost_track:
            line, ending, _ = self._reply.partition(b"\n")
            if not ending:
                return
            del self._reply[: len(line) + 1]
            self._sent += len(line) + 1
            match = _REPLY.match(line)
            if match is None or not self._questions:
                self._lost_track = match is None  # not a reply: nothing after it can be parsed
            elif match[2] != b"-":
                self._answered(int(match[1]))

    def _answered(self, code: int) -> None:
        verb, line = self._questions.popleft()
        match verb:
            case "MAIL" if code // 100 == 2:
                self._now = ObservedTransaction(self._wire, *self._names, self._life, _address(line))
            case "RCPT" if code // 100 == 2 and self._now:
                self._now.recipients.append(_address(line))
            case "DATA" if code == 354:
                self._in_content = True
            case "CONTENT" if self._now:
                self._now.code, self._now.reply_ends_at = code, self._sent
                transaction, self._now = self._now, None
                self._observer(transaction)
            case "MAIL" | "RSET" | "EHLO" | "HELO":
                self._now = None


def _address(line: bytes) -> str:
    match = _PATH.search(line)
    return match[1].decode() if match else "?"
