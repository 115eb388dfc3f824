"""Importing a source into a mailbox, batch by batch.

A batch is at most `MAX_BATCH_MESSAGES` and about `MAX_BATCH_OCTETS`; only one is in memory. A large message is
written to a file before the transaction, like one from the network.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from pillarbox.admin.importing import checkpoint
from pillarbox.admin.importing.source import Checkpoint, SkippedMessage, Source, SourceMessage
from pillarbox.directory import quota
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, Transaction

MAX_BATCH_MESSAGES = 200
MAX_BATCH_OCTETS = 16 * 1024 * 1024


@dataclass(slots=True)
class ImportResult:
    """What was imported and what was not."""

    stored: int = 0
    skipped: list[SkippedMessage] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """Messages ready to be stored together, and their checkpoints."""

    arrivals: list[Arrival] = field(default_factory=list)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    octets: int = 0
    end: int = 0


def run_import(
    database: Database,
    blobs: Blobs,
    account: AccountId,
    source: Source,
    *,
    now_ms: int,
    source_context: Callable[[], AbstractContextManager[None]] = nullcontext,
    progress: Callable[[int, ImportResult], None] = lambda _octets, _result: None,
    max_batch_messages: int = MAX_BATCH_MESSAGES,
) -> ImportResult:
    """Import the messages of the source that were not imported before.

    `source_context`: the context in which the source is read, for files that need other rights. `progress`: called with
    the octets read and the result so far. `max_batch_messages`: messages of one transaction.

    Raises OSError, `SourceChanged`, or `OverQuota`; what was stored until then stays and is not imported again.
    """
    result = ImportResult()
    latest = database.read_now(checkpoint.latest, account, source.name)

    def is_imported(item: str) -> bool:
        return database.read_now(checkpoint.is_imported, account, source.name, item)

    messages = _within(source_context, source.read(latest, is_imported))
    for batch in _batches(messages, blobs, result, now_ms, max_batch_messages):
        try:
            database.write_now(_store, account, source, batch, now_ms=now_ms)
        except BaseException:
            for arrival in batch.arrivals:
                blobs.discard(arrival.message.blob)
            raise
        result.stored += len(batch.arrivals)
        progress(batch.end, result)
    return result


def _within(
    source_context: Callable[[], AbstractContextManager[None]],
    messages: Iterator[SourceMessage | SkippedMessage],
) -> Iterator[SourceMessage | SkippedMessage]:
    """The same messages, each read in that context."""
    while True:
        with source_context():
            message = next(messages, None)
        if message is None:
            return
        yield message


def _batches(
    messages: Iterable[SourceMessage | SkippedMessage],
    blobs: Blobs,
    result: ImportResult,
    now_ms: int,
    max_messages: int,
) -> Iterator[_Batch]:
    batch = _Batch()
    for message in messages:
        if message.checkpoint:
            batch.checkpoints[message.checkpoint.item] = message.checkpoint
        batch.end = message.end
        if isinstance(message, SkippedMessage):
            result.skipped.append(message)
            continue
        batch.arrivals.append(_arrival(message, blobs, now_ms))
        batch.octets += len(message.octets)
        if len(batch.arrivals) == max_messages or batch.octets >= MAX_BATCH_OCTETS:
            yield batch
            batch = _Batch()
    if batch.checkpoints:
        yield batch


def _arrival(message: SourceMessage, blobs: Blobs, now_ms: int) -> Arrival:
    summary = summarize(message.octets)
    received = message.received_at_ms or summary.sent_at_ms or now_ms
    return Arrival(Message(blobs.keep_ready(message.octets), summary), message.flags, received)


def _store(tx: Transaction, account: AccountId, source: Source, batch: _Batch, *, now_ms: int) -> None:
    if batch.arrivals:
        mailbox = _mailbox(tx, account, source.mailbox, now_ms)
        limit = quota.effective(tx, account)
        append_all(tx, account, mailbox.id, batch.arrivals, now_ms=now_ms, quota_octets=limit)
    for saved in batch.checkpoints.values():
        checkpoint.save(tx, account, source.name, saved)


def _mailbox(tx: Transaction, account: AccountId, name: str, now_ms: int) -> Mailbox:
    try:
        return mailboxes.by_name(tx, account, name)
    except NoSuchMailbox:
        created = mailboxes.create(tx, account, name, now_ms=now_ms)
        mailboxes.subscribe(tx, account, name)
        return created
