"""From a source into a mailbox, a batch at a time.

A batch is at most `BATCH_MESSAGES` and about `BATCH_OCTETS`; memory holds one. A large message goes to a file
before the transaction, as one from the network does.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from pillarbox.admin.importing import checkpoint
from pillarbox.admin.importing.source import Item, Mark, PassedOver, Source
from pillarbox.directory import quota
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, Transaction

BATCH_MESSAGES = 200
BATCH_OCTETS = 16 * 1024 * 1024


@dataclass(slots=True)
class ImportResult:
    """What came of it."""

    stored: int = 0
    passed_over: list[PassedOver] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """Messages ready to be stored together, and the marks that say so."""

    arrivals: list[Arrival] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    octets: int = 0
    end: int = 0


def run_import(
    database: Database,
    blobs: Blobs,
    account: AccountId,
    source: Source,
    *,
    now_ms: int,
    outside: Callable[[], AbstractContextManager[None]] = nullcontext,
    progress: Callable[[int, ImportResult], None] = lambda _octets, _brought: None,
) -> ImportResult:
    """Store what of the source was not stored before. `progress` hears octets read, and what came of it.

    `outside`: the context in which the source is read, where files of others need other rights.

    Raises OSError, `SourceChanged`, or `OverQuota`; what was stored until then stays, and is not stored again.
    """
    brought = ImportResult()
    last = database.read_now(checkpoint.last, account, source.name)

    def taken(item: str) -> bool:
        return database.read_now(checkpoint.taken, account, source.name, item)

    found = _within(outside, source.read(last, taken))
    for batch in _batches(found, blobs, brought, now_ms):
        try:
            database.write_now(_store, account, source, batch, now_ms=now_ms)
        except BaseException:
            for arrival in batch.arrivals:
                blobs.discard(arrival.message.blob)
            raise
        brought.stored += len(batch.arrivals)
        progress(batch.end, brought)
    return brought


def _within(
    outside: Callable[[], AbstractContextManager[None]], found: Iterator[Item | PassedOver]
) -> Iterator[Item | PassedOver]:
    """The same, each step of finding done in that context."""
    while True:
        with outside():
            one = next(found, None)
        if one is None:
            return
        yield one


def _batches(
    found: Iterable[Item | PassedOver], blobs: Blobs, brought: ImportResult, now_ms: int
) -> Iterator[_Batch]:
    batch = _Batch()
    for one in found:
        if one.mark:
            batch.marks[one.mark.item] = one.mark
        batch.end = one.end
        if isinstance(one, PassedOver):
            brought.passed_over.append(one)
            continue
        batch.arrivals.append(_arrival(one, blobs, now_ms))
        batch.octets += len(one.octets)
        if len(batch.arrivals) == BATCH_MESSAGES or batch.octets >= BATCH_OCTETS:
            yield batch
            batch = _Batch()
    if batch.marks:
        yield batch


def _arrival(item: Item, blobs: Blobs, now_ms: int) -> Arrival:
    summary = summarize(item.octets)
    received = item.received_at_ms or summary.sent_at_ms or now_ms
    return Arrival(Message(blobs.keep_ready(item.octets), summary), item.flags, received)


def _store(tx: Transaction, account: AccountId, source: Source, batch: _Batch, *, now_ms: int) -> None:
    if batch.arrivals:
        mailbox = _mailbox(tx, account, source.mailbox, now_ms)
        limit = quota.effective(tx, account)
        append_all(tx, account, mailbox.id, batch.arrivals, now_ms=now_ms, quota_octets=limit)
    for mark in batch.marks.values():
        checkpoint.remember(tx, account, source.name, mark)


def _mailbox(tx: Transaction, account: AccountId, name: str, now_ms: int) -> Mailbox:
    try:
        return mailboxes.by_name(tx, account, name)
    except NoSuchMailbox:
        made = mailboxes.create(tx, account, name, now_ms=now_ms)
        mailboxes.subscribe(tx, account, name)
        return made
