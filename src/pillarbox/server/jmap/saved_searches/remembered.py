"""What a process remembers of the counts of saved searches, and how much of them one call may find out."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId
from pillarbox.store.listing.counting import Counts
from pillarbox.store.states import State

MAX_ACCOUNTS: Final = 1_000
"""Whose counts are remembered."""
MAX_FILTERS: Final = 200
"""Whose counts are remembered of an account: those of all its searches, and some that they had before."""
MAX_WORK: Final = 10_000_000
"""Emails that one call compares with conditions, each pair counted: about a second of a thread."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one call may do. Tests pass others."""

    work: int = MAX_WORK
    candidates: int = 10_000
    """Emails whose text one search may look at: those that match whatever else it asks."""
    text_s: float = 1.0
    """Seconds for the text of one search."""
    texts_s: float = 3.0
    """Seconds after which no further text is looked at."""


BOUNDS: Final = Bounds()
Found = Counts | str
"""The counts, or why there are none: `countsError`."""


class CountedSearches:
    """What the process remembers; belongs to its event loop."""

    __slots__ = ("_kept", "bounds")

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self._kept: OrderedDict[AccountId, tuple[State, dict[bytes, Found]]] = OrderedDict()

    def of(self, account: AccountId, state: State) -> dict[bytes, Found]:
        """What is known of an account in this state of its emails, by the digest of the filter; to be added to."""
        kept = self._kept.get(account)
        if kept is None or kept[0] != state or len(kept[1]) > MAX_FILTERS:
            kept = self._kept[account] = state, {}
        self._kept.move_to_end(account)
        while len(self._kept) > MAX_ACCOUNTS:
            self._kept.popitem(last=False)
        return kept[1]
