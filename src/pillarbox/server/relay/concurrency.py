"""How many connections a destination gets, adjusted to how it copes.

It begins with a few and grows by one for each full round of successes. A failure (a connection that fails, a server
that defers every recipient) halves it, so that a struggling server gets less load.
"""

from typing import Final

INITIAL: Final = 2.0
"""Connections to a destination before anything is known of it."""
MINIMUM: Final = 1.0


class ConcurrencyLimit:
    """The number of connections that one destination may have."""

    __slots__ = ("_allowed", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._allowed = min(INITIAL, maximum)

    @property
    def connections(self) -> int:
        """How many may be open now."""
        return int(self._allowed)

    def succeeded(self) -> None:
        """A job was taken."""
        self._allowed = min(self._maximum, self._allowed + 1 / self._allowed)

    def failed(self) -> None:
        """A connection failed, or every recipient was deferred."""
        self._allowed = max(MINIMUM, self._allowed / 2)
