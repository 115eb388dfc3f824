"""How much waits in the queue, and where for: for an operator who looks, and for metrics.

It reads a narrow index and counts, a few tenths of a microsecond for each recipient: in a thread, in a server.
"""

from dataclasses import dataclass

from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class WaitingDestination:
    """What waits for one destination."""

    destination: str
    recipients: int
    held: int


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """The queue, in recipients."""

    messages: int
    recipients: int
    due: int
    """Whose time has come."""
    later: int
    """Who wait for their next attempt or for the time that their sender has chosen, or are being tried now."""
    held: int
    oldest_ms: int | None
    """When the oldest message was queued; `None` where there is none."""
    destinations: tuple[WaitingDestination, ...]
    """Those for which most recipients wait."""


_BY_DESTINATION = """
SELECT destination, count(*),
  sum(CASE WHEN state = 'held' THEN 1 ELSE 0 END),
  sum(CASE WHEN state = 'waiting' AND due_at_ms <= ? THEN 1 ELSE 0 END)
FROM queue_recipients GROUP BY destination"""


def overview(tx: Transaction, *, now_ms: int, destinations: int) -> QueueOverview:
    """The queue now, with so many of its destinations."""
    rows = tx.rows(_BY_DESTINATION, (now_ms,))
    recipients, held, due = (sum(row[column] for row in rows) for column in (1, 2, 3))
    largest = sorted(rows, key=lambda row: (-row[1], row[0]))[:destinations]
    messages: int = tx.value("SELECT count(*) FROM queue_messages", ())
    oldest: int | None = tx.value("SELECT queued_at_ms FROM queue_messages ORDER BY id LIMIT 1", ())
    return QueueOverview(
        messages=messages,
        recipients=recipients,
        due=due,
        later=recipients - held - due,
        held=held,
        oldest_ms=oldest,
        destinations=tuple(WaitingDestination(row[0], row[1], row[2]) for row in largest),
    )
