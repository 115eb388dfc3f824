"""What an operator may do about mail that waits for other providers.

Looking, trying now, holding and releasing are the queue's own verbs; ending somebody's waiting also concerns
the sender, who is told unless the operator says otherwise.
"""

from pillarbox.delivery.settle import Reporter, end_waiting
from pillarbox.queue.control import chosen, hold, release, retry
from pillarbox.queue.inspection import Entry, Selection, Shown, Trouble, count, listing, show, troubles
from pillarbox.world.database import Transaction

__all__ = [
    "DROP_AT_ONCE",
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

DROP_AT_ONCE = 500
"""Recipients dropped in one transaction."""


def drop(tx: Transaction, selection: Selection, reporter: Reporter | None, *, now_ms: int) -> int:
    """Try these no more, at most `DROP_AT_ONCE` of them; return how many there were.

    The senders are told that delivery has failed, unless there is no `reporter`. What is being tried at
    this moment is left alone.
    """
    found = chosen(tx, selection, now_ms=now_ms, limit=DROP_AT_ONCE)
    end_waiting(tx, found, reporter, now_ms=now_ms)
    return len(found)
