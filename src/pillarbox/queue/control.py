"""What an operator may do with queued recipients: retry now, hold, release, drop.

Recipients that are being tried now are skipped, except by `hold`, which applies after the attempt.
"""

from pillarbox.mail.identifiers import AccountId
from pillarbox.queue.inspection import Selection, condition
from pillarbox.queue.outcome import DELIVERY_COLUMNS, QueuedDelivery, queued_delivery
from pillarbox.queue.schedule import set_next_attempt
from pillarbox.queue.spool import CHANGED, LIFETIME_MS
from pillarbox.world.database import Transaction

_NOT_ACTIVE = "(r.lease = 0 OR r.due_at_ms <= ?)"


def retry(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Try now, at paused destinations too; return the number of recipients."""
    where, parameters = condition(selection)
    rows = _selected_rows(tx, f"{where} AND r.state = 'waiting' AND {_NOT_ACTIVE}", (*parameters, now_ms))
    tx.execute_many(
        "UPDATE queue_recipients SET due_at_ms = ?, lease = 0, unfinished = 0 WHERE id = ?",
        [(now_ms, identifier) for identifier, _, _ in rows],
    )
    _resume(tx, {destination for _, _, destination in rows}, now_ms)
    return len(rows)


def hold(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Stop trying until released; return the number of recipients. No DSN is sent for a held recipient."""
    where, parameters = condition(selection)
    rows = _selected_rows(tx, f"{where} AND r.state = 'waiting'", parameters)
    tx.execute_many(
        "UPDATE queue_recipients SET state = 'held' WHERE id = ?",
        [(identifier,) for identifier, _, _ in rows],
    )
    for destination in {destination for _, _, destination in rows}:
        set_next_attempt(tx, destination, now_ms=now_ms)
    return len(rows)


def release(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Try held recipients again, from now on for a whole lifetime; return the number of recipients."""
    where, parameters = condition(selection)
    rows = _selected_rows(tx, f"{where} AND r.state = 'held'", parameters)
    tx.execute_many(
        "UPDATE queue_recipients SET state = 'waiting', due_at_ms = ?, unfinished = 0 WHERE id = ?",
        [(now_ms, identifier) for identifier, _, _ in rows],
    )
    tx.execute_many(
        "UPDATE queue_messages SET expires_at_ms = max(expires_at_ms, ?) WHERE id = ?",
        [(now_ms + LIFETIME_MS, message) for message in {message for _, message, _ in rows}],
    )
    tx.execute_many(
        "UPDATE queue_recipients SET tell_at_ms = max(tell_at_ms, ?) WHERE id = ?",
        [(now_ms, identifier) for identifier, _, _ in rows],
    )
    _resume(tx, {destination for _, _, destination in rows}, now_ms)
    return len(rows)


def readdress(tx: Transaction, account: AccountId, old: str, new: str) -> int:
    """Change the reverse-path of what an account has queued, so that reports reach it; return how many messages."""
    return tx.execute(
        "UPDATE queue_messages SET reverse_path = ? WHERE account = ? AND reverse_path = ?",
        (new, account, old),
    )


def selected(tx: Transaction, selection: Selection, *, now_ms: int, limit: int) -> list[QueuedDelivery]:
    """Selected recipients that are not being tried, for the caller to drop (see `delivery.settle`)."""
    where, parameters = condition(selection)
    rows = tx.rows(
        f"SELECT {DELIVERY_COLUMNS} FROM queue_recipients r JOIN queue_messages m ON m.id = r.message"  # noqa: S608 - constants of this package
        f" WHERE {where} AND {_NOT_ACTIVE} ORDER BY r.message LIMIT ?",
        (*parameters, now_ms, limit),
    )
    return [queued_delivery(tx, row) for row in rows]


def _selected_rows(
    tx: Transaction, where: str, parameters: tuple[int | str, ...]
) -> list[tuple[int, int, str]]:
    return [
        (identifier, message, destination)
        for identifier, message, destination in tx.rows(
            "SELECT r.id, r.message, r.destination FROM queue_recipients r"  # noqa: S608 - constants of this package
            f" JOIN queue_messages m ON m.id = r.message WHERE {where}",
            parameters,
        )
    ]


def _resume(tx: Transaction, destinations: set[str], now_ms: int) -> None:
    for destination in destinations:
        tx.execute("UPDATE queue_destinations SET closed_until_ms = 0 WHERE name = ?", (destination,))
        set_next_attempt(tx, destination, now_ms=now_ms)
    if destinations:
        tx.announce(CHANGED)
