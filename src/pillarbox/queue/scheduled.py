"""Mail that is held until a time that its sender has chosen (RFC 4865): what there is, undoing it, letting it go.

It is queued like any other, recipients of ours included, with the state `scheduled`, which nothing tries. When its time
has come, one transaction delivers it to recipients of ours and makes the others due (`delivery.releasing`). So there is
no moment between waiting and sent: an undoing either finds it waiting and removes it, or comes after it has left.
"""

from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import internet_date
from pillarbox.mail.identifiers import AccountId
from pillarbox.queue.outcome import DELIVERY_COLUMNS, QueuedDelivery, forget_message, queued_delivery
from pillarbox.queue.retry_schedule import DELAY_NOTICE_MS
from pillarbox.queue.schedule import QueuedMessage, load, set_next_attempt
from pillarbox.queue.spool import CHANGED, LIFETIME_MS, QueueId, State
from pillarbox.world.blobs import PreparedBlob, release
from pillarbox.world.database import Transaction

MAX_HOLD_S: Final = 30 * 86_400
"""How long a message may be held."""
PAST_S: Final = 300
"""A time that passed so long ago at most still counts: the clocks of clients differ. The message leaves at once."""
MAX_MESSAGES: Final = 500
"""Messages of one account that are held."""
MAX_OCTETS: Final = 512 * 1024 * 1024
"""Octets of all of them."""


class TooMuchHeld(Exception):
    """The account has as much mail held as it may have (RFC 4865 §6)."""


class Scheduled(Struct, frozen=True, gc=False):
    """A message that is held."""

    id: QueueId
    release_at_ms: int
    size_octets: int
    queued_at_ms: int


def is_allowed(*, until_ms: int, now_ms: int) -> bool:
    """Whether a message that comes now may be held until then."""
    return now_ms - PAST_S * 1000 <= until_ms <= now_ms + MAX_HOLD_S * 1000


def refuse_too_much(tx: Transaction, account: AccountId, *, octets: int) -> None:
    """Raise `TooMuchHeld` where the account may not have one more message of so many octets held."""
    row = tx.row(
        "SELECT count(*), coalesce(sum(size), 0) FROM queue_messages WHERE account = ? AND release_at_ms IS NOT NULL",
        (account,),
    )
    messages, held_octets = row or (0, 0)
    if messages >= MAX_MESSAGES or held_octets + octets > MAX_OCTETS:
        raise TooMuchHeld(account)


def listing(tx: Transaction, account: AccountId) -> list[Scheduled]:
    """What an account has held, in the order in which it leaves."""
    rows = tx.rows(
        "SELECT id, release_at_ms, size, queued_at_ms FROM queue_messages"
        " WHERE account = ? AND release_at_ms IS NOT NULL ORDER BY release_at_ms, id",
        (account,),
    )
    return [Scheduled(*row) for row in rows]


def next_release_ms(tx: Transaction) -> int | None:
    """When the next message may leave; `None` where none is held."""
    at_ms: int | None = tx.value(
        "SELECT release_at_ms FROM queue_messages WHERE release_at_ms IS NOT NULL ORDER BY release_at_ms LIMIT 1"
    )
    return at_ms


def due(tx: Transaction, *, now_ms: int, limit: int) -> list[QueueId]:
    """Messages whose time has come, the longest ago first."""
    rows = tx.rows(
        "SELECT id FROM queue_messages WHERE release_at_ms <= ? ORDER BY release_at_ms, id LIMIT ?",
        (now_ms, limit),
    )
    return [QueueId(identifier) for (identifier,) in rows]


def cancel(tx: Transaction, message: QueueId) -> bool:
    """Remove a message that is held; nobody gets it. False where it is not held, or has left."""
    if not is_held(tx, message):
        return False
    destinations = _destinations(tx, message)
    tx.execute("DELETE FROM queue_recipients WHERE message = ?", (message,))
    forget_message(tx, load(tx, message))
    for destination in destinations:
        set_next_attempt(tx, destination, now_ms=0)
    return True


