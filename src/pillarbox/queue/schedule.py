"""Which recipients are tried next: a fair choice among destinations, and leases on what is due.

A worker with free capacity calls `claim` and gets *jobs*: for one destination, one message with those of its
recipients that are due. Half of the capacity goes to the destinations that have been due longest and half to those
that became due last, so that neither a backlog nor a burst delays other mail for long.

Invariants: a recipient is in at most one job whose lease has not run out; a destination's `turn_at_ms` (its next
attempt) is no later than the time at which one of its recipients is due and the destination is not paused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.sound import is_sound_message, is_sound_recipient, is_within
from pillarbox.queue.spool import QueueId
from pillarbox.queue.unfinished import is_suspect, put_off, set_aside
from pillarbox.world.database import Transaction, ValuesDamaged

LEASE_MS = 30 * 60_000
"""How long a job is leased: longer than most dialogues that RFC 5321 §4.5.3.2 allows for one message (not those
in which every reply takes its full timeout). A worker renews the lease while it works."""

MAX_JOB_RECIPIENTS = 100
"""What every server must accept in one transaction (RFC 5321 §4.5.3.1.8)."""

NEVER_MS = 1 << 62


class PendingRecipient(NamedTuple):
    """A recipient that is still queued; `notify` and `original` as in `spool.QueuedRecipient`."""

    id: int
    address: str
    notify: str = ""
    original: str | None = None
    attempts: int = 0
    """Attempts made before this one."""
    unfinished: int = 0
    """Leases in a row that ran out without a result, up to now; see `unfinished`."""


class QueuedMessage(NamedTuple):
    """What the recipients of a queued message have in common; see `spool.Outbound`."""

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
    release_at_ms: int | None = None
    """It is held until then; `None` where it is not held."""
    release_request: str | None = None


class Job(NamedTuple):
    """One message for one destination, leased to a worker."""

    lease: int
    destination: str
    message: QueuedMessage
    recipients: tuple[PendingRecipient, ...]
    leased_until_ms: int = 0
    """Until then the lease certainly holds; later only if it was renewed: see `still_leased`."""


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

    `lease` is a random number that identifies the worker's claim when the result is recorded.
    `healthy_only` skips destinations that could not be reached when they were last tried.
    """
    claimed: list[Job] = []
    skip = set(busy)
    for newest in (False, True):
        room = jobs - len(claimed) if newest else (jobs + 1) // 2
        for destination in _due_destinations(tx, now_ms, room, _Filter(newest, healthy_only, skip)):
            skip.add(destination)
            claimed.extend(claim_from(tx, destination, lease=lease, now_ms=now_ms, jobs=1))
    return claimed


def claim_from(
    tx: Transaction, destination: str, *, lease: int, now_ms: int, jobs: int, lease_ms: int = LEASE_MS
) -> list[Job]:
    """Lease at most `jobs` due jobs of one destination, oldest first: more work for an open connection."""
    due = _due(tx, destination, now_ms, jobs)
    damaged = {recipient.id for _, recipient in due if not is_sound_recipient(*recipient[1:])}
    put_off(tx, list(damaged), now_ms=now_ms)
    suspects = [each.id for _, each in due if each.id not in damaged and is_suspect(each.unfinished)]
    aside = damaged | set_aside(tx, suspects, now_ms=now_ms)
    by_message: dict[int, list[PendingRecipient]] = {}
    for number, recipient in due:
        if recipient.id not in aside:
            by_message.setdefault(number, []).append(recipient)
    claimed = []
    for number, recipients in by_message.items():
        try:
            message = load(tx, QueueId(number))
        except (LookupError, ValuesDamaged):  # it does not keep others waiting
            put_off(tx, [recipient.id for recipient in recipients], now_ms=now_ms)
            continue
        some = tuple(recipients[:MAX_JOB_RECIPIENTS])
        claimed.append(Job(lease, destination, message, some, leased_until_ms=now_ms + lease_ms))
    tx.execute_many(
        "UPDATE queue_recipients SET lease = ?, due_at_ms = ?, last_attempt_ms = ?, unfinished = ? WHERE id = ?",
        [
            (lease, now_ms + lease_ms, now_ms, recipient.unfinished, recipient.id)
            for job in claimed
            for recipient in job.recipients
        ],
    )
    # Where all of these were set aside, others have their turn at once: a time that has passed would not be waited for
    set_next_attempt(tx, destination, now_ms=now_ms + 1 if due and not claimed else now_ms)
    return claimed


