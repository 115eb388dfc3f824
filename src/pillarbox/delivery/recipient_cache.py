"""A cache of destinations: a few recipients get most of the mail.

Only the common case is cached, an account's own address without a quota, and only until something is
withdrawn (`pillarbox.directory.withdrawal`). This process's own changes arrive at once, those of others by a
signal, which may be late or lost; so no entry lives longer than `MAX_AGE_S`. A message may take longer than
that from its RCPT to its end, so clients see no difference.
"""

from typing import Final

from pillarbox.delivery.route import Destination, LocalRecipient
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.mail.address import Address
from pillarbox.world.clock import Clock
from pillarbox.world.signals import Signals

MAX_AGE_S: Final = 1.0
"""How long an entry is valid."""
MAX_ENTRIES: Final = 10_000
"""When it holds as many entries, the cache is cleared before the next is added."""


class RecipientCache:
    """Shared by all who resolve recipients in a process."""

    def __init__(self, signals: Signals, clock: Clock, *, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[tuple[str, str], tuple[LocalRecipient, float]] = {}
        signals.subscribe(WITHDRAWN, self._entries.clear)

    def get(self, address: Address) -> LocalRecipient | None:
        """The cached destination of an address."""
        entry = self._entries.get((address.local, address.domain))
        return entry[0] if entry and self._clock.monotonic() < entry[1] else None

    def put(self, address: Address, found: Destination) -> None:
        """Add what was just read, if it is cacheable."""
        if isinstance(found, LocalRecipient) and found.cacheable:
            if len(self._entries) >= self._max_entries:
                self._entries.clear()
            self._entries[address.local, address.domain] = (found, self._clock.monotonic() + MAX_AGE_S)
