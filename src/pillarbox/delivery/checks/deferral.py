"""How often may a message be deferred because something could not be found out? Not for ever.

A sender tries again, perhaps for days, and may have asked the impossible: a name server that never answers. So the
first attempts are deferred, and after a while the message is accepted with what is known.
"""

from typing import Final

from pillarbox.world.clock import Clock

MAX_DEFERRED_S: Final = 1800.0
"""After the first deferral, what comes by the same author and sender is accepted; senders try again sooner."""
FORGOTTEN_S: Final = 86_400.0
"""After this time it is the first deferral again."""
MAX_KNOWN: Final = 10_000
"""When so many are known, the oldest is forgotten for the next."""

Key = tuple[str, str]
"""Author domain and reverse-path; not the client, since large senders try again from another address each time."""


class Deferrals:
    """What one process has deferred."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: dict[Key, float] = {}

    def may_defer(self, key: Key) -> bool:
        """Whether a message may be deferred (again)."""
        first = self._first.get(key)
        if first is None:
            return True
        age_s = self._clock.monotonic() - first
        if age_s > FORGOTTEN_S:
            del self._first[key]
            return True
        return age_s < MAX_DEFERRED_S

    def deferred(self, key: Key) -> None:
        """Note that a message was deferred."""
        if key not in self._first:
            if len(self._first) >= MAX_KNOWN:
                del self._first[next(iter(self._first))]
            self._first[key] = self._clock.monotonic()
