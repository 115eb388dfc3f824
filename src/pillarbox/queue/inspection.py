"""The queue as operators see it: recipients, messages, and paused destinations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pillarbox.mail.identifiers import AccountId
from pillarbox.queue import attempts
from pillarbox.queue.attempts import Attempt
from pillarbox.queue.schedule import QueuedMessage, load
from pillarbox.queue.spool import QueueId, State
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Selects recipients: those that match every criterion given. Without criteria, all."""

    messages: tuple[int, ...] = ()
    destination: str | None = None
    sender: str | None = None
    """A reverse-path; empty for the null path."""
    state: State | None = None
    between: tuple[int, int] | None = None
    """The first and the last number of recipients, for a part of a long queue."""
    domains: tuple[str, ...] = ()
    """Messages that accounts with a login in these domains have submitted; in lower-case A-labels."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A queued recipient. Times in ms since 1970."""

    queue_id: int
    sender: str
    """Empty: the null reverse-path, of a DSN."""
    recipient: str
    destination: str
    state: str
    """`waiting`, `held`, `scheduled` until its sender's time has come, or `active` while it is being tried."""
    size_octets: int
    queued_at_ms: int
    next_attempt_ms: int | None
    """Not before the pause of its destination is over."""
    expires_at_ms: int
    attempts: int
    last_attempt_ms: int | None
    last_reply: str | None
    last_host: str | None


@dataclass(frozen=True, slots=True)
class PausedDestination:
    """A destination that could not be reached, and is not tried for a while."""

    destination: str
    failures: int
    paused_until_ms: int


@dataclass(frozen=True, slots=True)
class MessageDetails:
    """A queued message with its recipients."""

    message: QueuedMessage
    entries: tuple[Entry, ...]
    history: tuple[Attempt, ...]
    """The attempts for its recipients, oldest first."""
    header: str = field(default="")


def missing(tx: Transaction, messages: Iterable[int]) -> list[int]:
    """Which of these queue IDs are not in the queue."""
    return [one for one in messages if tx.row("SELECT 1 FROM queue_messages WHERE id = ?", (one,)) is None]


def listing(tx: Transaction, selection: Selection, *, now_ms: int, limit: int) -> list[Entry]:
    """Recipients in the order in which their messages were queued."""
    where, parameters = condition(selection)
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM queue_recipients r JOIN queue_messages m ON m.id = r.message"  # noqa: S608 - constants of this package
        f" LEFT JOIN queue_destinations d ON d.name = r.destination WHERE {where} ORDER BY r.id LIMIT ?",
        (*parameters, limit),
    )
    return [_entry(row, now_ms) for row in rows]


def count(tx: Transaction, selection: Selection) -> tuple[int, int]:
    """The number of messages, and of recipients."""
    where, parameters = condition(selection)
    row = tx.row(
        "SELECT count(DISTINCT r.message), count(*) FROM queue_recipients r"  # noqa: S608 - constants of this package
        f" JOIN queue_messages m ON m.id = r.message WHERE {where}",
        parameters,
    )
    assert row is not None, "counting gives a row"
    return row[0], row[1]


def parts(tx: Transaction, size: int) -> list[tuple[int, int]]:
    """The recipients in parts of so many: the first and the last number of each."""
    ends = [
        last
        for (last,) in tx.rows(
            "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM queue_recipients) p"
            " WHERE place % ? = 0 OR id = (SELECT max(id) FROM queue_recipients) ORDER BY id",
            (size,),
        )
    ]
    return [(before + 1, last) for before, last in zip([0, *ends], ends, strict=False)]


def show(tx: Transaction, message: QueueId, *, now_ms: int) -> MessageDetails:
    """One message. Raises `LookupError`."""
    entries = listing(tx, Selection(messages=(message,)), now_ms=now_ms, limit=-1)
    return MessageDetails(load(tx, message), tuple(entries), tuple(attempts.of_message(tx, message)))


def paused_destinations(tx: Transaction, *, now_ms: int) -> list[PausedDestination]:
    """Destinations that are paused now."""
    rows = tx.rows(
        "SELECT name, failures, closed_until_ms FROM queue_destinations WHERE closed_until_ms > ?"
        " ORDER BY closed_until_ms",
        (now_ms,),
    )
    return [PausedDestination(*row) for row in rows]


def condition(selection: Selection) -> tuple[str, tuple[int | str, ...]]:
    """A selection as SQL about a recipient `r` and its message `m`, and its parameters."""
    terms, parameters = ["1 = 1"], list[int | str]()
    if selection.messages:
        terms.append(f"r.message IN ({', '.join('?' * len(selection.messages))})")
        parameters += list(selection.messages)
    if selection.destination is not None:
        terms.append("r.destination = ?")
        parameters.append(selection.destination)
    if selection.state is not None:
        terms.append("r.state = ?")
        parameters.append(selection.state)
    if selection.between is not None:
        terms.append("r.id BETWEEN ? AND ?")
        parameters += selection.between
    if selection.domains:
        # A table of the directory: a domain may have more accounts than a statement has parameters
        marks = ", ".join("?" * len(selection.domains))
        terms.append(f"m.account IN (SELECT a.id FROM accounts a WHERE a.domain IN ({marks}))")  # noqa: S608 - marks
        parameters += selection.domains
    if selection.sender == "":
        terms.append("m.reverse_path IS NULL")
    elif selection.sender is not None:
        terms.append("m.reverse_path = ?")
        parameters.append(selection.sender)
    return " AND ".join(terms), tuple(parameters)


_COLUMNS = (
    "r.message, m.reverse_path, r.address, r.destination, r.state, m.size, m.queued_at_ms, r.due_at_ms,"
    " coalesce(d.closed_until_ms, 0), m.expires_at_ms, r.attempts, r.last_attempt_ms,"
    " r.last_reply, r.last_host, r.lease"
)


def _entry(row: tuple[Any, ...], now_ms: int) -> Entry:
    (
        queue_id,
        sender,
        recipient,
        destination,
        state,
        size,
        queued_at_ms,
        due_at_ms,
        closed_until_ms,
        *rest,
        lease,
    ) = row
    if lease and due_at_ms > now_ms:
        state = "active"
    next_attempt_ms = max(due_at_ms, closed_until_ms) if state == State.WAITING else None
    if state == State.SCHEDULED:
        next_attempt_ms = due_at_ms
    return Entry(
        queue_id, sender or "", recipient, destination, state, size, queued_at_ms, next_attempt_ms, *rest
    )


def count_from(tx: Transaction, account: AccountId) -> int:
    """Queued messages that an account has submitted."""
    number: int = tx.value("SELECT count(*) FROM queue_messages WHERE account = ?", (account,))
    return number


def count_to(tx: Transaction, destination: str) -> int:
    """Recipients of queued messages at a destination."""
    number: int = tx.value("SELECT count(*) FROM queue_recipients WHERE destination = ?", (destination,))
    return number
