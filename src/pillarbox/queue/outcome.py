"""What became of a recipient: gone, deferred or given back; and of its destination.

The caller reports (a DSN, if one is due) in the same transaction, so that a recipient never leaves the
queue in silence. A job whose lease has been lost changes nothing, for somebody else is at it; except that
what a server has acknowledged is delivered, whoever was to deliver it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pillarbox.queue.curve import closed_for_ms, retry_after_ms
from pillarbox.queue.schedule import Job, QueuedMessage, Waiting, load, set_turn
from pillarbox.queue.spool import QueuedRecipient, QueueId
from pillarbox.world.blobs import release
from pillarbox.world.database import Transaction

REPLY_OCTETS = 1_000
"""How much of a peer's reply is remembered."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recipient still waits. `host`: who said so, where somebody else did."""

    status: str
    reply: str
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A recipient whose sender is to hear of it now, whether it was tried of late or not."""

    message: QueuedMessage
    waiting: Waiting
    reason: Reason | None
    """`None` where nobody has come to try."""


def delivered(tx: Transaction, job: Job, waiting: Waiting) -> bool:
    """A server has acknowledged it: this recipient leaves the queue, and nobody tries again. False where it
    had left already."""
    if not tx.execute("DELETE FROM queue_recipients WHERE id = ?", (waiting.id,)):
        return False
    _end_message(tx, job.message)
    return True


def finished(tx: Transaction, job: Job, waiting: Waiting) -> bool:
    """Failed for good: this recipient leaves the queue. False where the lease was lost."""
    if not tx.execute("DELETE FROM queue_recipients WHERE id = ? AND lease = ?", (waiting.id, job.lease)):
        return False
    _end_message(tx, job.message)
    return True


def deferred(
    tx: Transaction, job: Job, waiting: Waiting, reason: Reason, *, now_ms: int, chance: float
) -> bool:
    """Wait for the next attempt; the whole of a job by the same `chance`, so that it stays together.
    False where the lease was lost."""
    attempts = waiting.attempts + 1
    due = min(now_ms + retry_after_ms(attempts, chance), max(job.message.expires_at_ms, now_ms + 1))
    changed = tx.execute(
        "UPDATE queue_recipients SET lease = 0, attempts = ?, due_at_ms = ?, last_status = ?, last_reply = ?,"
        " last_host = ? WHERE id = ? AND lease = ?",
        (
            attempts,
            due,
            reason.status,
            reason.reply[:REPLY_OCTETS],
            reason.host,
            waiting.id,
            job.lease,
        ),
    )
    return changed > 0


def given_back(tx: Transaction, jobs: Iterable[Job], *, now_ms: int) -> None:
    """The worker stops before it has tried: due at once, for another worker."""
    for job in jobs:
        tx.execute_many(
            "UPDATE queue_recipients SET lease = 0, due_at_ms = ? WHERE id = ? AND lease = ?",
            [(now_ms, waiting.id, job.lease) for waiting in job.recipients],
        )
        set_turn(tx, job.destination, now_ms=now_ms)


def overdue(tx: Transaction, *, now_ms: int, limit: int) -> list[Overdue]:
    """Recipients whose senders are to hear of them now; none that is being tried at this moment."""
    rows = tx.rows(
        "SELECT id, message, destination, address, notify, original, attempts, last_status, last_reply,"
        " last_host FROM queue_recipients WHERE state = 'waiting' AND tell_at_ms <= ?"
        " AND (lease = 0 OR due_at_ms <= ?) ORDER BY tell_at_ms LIMIT ?",
        (now_ms, now_ms, limit),
    )
    return [_overdue(tx, row) for row in rows]


def next_word_ms(tx: Transaction) -> int | None:
    """When some sender is next to hear of what is late; `None` while nothing waits."""
    at_ms: int | None = tx.value("SELECT min(tell_at_ms) FROM queue_recipients WHERE state = 'waiting'")
    return at_ms


def told(tx: Transaction, late: Overdue) -> None:
    """The sender knows that delivery takes longer; the next word is the last."""
    tx.execute(
        "UPDATE queue_recipients SET tell_at_ms = ? WHERE id = ?",
        (late.message.expires_at_ms, late.waiting.id),
    )


def given_up(tx: Transaction, late: Overdue) -> None:
    """The time is over: this recipient leaves the queue."""
    tx.execute("DELETE FROM queue_recipients WHERE id = ?", (late.waiting.id,))
    _end_message(tx, late.message)


def reached(tx: Transaction, destination: str, *, now_ms: int) -> None:
    """A host of the destination has answered: it is open."""
    tx.execute(
        "UPDATE queue_destinations SET failures = 0, closed_until_ms = 0 WHERE name = ? AND failures > 0",
        (destination,),
    )
    set_turn(tx, destination, now_ms=now_ms)


def unreachable(tx: Transaction, destination: str, *, now_ms: int, chance: float) -> None:
    """No host of the destination could be reached: leave it alone for a while, all its messages together.

    What fails while it is being left alone began before, and says nothing new.
    """
    row = tx.row("SELECT failures, closed_until_ms FROM queue_destinations WHERE name = ?", (destination,))
    if row and row[1] <= now_ms:
        failures: int = row[0] + 1
        tx.execute(
            "UPDATE queue_destinations SET failures = ?, closed_until_ms = ? WHERE name = ?",
            (failures, now_ms + closed_for_ms(failures, chance), destination),
        )
    set_turn(tx, destination, now_ms=now_ms)


def _overdue(tx: Transaction, row: tuple[Any, ...]) -> Overdue:
    identifier, message, destination, address, notify, original, attempts, status, reply, host = row
    recipient = QueuedRecipient(address, destination, notify, original)
    reason = Reason(status, reply, host) if status else None
    return Overdue(load(tx, QueueId(message)), Waiting(identifier, recipient, attempts), reason)


def _end_message(tx: Transaction, message: QueuedMessage) -> None:
    """The message goes with its last recipient."""
    if tx.row("SELECT 1 FROM queue_recipients WHERE message = ? LIMIT 1", (message.id,)) is None:
        tx.execute("DELETE FROM queue_messages WHERE id = ?", (message.id,))
        release(tx, message.blob)
