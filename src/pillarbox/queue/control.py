"""What an operator may want of what waits: try now, hold, release.

Recipients that are being tried at this moment are left alone, but for holding, which is for afterwards.
"""

from pillarbox.queue.inspection import Selection, condition
from pillarbox.queue.outcome import Overdue, Reason
from pillarbox.queue.schedule import Waiting, load, set_turn
from pillarbox.queue.spool import CHANGED, LIFETIME_MS, QueuedRecipient, QueueId
from pillarbox.world.database import Transaction

_NOT_ACTIVE = "(r.lease = 0 OR r.due_at_ms <= ?)"


def retry(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Try now, also destinations that are left alone; return the number of recipients."""
    where, parameters = condition(selection)
    rows = _chosen(tx, f"{where} AND r.state = 'waiting' AND {_NOT_ACTIVE}", (*parameters, now_ms))
    tx.execute_many(
        "UPDATE queue_recipients SET due_at_ms = ?, lease = 0 WHERE id = ?",
        [(now_ms, identifier) for identifier, _, _ in rows],
    )
    _open(tx, {destination for _, _, destination in rows}, now_ms)
    return len(rows)


def hold(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Try no more until released; return the number of recipients. While held, nobody is told anything."""
    where, parameters = condition(selection)
    rows = _chosen(tx, f"{where} AND r.state = 'waiting'", parameters)
    tx.execute_many(
        "UPDATE queue_recipients SET state = 'held' WHERE id = ?",
        [(identifier,) for identifier, _, _ in rows],
    )
    for destination in {destination for _, _, destination in rows}:
        set_turn(tx, destination, now_ms=now_ms)
    return len(rows)


def release(tx: Transaction, selection: Selection, *, now_ms: int) -> int:
    """Try again what was held, now and for a whole lifetime from now on; return the number of recipients."""
    where, parameters = condition(selection)
    rows = _chosen(tx, f"{where} AND r.state = 'held'", parameters)
    tx.execute_many(
        "UPDATE queue_recipients SET state = 'waiting', due_at_ms = ? WHERE id = ?",
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
    _open(tx, {destination for _, _, destination in rows}, now_ms)
    return len(rows)


def chosen(tx: Transaction, selection: Selection, *, now_ms: int, limit: int) -> list[Overdue]:
    """Recipients that are not being tried, for whoever ends their waiting."""
    where, parameters = condition(selection)
    rows = tx.rows(
        "SELECT r.id, r.message, r.destination, r.address, r.notify, r.original, r.attempts, r.last_status,"  # noqa: S608 - words of ours
        " r.last_reply, r.last_host FROM queue_recipients r JOIN queue_messages m ON m.id = r.message"
        f" WHERE {where} AND {_NOT_ACTIVE} ORDER BY r.message LIMIT ?",
        (*parameters, now_ms, limit),
    )
    return [
        Overdue(
            load(tx, QueueId(message)),
            Waiting(identifier, QueuedRecipient(address, destination, notify, original), attempts),
            Reason(status, reply, host) if status else None,
        )
        for identifier, message, destination, address, notify, original, attempts, status, reply, host in rows
    ]


def _chosen(tx: Transaction, where: str, parameters: tuple[int | str, ...]) -> list[tuple[int, int, str]]:
    return [
        (identifier, message, destination)
        for identifier, message, destination in tx.rows(
            "SELECT r.id, r.message, r.destination FROM queue_recipients r"  # noqa: S608 - words of ours
            f" JOIN queue_messages m ON m.id = r.message WHERE {where}",
            parameters,
        )
    ]


def _open(tx: Transaction, destinations: set[str], now_ms: int) -> None:
    for destination in destinations:
        tx.execute("UPDATE queue_destinations SET closed_until_ms = 0 WHERE name = ?", (destination,))
        set_turn(tx, destination, now_ms=now_ms)
    if destinations:
        tx.announce(CHANGED)
