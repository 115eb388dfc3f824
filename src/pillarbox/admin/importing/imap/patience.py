"""How long to wait for a server that asks for patience, or that is not there."""

import re
from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.imap.client.responses import StatusResponse

MAX_WAIT_S: Final = 3600.0
"""The longest wait that a server may ask for."""

# RFC 5530 §3, RFC 9051 §7.1; THROTTLED and OVERQUOTA are Gmail's
_BUSY_CODES: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED", "OVERQUOTA"})
_BUSY_WORDS: Final = (
    "throttl",
    "bandwidth",
    "too many",
    "try again",
    "server unavailable",
    "temporar",
    "busy",
)
_BACKOFF: Final = re.compile(r"backoff time: {0,4}(\d{1,9}) {0,4}(milli)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """The waits between attempts: each is twice as long as the one before."""

    lost_s: float = 1.0
    """After a connection was lost."""
    throttled_s: float = 30.0
    """After the server asked to slow down, and named no time."""
    longest_s: float = 600.0
    max_attempts: int = 10
    """Attempts in a row in which nothing was imported."""

    def wait_s(self, attempt: int, *, throttled: bool, asked_s: float = 0.0) -> float:
        """How long to wait after the attempt of this number, from 1 on."""
        if asked_s:
            return min(asked_s, MAX_WAIT_S)
        first = self.throttled_s if throttled else self.lost_s
        return float(min(first * 2 ** min(attempt - 1, 20), self.longest_s))


def is_busy(response: StatusResponse) -> bool:
    """Whether a refusal only means: later."""
    text = response.text.lower()
    return response.code in _BUSY_CODES or any(word in text for word in _BUSY_WORDS)


def asked_s(response: StatusResponse) -> float:
    """The time that the server asks to wait, as Exchange does; 0 where it names none."""
    found = _BACKOFF.search(response.text)
    if not found:
        return 0.0
    return min(int(found[1]) / (1000 if found[2] else 1), MAX_WAIT_S)
