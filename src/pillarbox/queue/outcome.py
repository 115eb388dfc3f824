"""Recording what became of a recipient (delivered, failed, deferred) and of its destination.

The caller sends a DSN, if one is due, in the same transaction, so that no recipient leaves the queue unreported.
A job whose lease was lost changes nothing, since another worker has it; except that what a server has acknowledged
is delivered, whichever worker holds the lease.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pillarbox.queue import attempts as history
from pillarbox.queue.attempts import Peer
from pillarbox.queue.retry_schedule import destination_pause_ms, retry_after_ms
from pillarbox.queue.schedule import Job, PendingRecipient, QueuedMessage, load, set_next_attempt
from pillarbox.queue.sound import is_sound_recipient
from pillarbox.queue.spool import QueueId
from pillarbox.world.blobs import release
from pillarbox.world.database import Transaction, ValuesDamaged

MAX_REPLY_CHARACTERS = 1_000
"""How much of a server's reply is kept."""

DELIVERY_COLUMNS = (
    "r.id, r.message, r.address, r.notify, r.original, r.attempts, r.last_status, r.last_reply, r.last_host"
)
"""Of `queue_recipients r`, for `queued_delivery`."""


@dataclass(frozen=True, slots=True)
class DeferralReason:
    """Why a recipient was deferred. `host`: the server that replied so, if one did."""

    status: str
    reply: str
    host: str | None = None
    peer: Peer | None = None
    """The server that was spoken to, whether or not it replied."""


@dataclass(frozen=True, slots=True)
class QueuedDelivery:
    """One queued message for one recipient, with the reason of its last deferral."""

    message: QueuedMessage
    recipient: PendingRecipient
    reason: DeferralReason | None
    """`None` if no attempt has been made."""


def delivered(tx: Transaction, job: Job, recipient: PendingRecipient) -> bool:
    """A server has acknowledged the message: remove the recipient, whichever worker holds the lease. False if it
    was removed before."""
    if not tx.execute("DELETE FROM queue_recipients WHERE id = ?", (recipient.id,)):
        return False
    _removed(tx, job.message, recipient)
    return True


def failed(tx: Transaction, job: Job, recipient: PendingRecipient) -> bool:
    """Delivery failed permanently: remove the recipient. False if the lease was lost."""
    if not tx.execute("DELETE FROM queue_recipients WHERE id = ? AND lease = ?", (recipient.id, job.lease)):
        return False
    _removed(tx, job.message, recipient)
    return True


def deferred(
    tx: Transaction,
    job: Job,
    recipient: PendingRecipient,
    reason: DeferralReason,
    *,
    now_ms: int,
    chance: float,
) -> bool:
    """Schedule the next attempt; with the same `chance` for the whole job, so that it stays together.
    False if the lease was lost."""
    attempts = recipient.attempts + 1
    due = min(now_ms + retry_after_ms(attempts, chance), max(job.message.expires_at_ms, now_ms + 1))
    changed = tx.execute(
        "UPDATE queue_recipients SET lease = 0, unfinished = 0, attempts = ?, due_at_ms = ?, last_status = ?,"
        " last_reply = ?, last_host = ? WHERE id = ? AND lease = ?",
        (
            attempts,
            due,
            reason.status,
            reason.reply[:MAX_REPLY_CHARACTERS],
            reason.host,
            recipient.id,
            job.lease,
        ),
    )
    if changed:
        history.record(tx, recipient.id, attempts, (reason.status, reason.reply), reason.peer, now_ms=now_ms)
    return changed > 0


def give_back(tx: Transaction, jobs: Iterable[Job], *, now_ms: int) -> None:
    """End leases on jobs that were not tried: they are due at once, for any worker."""
    for job in jobs:
        tx.execute_many(
            "UPDATE queue_recipients SET lease = 0, unfinished = 0, due_at_ms = ? WHERE id = ? AND lease = ?",
            [(now_ms, recipient.id, job.lease) for recipient in job.recipients],
        )
        set_next_attempt(tx, job.destination, now_ms=now_ms)


