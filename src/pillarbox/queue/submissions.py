"""What accounts have sent by JMAP, and what became of it (EmailSubmission, RFC 8621 §7).

A row is made in the transaction that accepts the message, and follows it through the queue in the transactions that
change it there (`delivery.tracking`). It says what is so and decides nothing: to remove it changes no delivery.

`modseq` is that of the account at the last change, `created_modseq` at the first. What was destroyed stays a while as a
row without content, so that others hear of it; `complete_from` of the account says since when none of these is missing.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, EmailId, ModSeq, ThreadId
from pillarbox.queue.spool import QueueId
from pillarbox.world.database import Transaction

MAX_SUBMISSIONS: Final = 5_000
"""Of one account; where there are more, the oldest are forgotten."""
MAX_RECIPIENTS: Final = 50_000
"""Of all submissions of one account; likewise."""
KEPT_MS: Final = 30 * 86_400_000
"""How long one is remembered after it was to be sent; and, once destroyed, that it was there."""
FORGOTTEN_TOGETHER: Final = 100
"""Submissions that are forgotten in one transaction, where there are too many."""
MAX_REPORTS: Final = 50
"""Reports that are remembered for one submission, of each kind."""
MAX_REPLY_CHARACTERS: Final = 1_000

PENDING, FINAL, CANCELED = "pending", "final", "canceled"
"""Of `Sent.undo` (RFC 8621 §7, undoStatus)."""
QUEUED, YES, NO, UNKNOWN = "queued", "yes", "no", "unknown"
"""Of `RecipientStatus.delivered` and `displayed`."""
DSN, MDN = "dsn", "mdn"


class CannotCalculateChanges(Exception):
    """What happened since then is not known any more."""


class RecipientStatus(Struct, frozen=True, gc=False):
    """What became of one recipient (RFC 8621 §7, DeliveryStatus)."""

    address: str
    """As in the envelope."""
    delivered: str
    reply: str
    """Code, enhanced status code and text of the last reply, ours or another server's."""
    displayed: str = UNKNOWN
    queued_as: str | None = None
    """The recipient in the queue that decides about it; `None` once nothing in the queue does."""


class NewSubmission(Struct, frozen=True, gc=False):
    """What is known when a message is accepted."""

    account: AccountId
    identity: str
    email: EmailId
    thread: ThreadId
    envelope: str
    """As the client is shown it, as JSON."""
    envelope_id: str
    """ENVID of the message, which reports return: a random token."""
    message_id: str | None = None
    recipients: tuple[RecipientStatus, ...] = ()


class Sent(Struct, frozen=True, gc=False):
    """A submission."""

    id: int
    identity: str
    email: EmailId
    thread: ThreadId
    envelope: str
    send_at_ms: int
    undo: str
    recipients: tuple[RecipientStatus, ...]
    dsn_blobs: tuple[bytes, ...]
    """Names of the blobs of reports, oldest first. They may be gone: nothing keeps them but the mailbox they are in."""
    mdn_blobs: tuple[bytes, ...]


class Logged(NamedTuple):
    """A submission that has changed."""

    id: int
    created: ModSeq
    changed: ModSeq
    destroyed: bool


def record(
    tx: Transaction,
    new: NewSubmission,
    message: QueueId | None,
    *,
    release_at_ms: int | None,
    modseq: ModSeq,
    now_ms: int,
) -> int:
    """Remember a submission that is accepted now; return its id. `message`: its number in the queue, if it is there."""
    tx.execute(
        "INSERT INTO submission_counters VALUES (?, 1, 0, ?) ON CONFLICT (account) DO UPDATE SET"
        " latest = latest + 1, recipients = recipients + excluded.recipients",
        (new.account, len(new.recipients)),
    )
    identifier: int = tx.value("SELECT latest FROM submission_counters WHERE account = ?", (new.account,))
    tx.execute(
        "INSERT INTO submissions (account, id, identity, email, thread, envelope, send_at_ms, undo, message,"
        " envelope_id, message_id, created_modseq, modseq, destroyed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            new.account,
            identifier,
            new.identity,
            new.email,
            new.thread,
            new.envelope,
            now_ms if release_at_ms is None else release_at_ms,
            FINAL if release_at_ms is None else PENDING,
            message,
            new.envelope_id,
            new.message_id,
            modseq,
            modseq,
        ),
    )
    tx.execute_many(
        "INSERT INTO submission_recipients (account, submission, position, address, queued_as, delivered, reply,"
        " displayed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                new.account,
                identifier,
                at,
                each.address,
                each.queued_as,
                each.delivered,
                each.reply,
                each.displayed,
            )
            for at, each in enumerate(new.recipients)
        ],
    )
    _forget_oldest(tx, new.account, modseq)
    return identifier


