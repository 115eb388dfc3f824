"""Where recipients lead, remembered for a moment: the same few get most of the mail.

What is remembered is the common case alone, an account's own address without a quota, and only for as long as nothing
is withdrawn (`pillarbox.directory.withdrawal`). This process's own changes are heard of at once, those of others
by a signal, which may come late or be lost; so nothing is remembered longer than `REMEMBERED_S`. A message can
take longer than that from its RCPT to its end, so nobody can tell the difference.
"""

from typing import Final

from pillarbox.delivery.route import Destination, Here
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.mail.address import Address
from pillarbox.world.clock import Clock
from pillarbox.world.signals import Signals

REMEMBERED_S: Final = 1.0
"""How long an answer holds."""
REMEMBERED: Final = 10_000
"""Recipients remembered; beyond, all are forgotten."""


class KnownRecipients:
    """What all SMTP sessions of a process have found."""

    def __init__(self, signals: Signals, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[Here, float]] = {}
        signals.subscribe(WITHDRAWN, self._known.clear)

    def get(self, address: Address) -> Here | None:
        """Where the address leads, if that is known."""
        known = self._known.get((address.local, address.domain))
        return known[0] if known and self._clock.monotonic() < known[1] else None

    def remember(self, address: Address, found: Destination) -> None:
        """What was just read; kept where it lasts."""
        if isinstance(found, Here) and found.lasting:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[address.local, address.domain] = (found, self._clock.monotonic() + REMEMBERED_S)
