"""Queueing a message, in the transaction that accepts it."""

from collections.abc import Iterable
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
    """Whether a queued recipient is tried, held by an operator, or held until a time that its sender has chosen."""

    WAITING = "waiting"
    HELD = "held"
    SCHEDULED = "scheduled"


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


class Release(NamedTuple):
    """When a message may leave, in ms since 1970, and how its sender asked for that (RFC 4865 §5.1.2)."""

    at_ms: int
    request: str


class Outbound(NamedTuple):
    """A message on its way to other providers; or to anybody, if it is held until its `release`.

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
    release: Release | None = None


def enqueue(tx: Transaction, outbound: Outbound, *, now_ms: int) -> QueueId:
    """Queue a message for all its recipients, due now or at its release. It is safe when the transaction commits."""
    blob = outbound.blob.keep(tx)
    release = outbound.release
    due_ms = release.at_ms if release else now_ms
    message: int = tx.value(
        "INSERT INTO queue_messages (blob, size, reverse_path, account, body, smtputf8, require_tls,"
        " envelope_id, return_content, queued_at_ms, expires_at_ms, release_at_ms, release_request)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
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
            due_ms + LIFETIME_MS,
            release.at_ms if release else None,
            release.request if release else None,
        ),
    )
    state = State.SCHEDULED if release else State.WAITING
    add_recipients(tx, QueueId(message), outbound.recipients, state=state, due_ms=due_ms)
    return QueueId(message)


def add_recipients(
    tx: Transaction, message: QueueId, recipients: Iterable[QueuedRecipient], *, state: State, due_ms: int
) -> None:
    """Queue a message for these recipients, due then."""
    added = tuple(recipients)
    tx.execute_many(
        "INSERT INTO queue_recipients (message, destination, address, notify, original, state, due_at_ms,"
        " attempts, lease, tell_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
        [
            (message, r.destination, r.address, r.notify, r.original, state, due_ms, due_ms + DELAY_NOTICE_MS)
            for r in added
        ],
    )
    tx.execute_many(
        "INSERT INTO queue_destinations VALUES (?, ?, 0, 0) ON CONFLICT (name) DO UPDATE"
        " SET turn_at_ms = max(closed_until_ms, min(turn_at_ms, excluded.turn_at_ms))",
        [(destination, due_ms) for destination in sorted({r.destination for r in added})],
    )
    tx.announce(CHANGED)