# --- reading


def get(tx: Transaction, account: AccountId, ids: Iterable[int]) -> list[Sent]:
    """These submissions, as far as there are such."""
    found = []
    for identifier in ids:
        row = tx.row(_GET, (account, identifier))
        if row is not None:
            found.append(_sent(tx, account, row))
    return found


def ids(tx: Transaction, account: AccountId) -> list[int]:
    """All submissions of an account, oldest first."""
    rows = tx.rows("SELECT id FROM submissions WHERE account = ? AND destroyed = 0 ORDER BY id", (account,))
    return [identifier for (identifier,) in rows]


class Listed(Struct, frozen=True, gc=False):
    """A submission as queries look at it."""

    id: int
    identity: str
    email: EmailId
    thread: ThreadId
    send_at_ms: int
    undo: str


def listing(tx: Transaction, account: AccountId) -> list[Listed]:
    """All submissions of an account, oldest first; at most some more than `MAX_SUBMISSIONS`."""
    rows = tx.rows(
        "SELECT id, identity, email, thread, send_at_ms, undo FROM submissions"
        " WHERE account = ? AND destroyed = 0 ORDER BY id",
        (account,),
    )
    return [Listed(*row) for row in rows]


def state(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ at which a submission of the account last changed."""
    found: int | None = tx.value("SELECT max(modseq) FROM submissions WHERE account = ?", (account,))
    complete: int | None = tx.value(
        "SELECT complete_from FROM submission_counters WHERE account = ?", (account,)
    )
    return ModSeq(max(found or 0, complete or 0))


def changes(tx: Transaction, account: AccountId, since: ModSeq) -> list[Logged]:
    """What has changed since a state, each once, by its last change. Raises `CannotCalculateChanges`."""
    complete: int | None = tx.value(
        "SELECT complete_from FROM submission_counters WHERE account = ?", (account,)
    )
    if since < (complete or 0) or since > state(tx, account):
        raise CannotCalculateChanges(since)
    rows = tx.rows(
        "SELECT id, created_modseq, modseq, destroyed FROM submissions WHERE account = ? AND modseq > ?"
        " ORDER BY modseq, id",
        (account, since),
    )
    return [Logged(key, created, changed, bool(destroyed)) for key, created, changed, destroyed in rows]


def of_message(tx: Transaction, message: QueueId) -> tuple[AccountId, int] | None:
    """The submission of a queued message, if there is one."""
    row = tx.row("SELECT account, id FROM submissions WHERE message = ? AND destroyed = 0", (message,))
    return (row[0], row[1]) if row else None


def of_email(
    tx: Transaction, account: AccountId, email: EmailId, *, limit: int
) -> list[tuple[int, QueueId | None]]:
    """The last submissions of an email, at most so many, oldest first, each with its message in the queue.

    Goes through all submissions of the account, of which there are few: for a thread.
    """
    rows = tx.rows(
        "SELECT id, message FROM submissions WHERE account = ? AND email = ? AND destroyed = 0"
        " ORDER BY id DESC LIMIT ?",
        (account, email, limit),
    )
    return [(identifier, message) for identifier, message in reversed(rows)]


def message_of(tx: Transaction, account: AccountId, identifier: int) -> tuple[str, QueueId | None] | None:
    """Whether a submission may be undone, and its message in the queue; `None` where there is no such submission."""
    row = tx.row(
        "SELECT undo, message FROM submissions WHERE account = ? AND id = ? AND destroyed = 0",
        (account, identifier),
    )
    return (row[0], row[1]) if row else None


def reported_by(
    tx: Transaction, account: AccountId, *, envelope_id: str | None, message_id: str | None
) -> int | None:
    """The submission that a report with these ids is about, if the account has it."""
    if envelope_id:
        found: int | None = tx.value(
            "SELECT id FROM submissions WHERE account = ? AND envelope_id = ? AND destroyed = 0",
            (account, envelope_id),
        )
        if found is not None:
            return found
    if not message_id:
        return None
    latest: int | None = tx.value(
        "SELECT max(id) FROM submissions WHERE account = ? AND message_id = ? AND destroyed = 0",
        (account, message_id),
    )
    return latest


def recipients(tx: Transaction, account: AccountId, identifier: int) -> tuple[RecipientStatus, ...]:
    """What became of each recipient, in the order of the envelope."""
    rows = tx.rows(
        "SELECT address, delivered, reply, displayed, queued_as FROM submission_recipients"
        " WHERE account = ? AND submission = ? ORDER BY position",
        (account, identifier),
    )
    return tuple(RecipientStatus(*row) for row in rows)


# --- writing, each under a MODSEQ of its own


def update(
    tx: Transaction,
    account: AccountId,
    identifier: int,
    statuses: Sequence[RecipientStatus],
    *,
    undo: str,
    modseq: ModSeq,
) -> None:
    """Write what became of the recipients, all of them in their order."""
    tx.execute_many(
        "UPDATE submission_recipients SET delivered = ?, reply = ?, displayed = ?, queued_as = ?"
        " WHERE account = ? AND submission = ? AND position = ?",
        [
            (
                one.delivered,
                one.reply[:MAX_REPLY_CHARACTERS],
                one.displayed,
                one.queued_as,
                account,
                identifier,
                at,
            )
            for at, one in enumerate(statuses)
        ],
    )
    tx.execute(
        "UPDATE submissions SET undo = ?, modseq = ? WHERE account = ? AND id = ?",
        (undo, modseq, account, identifier),
    )


def set_send_at(
    tx: Transaction, account: AccountId, identifier: int, *, send_at_ms: int, modseq: ModSeq
) -> None:
    """Write when it is to be sent."""
    tx.execute(
        "UPDATE submissions SET send_at_ms = ?, modseq = ? WHERE account = ? AND id = ?",
        (send_at_ms, modseq, account, identifier),
    )


def add_report(
    tx: Transaction, account: AccountId, identifier: int, kind: str, blob: bytes, *, modseq: ModSeq
) -> None:
    """Remember the blob of a report that came, unless there are `MAX_REPORTS`."""
    number: int = tx.value(
        "SELECT count(*) FROM submission_reports WHERE account = ? AND submission = ? AND kind = ?",
        (account, identifier, kind),
    )
    if number < MAX_REPORTS:
        tx.execute(
            "INSERT INTO submission_reports VALUES (?, ?, ?, ?, ?)", (account, identifier, kind, number, blob)
        )
    tx.execute(
        "UPDATE submissions SET modseq = ? WHERE account = ? AND id = ?", (modseq, account, identifier)
    )


def destroy(tx: Transaction, account: AccountId, identifier: int, *, modseq: ModSeq) -> bool:
    """Forget a submission; what it has sent goes its way. False where there is none."""
    done = tx.execute(
        "UPDATE submissions SET destroyed = 1, modseq = ?, envelope = '', message = NULL, message_id = NULL"
        " WHERE account = ? AND id = ? AND destroyed = 0",
        (modseq, account, identifier),
    )
    _drop_parts(tx, account, identifier)
    return done > 0


def remove_account(tx: Transaction, account: AccountId) -> None:
    """Remove all that is kept of an account that is removed."""
    for table in ("submissions", "submission_recipients", "submission_reports", "submission_counters"):
        tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608 - names from above


# --- forgetting


def any_old(tx: Transaction, *, now_ms: int) -> bool:
    """Whether any may be forgotten."""
    return bool(old(tx, before_ms=now_ms - KEPT_MS, limit=1))


def old(tx: Transaction, *, before_ms: int, limit: int) -> list[tuple[AccountId, int, bool]]:
    """Submissions that were to be sent before then and are not pending, and whether they are destroyed already."""
    rows = tx.rows(
        "SELECT account, id, destroyed FROM submissions WHERE send_at_ms < ? AND undo <> ?"
        " ORDER BY send_at_ms LIMIT ?",
        (before_ms, PENDING, limit),
    )
    return [(account, identifier, bool(destroyed)) for account, identifier, destroyed in rows]


def keep_until_next(tx: Transaction, account: AccountId, identifier: int, *, now_ms: int) -> None:
    """Remember for as long again that a destroyed submission was there."""
    tx.execute(
        "UPDATE submissions SET send_at_ms = ? WHERE account = ? AND id = ?", (now_ms, account, identifier)
    )


def drop(tx: Transaction, account: AccountId, identifier: int) -> None:
    """Remove the last trace of a destroyed submission."""
    tx.execute(
        "UPDATE submission_counters SET complete_from = max(complete_from,"
        " coalesce((SELECT modseq FROM submissions WHERE account = ? AND id = ?), 0)) WHERE account = ?",
        (account, identifier, account),
    )
    tx.execute("DELETE FROM submissions WHERE account = ? AND id = ?", (account, identifier))


def _forget_oldest(tx: Transaction, account: AccountId, modseq: ModSeq) -> None:
    """As many as are too many; not what may still be undone."""
    rows: int = tx.value("SELECT count(*) FROM submissions WHERE account = ?", (account,))
    named: int = tx.value("SELECT recipients FROM submission_counters WHERE account = ?", (account,))
    if rows <= MAX_SUBMISSIONS and named <= MAX_RECIPIENTS:
        return
    for identifier, destroyed in tx.rows(
        "SELECT id, destroyed FROM submissions WHERE account = ? AND undo <> ? ORDER BY id LIMIT ?",
        (account, PENDING, FORGOTTEN_TOGETHER),
    ):
        if rows <= MAX_SUBMISSIONS and named <= MAX_RECIPIENTS:
            return
        if not destroyed:
            destroy(tx, account, identifier, modseq=modseq)
        drop(tx, account, identifier)
        rows -= 1
        named = tx.value("SELECT recipients FROM submission_counters WHERE account = ?", (account,))


def _drop_parts(tx: Transaction, account: AccountId, identifier: int) -> None:
    gone = tx.execute(
        "DELETE FROM submission_recipients WHERE account = ? AND submission = ?", (account, identifier)
    )
    tx.execute(
        "UPDATE submission_counters SET recipients = recipients - ? WHERE account = ?", (gone, account)
    )
    tx.execute("DELETE FROM submission_reports WHERE account = ? AND submission = ?", (account, identifier))


_COLUMNS = "id, identity, email, thread, envelope, send_at_ms, undo"
_GET = f"SELECT {_COLUMNS} FROM submissions WHERE account = ? AND id = ? AND destroyed = 0"  # noqa: S608 - a constant


def _sent(tx: Transaction, account: AccountId, row: tuple[Any, ...]) -> Sent:
    identifier, identity, email, thread, envelope, send_at_ms, undo = row
    reports = tx.rows(
        "SELECT kind, blob FROM submission_reports WHERE account = ? AND submission = ? ORDER BY kind, number",
        (account, identifier),
    )
    return Sent(
        id=identifier,
        identity=identity,
        email=email,
        thread=thread,
        envelope=envelope,
        send_at_ms=send_at_ms,
        undo=undo,
        recipients=recipients(tx, account, identifier),
        dsn_blobs=tuple(blob for kind, blob in reports if kind == DSN),
        mdn_blobs=tuple(blob for kind, blob in reports if kind == MDN),
    )
