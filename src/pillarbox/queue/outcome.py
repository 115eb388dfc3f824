"""What became of a recipient: delivered, deferred or failed; and of its destination.

The caller reports (a DSN, if one is due) in the same transaction, so that a recipient never leaves the
queue in silence. A job whose lease has been lost changes nothing: somebody else is at it.
"""

from dataclasses import dataclass

from pillarbox.queue.curve import closed_for_ms, retry_after_ms
from pillarbox.queue.schedule import Job, Waiting, set_turn
from pillarbox.world.blobs import release
from pillarbox.world.database import Transaction

REPLY_OCTETS = 1_000
"""How much of a peer's reply is remembered."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Try this recipient again later, and why."""

    waiting: Waiting
    reply: str


def finished(tx: Transaction, job: Job, waiting: Waiting) -> bool:
    """Delivered or failed for good: this recipient leaves the queue. False where the lease was lost."""
    if not tx.execute("DELETE FROM queue_recipients WHERE id = ? AND lease = ?", (waiting.id, job.lease)):
        return False
    if tx.row("SELECT 1 FROM queue_recipients WHERE message = ? LIMIT 1", (job.message.id,)) is None:
        tx.execute("DELETE FROM queue_messages WHERE id = ?", (job.message.id,))
        release(tx, job.message.blob)
    return True


def deferred(tx: Transaction, job: Job, outcome: Deferred, *, now_ms: int, chance: float) -> bool:
    """Wait for the next attempt. False where the lease was lost."""
    attempts = outcome.waiting.attempts + 1
    due = min(now_ms + retry_after_ms(attempts, chance), max(job.message.expires_at_ms, now_ms + 1))
    changed = tx.execute(
        "UPDATE queue_recipients SET lease = 0, attempts = ?, due_at_ms = ?, last_reply = ?"
        " WHERE id = ? AND lease = ?",
        (attempts, due, outcome.reply[:REPLY_OCTETS], outcome.waiting.id, job.lease),
    )
    return changed > 0


def given_back(tx: Transaction, job: Job, *, now_ms: int) -> None:
    """The worker stops before it has tried: due at once, for another worker."""
    tx.execute(
        "UPDATE queue_recipients SET lease = 0, due_at_ms = ? WHERE message = ? AND lease = ?",
        (now_ms, job.message.id, job.lease),
    )
    set_turn(tx, job.destination, now_ms=now_ms)


def delay_reported(tx: Transaction, waiting: Waiting) -> None:
    """The sender has been told that delivery to this recipient takes longer."""
    tx.execute("UPDATE queue_recipients SET delay_reported = 1 WHERE id = ?", (waiting.id,))


def reached(tx: Transaction, destination: str, *, now_ms: int) -> None:
    """A host of the destination has answered: it is open."""
    tx.execute(
        "UPDATE queue_destinations SET failures = 0, closed_until_ms = 0 WHERE name = ? AND failures > 0",
        (destination,),
    )
    set_turn(tx, destination, now_ms=now_ms)


def unreachable(tx: Transaction, destination: str, *, now_ms: int, chance: float) -> None:
    """No host of the destination could be reached: leave it alone for a while, all its messages together."""
    failures: int = (
        tx.value("SELECT failures FROM queue_destinations WHERE name = ?", (destination,)) or 0
    ) + 1
    tx.execute(
        "UPDATE queue_destinations SET failures = ?, closed_until_ms = ? WHERE name = ?",
        (failures, now_ms + closed_for_ms(failures, chance), destination),
    )
    set_turn(tx, destination, now_ms=now_ms)
