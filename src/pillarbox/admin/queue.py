"""Operations on queued mail.

Listing, retrying, holding and releasing are verbs of the queue itself; dropping also reports the failure to the
sender, unless the operator declines.
"""

from pillarbox.delivery.settle import Reporter, end_waiting
from pillarbox.queue.control import chosen, hold, release, retry
from pillarbox.queue.inspection import Entry, Selection, Shown, Trouble, count, listing, show, troubles
from pillarbox.world.database import Transaction

__all__ = [
    "MAX_DROPPED_AT_ONCE",
    "Entry",
    "Selection",
    "Shown",
    "Trouble",
    "count",
    "drop",
    "hold",
    "listing",
    "release",
    "retry",
    "show",
    "troubles",
]

MAX_DROPPED_AT_ONCE = 500
"""Recipients dropped in one transaction."""


def drop(tx: Transaction, selection: Selection, reporter: Reporter | None, *, now_ms: int) -> int:
    """Drop these recipients, at most `MAX_DROPPED_AT_ONCE` of them; return how many were dropped.

    Their failure is reported to the senders, unless `reporter` is `None`. Recipients that are being tried now are
    left in the queue.
    """
    found = chosen(tx, selection, now_ms=now_ms, limit=MAX_DROPPED_AT_ONCE)
    end_waiting(tx, found, reporter, now_ms=now_ms)
    return len(found)
