"""What was found of a client stands for its next messages as well: its name, and whether it may greet by it."""

from typing import Final

from msgspec import Struct

from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.spf import SpfResult
from pillarbox.world.clock import Clock

REMEMBERED_S: Final = 60.0
"""Much less than records live as a rule, and longer than a client that sends much pauses."""
MAX_KNOWN: Final = 2_000
"""When so many are known, the oldest is forgotten for the next."""

Key = tuple[str, str]
"""The client's address, and what it calls itself."""


class KnownClient(Struct, frozen=True, gc=False):
    """What was found of one client."""

    helo: SpfResult
    iprev: MethodResult


class KnownClients:
    """What one process remembers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[Key, tuple[float, KnownClient]] = {}

    def get(self, key: Key) -> KnownClient | None:
        """What was found a short while ago."""
        found = self._known.get(key)
        return found[1] if found and self._clock.monotonic() < found[0] else None

    def remember(self, key: Key, found: KnownClient) -> None:
        """Keep what was found, unless it may be another answer the next time."""
        if Result.TEMPERROR in (found.helo.result, found.iprev.result) or self.get(key):
            return
        self._known.pop(key, None)
        if len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock.monotonic() + REMEMBERED_S, found)