def load(tx: Transaction, message: QueueId) -> QueuedMessage:
    """A queued message. Raises `LookupError` if it is not (or no longer) queued, `ValuesDamaged`."""
    row = tx.row(
        "SELECT id, blob, size, reverse_path, account, body, smtputf8, require_tls, envelope_id,"
        " return_content, queued_at_ms, expires_at_ms, release_at_ms, release_request"
        " FROM queue_messages WHERE id = ?",
        (message,),
    )
    if row is None:
        raise LookupError(f"nothing is queued as {message}")
    if not is_sound_message(row[1:]):
        raise ValuesDamaged(
            "a queued message has a damaged sender, size, option or time: pillarbox fsck tells which, fsck --repair"
            " mends it"
        )
    identifier, blob, size, reverse_path, account, body, smtputf8, require_tls, *rest = row
    return QueuedMessage(
        identifier, blob, size, reverse_path, account, Body(body), bool(smtputf8), bool(require_tls), *rest
    )


def renew(tx: Transaction, jobs: Iterable[Job], *, now_ms: int, lease_ms: int = LEASE_MS) -> None:
    """Extend leases to `lease_ms` from now; a lease that was lost to another worker stays lost."""
    tx.execute_many(
        "UPDATE queue_recipients SET due_at_ms = ? WHERE id = ? AND lease = ?",
        [(now_ms + lease_ms, recipient.id, job.lease) for job in jobs for recipient in job.recipients],
    )


_LEASED = "lease <> 0 AND state = 'waiting' AND due_at_ms > ? AND (lease % 4294967296 = ? OR ? = 0)"


def lease_of(mark: int, chance: int) -> int:
    """A lease of the worker with this mark of 32 bits; `chance`: a random number of 31 bits."""
    return chance << 32 | mark


def any_leased(tx: Transaction, *, now_ms: int, mark: int = 0) -> bool:
    """Whether any lease has not run out, of a worker with this mark where one is given."""
    found = tx.row(f"SELECT 1 FROM queue_recipients WHERE {_LEASED} LIMIT 1", (now_ms, mark, mark))  # noqa: S608 - from above
    return found is not None


def end_leases(tx: Transaction, *, now_ms: int, mark: int = 0) -> int:
    """End the leases of workers that are gone: what they had is due now; return the number of recipients.

    Only where no worker is alive, or none with this mark. The leases count as unfinished (see `unfinished`), like
    those that run out.
    """
    which = (now_ms, mark, mark)
    destinations = tx.rows(f"SELECT DISTINCT destination FROM queue_recipients WHERE {_LEASED}", which)  # noqa: S608 - from above
    ended = tx.execute(f"UPDATE queue_recipients SET due_at_ms = ? WHERE {_LEASED}", (now_ms, *which))  # noqa: S608 - likewise
    for (destination,) in destinations:
        set_next_attempt(tx, destination, now_ms=now_ms)
    return ended


def still_leased(tx: Transaction, job: Job) -> bool:
    """Whether all of a job is still leased to its worker; if not, another worker may have tried it."""
    return all(
        tx.value("SELECT lease FROM queue_recipients WHERE id = ?", (recipient.id,)) == job.lease
        for recipient in job.recipients
    )


