"""What was queued while the clock was ahead, and would now wait for as long as it was.

Times in the queue are wall-clock times. A clock that was a year ahead for an hour, as of a machine that starts with a
wrong one, leaves retries, leases and pauses of which none is due for a year.
"""

from typing import Final

from pillarbox.queue.retry_schedule import LONGEST_MS
from pillarbox.queue.schedule import set_next_attempt
from pillarbox.queue.spool import CHANGED
from pillarbox.world.database import Transaction

_WAITING: Final = "SELECT 1 FROM queue_recipients WHERE state = 'waiting' AND due_at_ms > ? LIMIT 1"
_PAUSED: Final = "SELECT 1 FROM queue_destinations WHERE closed_until_ms > ? LIMIT 1"
_QUEUED: Final = "SELECT 1 FROM queue_messages WHERE queued_at_ms > ? LIMIT 1"


def is_ahead(tx: Transaction, *, now_ms: int) -> bool:
    """Whether anything is queued with times that no retry, lease or pause can have now."""
    latest = (now_ms + LONGEST_MS,)
    found = tx.row(_WAITING, latest) or tx.row(_PAUSED, latest) or tx.row(_QUEUED, latest)
    return found is not None


def bring_forward(tx: Transaction, *, now_ms: int) -> int:
    """Have it tried now; return the number of recipients. What a worker is trying must have been renewed before.

    Messages queued in a time that is yet to come are queued now: their delay DSN and their end come as much earlier.
    """
    latest_ms = now_ms + LONGEST_MS
    ahead = tx.rows(
        "SELECT id, queued_at_ms - ? FROM queue_messages WHERE queued_at_ms > ?", (now_ms, latest_ms)
    )
    tx.execute_many(
        "UPDATE queue_messages SET queued_at_ms = queued_at_ms - ?, expires_at_ms = expires_at_ms - ? WHERE id = ?",
        [(by_ms, by_ms, message) for message, by_ms in ahead],
    )
    tx.execute_many(
        "UPDATE queue_recipients SET tell_at_ms = tell_at_ms - ? WHERE message = ?",
        [(by_ms, message) for message, by_ms in ahead],
    )
    tx.execute_many(
        "UPDATE queue_messages SET release_at_ms = release_at_ms - ? WHERE id = ? AND release_at_ms IS NOT NULL",
        [(by_ms, message) for message, by_ms in ahead],
    )
    tx.execute_many(
        "UPDATE queue_recipients SET due_at_ms = due_at_ms - ? WHERE message = ? AND state = 'scheduled'",
        [(by_ms, message) for message, by_ms in ahead],
    )
    tx.execute("UPDATE queue_destinations SET closed_until_ms = 0 WHERE closed_until_ms > ?", (latest_ms,))
    recipients = tx.execute(
        "UPDATE queue_recipients SET due_at_ms = ? WHERE state = 'waiting' AND due_at_ms > ?",
        (now_ms, latest_ms),
    )
    for (destination,) in tx.rows("SELECT name FROM queue_destinations"):
        set_next_attempt(tx, destination, now_ms=now_ms)
    tx.announce(CHANGED)
    return recipients
