"""How many connections a destination gets: learnt from how it copes.

It begins with a few and gains one for each full round of successes. Trouble (a connection that fails, a
server that answers "later" to all) halves it, so that a struggling server is not struggled with.
"""

INITIAL = 2.0
"""Connections that a destination gets before anything is known of it."""
LEAST = 1.0


class Pace:
    """The allowance of one destination."""

    __slots__ = ("_allowed", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = min(INITIAL, most)

    @property
    def connections(self) -> int:
        """How many may be open now."""
        return int(self._allowed)

    def went_well(self) -> None:
        """A job was taken."""
        self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    def went_badly(self) -> None:
        """A connection failed, or nobody's mail was taken."""
        self._allowed = max(LEAST, self._allowed / 2)