def release_now(tx: Transaction, message: QueueId, *, now_ms: int) -> bool:
    """Let a message leave at once. False where it is not held, or has left."""
    changed = tx.execute(
        "UPDATE queue_messages SET release_at_ms = min(release_at_ms, ?) WHERE id = ? AND release_at_ms IS NOT NULL",
        (now_ms, message),
    )
    tx.execute(
        "UPDATE queue_recipients SET due_at_ms = min(due_at_ms, ?) WHERE message = ? AND state = ?",
        (now_ms, message, State.SCHEDULED),
    )
    tx.announce(CHANGED)
    return changed > 0


def reschedule(tx: Transaction, message: QueueId, *, until_ms: int) -> bool:
    """Hold a message until another time, whenever it was to leave. False where it is not held, or has left.

    Whoever lets it go asks for its time in the same transaction, so it leaves by one of the two times, once.
    """
    moved = tx.execute(
        "UPDATE queue_messages SET release_at_ms = ?, expires_at_ms = ?, release_request = ?"
        " WHERE id = ? AND release_at_ms IS NOT NULL",
        (until_ms, until_ms + LIFETIME_MS, f"until;{internet_date.written(until_ms)}", message),
    )
    tx.execute(
        "UPDATE queue_recipients SET due_at_ms = ?, tell_at_ms = ? WHERE message = ? AND state = ?",
        (until_ms, until_ms + DELAY_NOTICE_MS, message, State.SCHEDULED),
    )
    tx.announce(CHANGED)
    return moved > 0


def held(tx: Transaction, message: QueueId) -> tuple[QueuedMessage, list[QueuedDelivery]]:
    """A message with its recipients that are held. Raises `LookupError`."""
    rows = tx.rows(
        f"SELECT {DELIVERY_COLUMNS} FROM queue_recipients r WHERE r.message = ? AND r.state = ? ORDER BY r.id",  # noqa: S608 - constants of this package
        (message, State.SCHEDULED),
    )
    return load(tx, message), [queued_delivery(tx, row) for row in rows]


def is_held(tx: Transaction, message: QueueId) -> bool:
    """Whether a message is still held."""
    return (
        tx.row("SELECT 1 FROM queue_messages WHERE id = ? AND release_at_ms IS NOT NULL", (message,))
        is not None
    )


def begin_release(tx: Transaction, message: QueueId, *, now_ms: int) -> bool:
    """The one transition from held to leaving. False where it is not held, not yet due, or has left.

    What it is queued with counts from now on, however late that is.
    """
    begun = tx.execute(
        "UPDATE queue_messages SET release_at_ms = NULL, expires_at_ms = max(expires_at_ms, ?)"
        " WHERE id = ? AND release_at_ms <= ?",
        (now_ms + LIFETIME_MS, message, now_ms),
    )
    return begun > 0


def make_due(tx: Transaction, deliveries: list[QueuedDelivery], *, now_ms: int) -> None:
    """Recipients of a message that leaves now: relays try them."""
    tx.execute_many(
        "UPDATE queue_recipients SET state = ?, due_at_ms = ?, tell_at_ms = ? WHERE id = ?",
        [(State.WAITING, now_ms, now_ms + DELAY_NOTICE_MS, each.recipient.id) for each in deliveries],
    )
    for message in {each.message.id for each in deliveries}:
        for destination in _destinations(tx, message):
            set_next_attempt(tx, destination, now_ms=now_ms)
    tx.announce(CHANGED)


def replace_octets(tx: Transaction, message: QueuedMessage, octets: PreparedBlob) -> None:
    """Queue other octets in place of those of a message: the same with signatures, made when it leaves."""
    blob = octets.keep(tx)
    tx.execute(
        "UPDATE queue_messages SET blob = ?, size = ? WHERE id = ?", (blob.digest, blob.size, message.id)
    )
    release(tx, message.blob)


def _destinations(tx: Transaction, message: QueueId) -> list[Any]:
    rows = tx.rows("SELECT DISTINCT destination FROM queue_recipients WHERE message = ?", (message,))
    return [destination for (destination,) in rows]
