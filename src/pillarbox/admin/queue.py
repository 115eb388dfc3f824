"""What an operator may do about mail that waits for other providers.

Looking, trying now, holding and releasing are the queue's own verbs; ending somebody's waiting also concerns
the sender, who is told unless the operator says otherwise.
"""

from pillarbox.delivery.settle import ReportingMta, give_up
from pillarbox.queue.control import hold, release, retry, selected
from pillarbox.queue.inspection import (
    Entry,
    MessageDetails,
    PausedDestination,
    Selection,
    count,
    listing,
    paused_destinations,
    show,
)
from pillarbox.world.database import Transaction

__all__ = [
    "DROP_AT_ONCE",
    "Entry",
    "MessageDetails",
    "PausedDestination",
    "Selection",
    "count",
    "drop",
    "hold",
    "listing",
    "paused_destinations",
    "release",
    "retry",
    "show",
]

DROP_AT_ONCE = 500
"""Recipients dropped in one transaction."""


def drop(tx: Transaction, selection: Selection, mta: ReportingMta | None, *, now_ms: int) -> int:
    """Try these no more, at most `DROP_AT_ONCE` of them; return how many there were.

    The senders are told that delivery has failed, unless `mta` is `None`. What is being tried at
    this moment is left alone.
    """
    found = selected(tx, selection, now_ms=now_ms, limit=DROP_AT_ONCE)
    give_up(tx, found, mta, now_ms=now_ms)
    return len(found)
