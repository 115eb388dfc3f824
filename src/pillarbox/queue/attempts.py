"""The attempts made for a queued recipient, for operators: when, at which server, and what it replied.

They are kept while the recipient is queued, the last `MAX_ATTEMPTS` of them, which is more than its lifetime allows.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from pillarbox.world.database import Transaction

MAX_ATTEMPTS: Final = 50
"""Kept for a recipient."""
MAX_REPLY_CHARACTERS: Final = 500
"""Kept of each reply."""


class Peer(NamedTuple):
    """The server that was spoken to."""

    host: str
    address: str
    tls: str | None
    """The version, as `TLSv1.3`; `None` without TLS."""
    security: str = ""
    """What the connection satisfies, for the log (`trust.tls_policy.Level`)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that was deferred."""

    recipient: str
    number: int
    """From 1."""
    at_ms: int
    """When it ended, in ms since 1970."""
    status: str
    reply: str
    host: str | None
    """`None` where no server was reached; the reply says which were tried."""
    address: str | None
    tls: str | None


def record(
    tx: Transaction, recipient: int, number: int, reason: tuple[str, str], peer: Peer | None, *, now_ms: int
) -> None:
    """Record an attempt with its status and reply; forget the oldest beyond the limit."""
    status, reply = reason
    tx.execute(
        "INSERT INTO queue_attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            recipient,
            number,
            now_ms,
            status,
            reply[:MAX_REPLY_CHARACTERS],
            *(peer[:3] if peer else (None, None, None)),
        ),
    )
    if number > MAX_ATTEMPTS:
        tx.execute(
            "DELETE FROM queue_attempts WHERE recipient = ? AND number <= ?",
            (recipient, number - MAX_ATTEMPTS),
        )


def forget(tx: Transaction, recipient: int) -> None:
    """The recipient leaves the queue."""
    tx.execute("DELETE FROM queue_attempts WHERE recipient = ?", (recipient,))


def of_message(tx: Transaction, message: int, *, limit: int = -1) -> list[Attempt]:
    """The attempts for the recipients of a queued message, by recipient, oldest first; at most so many of them."""
    rows = tx.rows(
        "SELECT r.address, a.number, a.at_ms, a.status, a.reply, a.host, a.address, a.tls"
        " FROM queue_recipients r JOIN queue_attempts a ON a.recipient = r.id"
        " WHERE r.message = ? ORDER BY r.id, a.number LIMIT ?",
        (message, limit),
    )
    return [Attempt(*row) for row in rows]