def any_due(tx: Transaction, *, now_ms: int, busy: Iterable[str] = (), healthy_only: bool = False) -> bool:
    """Whether `claim` may find something."""
    return bool(
        _due_destinations(tx, now_ms, 1, _Filter(newest=False, healthy_only=healthy_only, skip=set(busy)))
    )


def next_attempt_ms(tx: Transaction, *, after_ms: int = -1) -> int | None:
    """When there will next be something to claim, later than `after_ms`; `None` if nothing is to be tried.

    Raises `ValuesDamaged` where a destination would never be tried.
    """
    latest = tx.value("SELECT turn_at_ms FROM queue_destinations ORDER BY turn_at_ms DESC LIMIT 1")
    if latest is not None and (type(latest) is not int or latest > NEVER_MS):  # texts come last
        raise ValuesDamaged("the next attempt of a destination is damaged: pillarbox fsck --repair mends it")
    at_ms: int | None = tx.value(
        "SELECT turn_at_ms FROM queue_destinations WHERE turn_at_ms > ? ORDER BY turn_at_ms LIMIT 1",
        (after_ms,),
    )
    return None if at_ms is None or at_ms >= NEVER_MS else at_ms


def set_next_attempt(tx: Transaction, destination: str, *, now_ms: int) -> None:
    """Set when this destination is tried next; delete it if no recipient is left."""
    due = tx.value(
        "SELECT min(due_at_ms) FROM queue_recipients WHERE destination = ? AND state = 'waiting'",
        (destination,),
    )
    if due is None:
        left = tx.row("SELECT 1 FROM queue_recipients WHERE destination = ? LIMIT 1", (destination,))
        if left is None:
            tx.execute("DELETE FROM queue_destinations WHERE name = ?", (destination,))
            return
        due = NEVER_MS
    if type(due) is not int:  # damaged, of which fsck tells: it keeps no other destination waiting
        due = NEVER_MS
    # A destination with more work goes to the end of the line, not back to the place of its oldest message.
    tx.execute(
        "UPDATE queue_destinations SET turn_at_ms = max(closed_until_ms, ?) WHERE name = ?",
        (max(due, now_ms), destination),
    )


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which destinations may be claimed."""

    newest: bool
    healthy_only: bool
    skip: set[str]


def _due_destinations(tx: Transaction, now_ms: int, limit: int, wanted: _Filter) -> list[str]:
    order = "DESC" if wanted.newest else "ASC"
    healthy = "AND failures = 0" if wanted.healthy_only else ""
    rows = tx.rows(
        f"SELECT name FROM queue_destinations WHERE turn_at_ms <= ? {healthy}"  # noqa: S608 - constants of this module
        f" ORDER BY turn_at_ms {order} LIMIT ?",
        (now_ms, limit + len(wanted.skip)),
    )
    return [name for (name,) in rows if name not in wanted.skip][:limit]


def _due(tx: Transaction, destination: str, now_ms: int, limit: int) -> list[tuple[int, PendingRecipient]]:
    """The recipients that have been due longest, the last message with all its due recipients."""
    rows = tx.rows(_DUE, (destination, now_ms, limit))
    if rows:
        last = rows[-1][0]
        others = tx.rows(_DUE_OF_MESSAGE, (last, destination))
        rows = [row for row in rows if row[0] != last]
        rows += [row[:-2] for row in others if row[-2] == "waiting" and is_within(row[-1], 0, now_ms)]
    return [(message, PendingRecipient(*recipient)) for message, *recipient in rows]


_DUE = (
    "SELECT message, id, address, notify, original, attempts, unfinished + (lease <> 0) FROM queue_recipients"
    " WHERE destination = ? AND state = 'waiting' AND due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?"
)
# State and time are compared in Python: with them in the query, SQLite would read all that is queued for the
# destination.
_DUE_OF_MESSAGE = (
    "SELECT message, id, address, notify, original, attempts, unfinished + (lease <> 0), state, due_at_ms"
    " FROM queue_recipients"
    " WHERE message = ? AND destination = ? ORDER BY id"
)
