"""Queueing a message, in the transaction that accepts it."""

from enum import StrEnum
from typing import NamedTuple, NewType

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.retry_schedule import DELAY_NOTICE_MS, HOUR_MS
from pillarbox.world.blobs import PreparedBlob
from pillarbox.world.database import Transaction
from pillarbox.world.topic import Topic

QueueId = NewType("QueueId", int)
"""Identifies a queued message in logs, in trace fields and on the command line."""

CHANGED = Topic("queue")
"""Announced when something is queued, so that relays wake up after the commit."""

LIFETIME_MS = 5 * 24 * HOUR_MS
"""How long delivery is tried before a failure DSN is sent: at least four to five days (RFC 5321 §4.5.4.1)."""


class State(StrEnum):
    """Whether a queued recipient is tried, or held by an operator."""

    WAITING = "waiting"
    HELD = "held"


class QueuedRecipient(NamedTuple):
    """One forward-path, with its DSN request (RFC 3461 §4.1, §4.2).

    `destination`: the domain, as an A-label in lower case, or an address literal; what is routed.
    `notify`: the keywords of NOTIFY, comma-separated; empty if it was not given.
    `original`: ORCPT as it was given.
    """

    address: str
    destination: str
    notify: str = ""
    original: str | None = None


class Outbound(NamedTuple):
    """A message on its way to other providers.

    `reverse_path` `None` is the null path `<>`. `account`: the local account that submitted it, if one did.
    `envelope_id` and `return_content` (`FULL` or `HDRS`): RFC 3461 §4.3, §4.4. `require_tls`:
    RFC 8689 §2.
    """

    blob: PreparedBlob
    reverse_path: str | None
    recipients: tuple[QueuedRecipient, ...]
    body: Body = Body.EIGHT_BIT
    smtputf8: bool = False
    require_tls: bool = False
    envelope_id: str | None = None
    return_content: str | None = None
    account: AccountId | None = None


def enqueue(tx: Transaction, outbound: Outbound, *, now_ms: int) -> QueueId:
    """Queue a message for all its recipients, due at once. It is safe when the transaction commits."""
    blob = outbound.blob.keep(tx)
    message: int = tx.value(
        "INSERT INTO queue_messages (blob, size, reverse_path, account, body, smtputf8, require_tls,"
        " envelope_id, return_content, queued_at_ms, expires_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            blob.digest,
            blob.size,
            outbound.reverse_path,
            outbound.account,
            outbound.body,
            outbound.smtputf8,
            outbound.require_tls,
            outbound.envelope_id,
            outbound.return_content,
            now_ms,
            now_ms + LIFETIME_MS,
        ),
    )
    tx.execute_many(
        "INSERT INTO queue_recipients (message, destination, address, notify, original, state, due_at_ms,"
        " attempts, lease, tell_at_ms) VALUES (?, ?, ?, ?, ?, 'waiting', ?, 0, 0, ?)",
        [
            (message, r.destination, r.address, r.notify, r.original, now_ms, now_ms + DELAY_NOTICE_MS)
            for r in outbound.recipients
        ],
    )
    tx.execute_many(
        "INSERT INTO queue_destinations VALUES (?, ?, 0, 0) ON CONFLICT (name) DO UPDATE"
        " SET turn_at_ms = max(closed_until_ms, min(turn_at_ms, excluded.turn_at_ms))",
        [(destination, now_ms) for destination in sorted({r.destination for r in outbound.recipients})],
    )
    tx.announce(CHANGED)
    return QueueId(message)