def due_for_notice(tx: Transaction, *, now_ms: int, limit: int) -> list[QueuedDelivery]:
    """Recipients about which a DSN (delayed or failed) is due; none that is being tried now, or is damaged."""
    rows = tx.rows(
        f"SELECT {DELIVERY_COLUMNS} FROM queue_recipients r WHERE state = 'waiting' AND tell_at_ms <= ?"  # noqa: S608 - constants of this module
        " AND (lease = 0 OR due_at_ms <= ?) ORDER BY tell_at_ms LIMIT ?",
        (now_ms, now_ms, limit),
    )
    found = []
    for row in rows:
        with suppress(LookupError, ValuesDamaged):  # of which fsck tells
            found.append(queued_delivery(tx, row))
    return found


def next_notice_ms(tx: Transaction) -> int | None:
    """When the next DSN about a delay or an expiry is due; `None` while nothing is queued."""
    at_ms: int | None = tx.value("SELECT min(tell_at_ms) FROM queue_recipients WHERE state = 'waiting'")
    return at_ms


def delay_notified(tx: Transaction, late: QueuedDelivery) -> None:
    """The delay DSN is sent; the next one is due when the message expires."""
    tx.execute(
        "UPDATE queue_recipients SET tell_at_ms = ? WHERE id = ?",
        (late.message.expires_at_ms, late.recipient.id),
    )


def dropped(tx: Transaction, delivery: QueuedDelivery) -> None:
    """The message has expired, or an operator ended it: remove the recipient."""
    tx.execute("DELETE FROM queue_recipients WHERE id = ?", (delivery.recipient.id,))
    _removed(tx, delivery.message, delivery.recipient)


def destination_reached(tx: Transaction, destination: str, *, now_ms: int) -> None:
    """A host of the destination has answered: end its pause."""
    tx.execute(
        "UPDATE queue_destinations SET failures = 0, closed_until_ms = 0 WHERE name = ? AND failures > 0",
        (destination,),
    )
    set_next_attempt(tx, destination, now_ms=now_ms)


def destination_unreachable(tx: Transaction, destination: str, *, now_ms: int, chance: float) -> None:
    """No host of the destination could be reached: pause it, with all its messages.

    An attempt that fails during the pause was begun before it, and does not prolong it.
    """
    row = tx.row("SELECT failures, closed_until_ms FROM queue_destinations WHERE name = ?", (destination,))
    if row and row[1] <= now_ms:
        failures: int = row[0] + 1
        tx.execute(
            "UPDATE queue_destinations SET failures = ?, closed_until_ms = ? WHERE name = ?",
            (failures, now_ms + destination_pause_ms(failures, chance), destination),
        )
    set_next_attempt(tx, destination, now_ms=now_ms)


def queued_delivery(tx: Transaction, row: tuple[Any, ...]) -> QueuedDelivery:
    """A row of `DELIVERY_COLUMNS` with its message. Raises `LookupError`, `ValuesDamaged`."""
    identifier, message, address, notify, original, attempts, status, reply, host = row
    recipient = PendingRecipient(identifier, address, notify, original, attempts)
    is_sound = is_sound_recipient(*recipient[1:]) and all(isinstance(t, str | None) for t in row[-3:])
    if not is_sound:
        raise ValuesDamaged(
            "a queued recipient is damaged: pillarbox fsck tells which, fsck --repair mends it"
        )
    reason = DeferralReason(status, reply, host) if status else None
    return QueuedDelivery(load(tx, QueueId(message)), recipient, reason)


def _removed(tx: Transaction, message: QueuedMessage, recipient: PendingRecipient) -> None:
    """Remove what hangs on a recipient; the message with its last one."""
    if recipient.attempts:
        history.forget(tx, recipient.id)
    if tx.row("SELECT 1 FROM queue_recipients WHERE message = ? LIMIT 1", (message.id,)) is None:
        forget_message(tx, message)


def forget_message(tx: Transaction, message: QueuedMessage) -> None:
    """Remove a message that has no recipients."""
    tx.execute("DELETE FROM queue_messages WHERE id = ?", (message.id,))
    release(tx, message.blob)
