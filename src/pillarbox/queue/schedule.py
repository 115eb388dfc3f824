"""Who is served next: taking turns among destinations, and leasing what is due.

A worker with room for more asks `claim`. It gets *jobs*: for one destination, one message with those of its
recipients that are due. Destinations take turns, half of the room going to those that have
waited longest and half to those that came last, so that neither a backlog nor a burst keeps
anybody waiting for long.

What is always true: a recipient is in at most one job whose lease has not run out; a destination's
`turn_at_ms` is no later than the moment at which one of its recipients is due and it is not closed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.spool import QueuedRecipient, QueueId
from pillarbox.world.database import Transaction

LEASE_MS = 30 * 60_000
"""How long a job belongs to its worker: longer than the slowest dialogue that RFC 5321 §4.5.3.2 allows
for one message, except where each reply takes its utmost. A worker renews while it works."""

JOB_RECIPIENTS = 100
"""Recipients in one job: what every server must accept in one transaction (RFC 5321 §4.5.3.1.8)."""

NEVER_MS = 1 << 62


class Waiting(NamedTuple):
    """A recipient in a job."""

    id: int
    recipient: QueuedRecipient
    attempts: int
    """Attempts made before this one."""


class QueuedMessage(NamedTuple):
    """What all recipients of a queued message share; see `spool.Outbound`."""

    id: QueueId
    blob: bytes
    size: int
    reverse_path: str | None
    account: AccountId | None
    body: Body
    smtputf8: bool
    require_tls: bool
    envelope_id: str | None
    return_content: str | None
    queued_at_ms: int
    expires_at_ms: int


class Job(NamedTuple):
    """One message for one destination, leased to a worker."""

    lease: int
    destination: str
    message: QueuedMessage
    recipients: tuple[Waiting, ...]
    until_ms: int = 0
    """Until then it is surely ours; later only if it was renewed: see `held`."""


def claim(
    tx: Transaction,
    *,
    lease: int,
    now_ms: int,
    jobs: int,
    busy: Iterable[str] = (),
    healthy_only: bool = False,
) -> list[Job]:
    """Lease at most `jobs` jobs that are due, from destinations that are not `busy`.

    `lease` is a number drawn by chance, by which the worker is recognised when it reports.
    `healthy_only` passes over destinations that could not be reached when they were last tried.
    """
    claimed: list[Job] = []
    skip = set(busy)
    for newest in (False, True):
        room = jobs - len(claimed) if newest else (jobs + 1) // 2
        for destination in _in_turn(tx, now_ms, room, _Pick(newest, healthy_only, skip)):
            skip.add(destination)
            claimed.extend(claim_from(tx, destination, lease=lease, now_ms=now_ms, jobs=1))
    return claimed


def claim_from(tx: Transaction, destination: str, *, lease: int, now_ms: int, jobs: int) -> list[Job]:
    """Lease at most `jobs` due jobs of one destination, oldest first: more for an open connection."""
    by_message: dict[int, list[Waiting]] = {}
    for message, waiting in _due(tx, destination, now_ms, jobs):
        by_message.setdefault(message, []).append(waiting)
    claimed = [
        Job(
            lease,
            destination,
            load(tx, QueueId(message)),
            tuple(recipients[:JOB_RECIPIENTS]),
            until_ms=now_ms + LEASE_MS,
        )
        for message, recipients in by_message.items()
    ]
    tx.execute_many(
        "UPDATE queue_recipients SET lease = ?, due_at_ms = ?, last_attempt_ms = ? WHERE id = ?",
        [(lease, now_ms + LEASE_MS, now_ms, waiting.id) for job in claimed for waiting in job.recipients],
    )
    set_turn(tx, destination, now_ms=now_ms)
    return claimed


def load(tx: Transaction, message: QueueId) -> QueuedMessage:
    """A message that waits. Raises `LookupError` where it does not (any more)."""
    row = tx.row(
        "SELECT id, blob, size, reverse_path, account, body, smtputf8, require_tls, envelope_id,"
        " return_content, queued_at_ms, expires_at_ms FROM queue_messages WHERE id = ?",
        (message,),
    )
    if row is None:
        raise LookupError(f"nothing is queued as {message}")
    identifier, blob, size, reverse_path, account, body, smtputf8, require_tls, *rest = row
    return QueuedMessage(
        identifier, blob, size, reverse_path, account, Body(body), bool(smtputf8), bool(require_tls), *rest
    )


def renew(tx: Transaction, jobs: Iterable[Job], *, now_ms: int) -> None:
    """Keep jobs for another `LEASE_MS`; what has been lost to another worker stays lost."""
    tx.execute_many(
        "UPDATE queue_recipients SET due_at_ms = ? WHERE id = ? AND lease = ?",
        [(now_ms + LEASE_MS, waiting.id, job.lease) for job in jobs for waiting in job.recipients],
    )


def held(tx: Transaction, job: Job) -> bool:
    """Whether all of a job is still leased to its worker; if not, somebody else may be at it, or was."""
    return all(
        tx.value("SELECT lease FROM queue_recipients WHERE id = ?", (waiting.id,)) == job.lease
        for waiting in job.recipients
    )


def any_due(tx: Transaction, *, now_ms: int, busy: Iterable[str] = (), healthy_only: bool = False) -> bool:
    """Whether `claim` may find something."""
    return bool(_in_turn(tx, now_ms, 1, _Pick(newest=False, healthy_only=healthy_only, skip=set(busy))))


def next_turn_ms(tx: Transaction, *, after_ms: int = -1) -> int | None:
    """When there will next be something to claim; `None` while nothing waits."""
    turn: int | None = tx.value(
        "SELECT min(turn_at_ms) FROM queue_destinations WHERE turn_at_ms > ?", (after_ms,)
    )
    return None if turn is None or turn >= NEVER_MS else turn


def set_turn(tx: Transaction, destination: str, *, now_ms: int) -> None:
    """Find out when this destination wants its next turn; forget it where nothing waits for it."""
    due = tx.value(
        "SELECT min(due_at_ms) FROM queue_recipients WHERE destination = ? AND state = 'waiting'",
        (destination,),
    )
    if due is None:
        held = tx.row("SELECT 1 FROM queue_recipients WHERE destination = ? LIMIT 1", (destination,))
        if held is None:
            tx.execute("DELETE FROM queue_destinations WHERE name = ?", (destination,))
            return
        due = NEVER_MS
    # Whoever still has work goes to the end of the line, not back to where its oldest message stands.
    tx.execute(
        "UPDATE queue_destinations SET turn_at_ms = max(closed_until_ms, ?) WHERE name = ?",
        (max(due, now_ms), destination),
    )


@dataclass(frozen=True, slots=True)
class _Pick:
    """Which destinations may have a turn."""

    newest: bool
    healthy_only: bool
    skip: set[str]


def _in_turn(tx: Transaction, now_ms: int, limit: int, pick: _Pick) -> list[str]:
    order = "DESC" if pick.newest else "ASC"
    healthy = "AND failures = 0" if pick.healthy_only else ""
    rows = tx.rows(
        f"SELECT name FROM queue_destinations WHERE turn_at_ms <= ? {healthy}"  # noqa: S608 - words of ours
        f" ORDER BY turn_at_ms {order} LIMIT ?",
        (now_ms, limit + len(pick.skip)),
    )
    return [name for (name,) in rows if name not in pick.skip][:limit]


def _due(tx: Transaction, destination: str, now_ms: int, limit: int) -> list[tuple[int, Waiting]]:
    """The recipients that have waited longest, and with the last of them its message's others."""
    rows = tx.rows(_DUE, (destination, now_ms, limit))
    if rows:
        last = rows[-1][0]
        others = tx.rows(_DUE_OF_MESSAGE, (last, destination))
        rows = [row for row in rows if row[0] != last]
        rows += [row[:-2] for row in others if row[-2] == "waiting" and row[-1] <= now_ms]
    return [
        (message, Waiting(identifier, QueuedRecipient(address, destination, notify, original), attempts))
        for message, identifier, address, notify, original, attempts in rows
    ]


_DUE = (
    "SELECT message, id, address, notify, original, attempts FROM queue_recipients"
    " WHERE destination = ? AND state = 'waiting' AND due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?"
)
# State and time are compared by us: with them in the query, SQLite would read all that waits for the destination.
_DUE_OF_MESSAGE = (
    "SELECT message, id, address, notify, original, attempts, state, due_at_ms FROM queue_recipients"
    " WHERE message = ? AND destination = ? ORDER BY id"
)
