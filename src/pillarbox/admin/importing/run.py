"""Importing a source into a mailbox, batch by batch.

A batch is at most `MAX_BATCH_MESSAGES` and about `MAX_BATCH_OCTETS`; only one is in memory. A large message is
written to a file before the transaction, like one from the network. A message of several mailboxes is stored once, and
copied.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby

from pillarbox.admin.fitting_flags import LeftOut, fitted
from pillarbox.admin.importing import checkpoint
from pillarbox.admin.importing.reading import why
from pillarbox.admin.importing.source import (
    AlreadyImported,
    Checkpoint,
    Found,
    SkippedMessage,
    Source,
    SourceMailbox,
    SourceMessage,
)
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory import quota
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.store.mailbox import DEFAULT_MAILBOXES, Mailbox
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

MAX_BATCH_MESSAGES = 200
MAX_BATCH_OCTETS = 16 * 1024 * 1024
MAX_BATCH_CHECKPOINTS = 2_000
"""Saved at once; more than messages where those of an earlier run are recorded anew."""
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999. A file may say anything; another date is none."""
MAX_SKIPPED = 10_000
"""Skipped messages that are listed; further ones are counted."""
MAX_MAILBOXES = 5_000
"""An account gets no more by an import, as from a client; what is for further ones comes into the source's own."""


_Messages = Iterator[Found]


@dataclass(slots=True)
class ImportResult:
    """What was imported and what was not."""

    stored: int = 0
    already: int = 0
    """Messages that were imported before, by an earlier run or from another source."""
    skipped: list[SkippedMessage] = field(default_factory=list)
    unlisted: int = 0
    """Skipped beyond `MAX_SKIPPED`: a file may be made of nothing else."""
    mailboxes: set[str] = field(default_factory=set)
    """Into which messages were stored."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Keywords that messages were stored without."""

    def skip(self, message: SkippedMessage) -> None:
        """Note what could not be imported."""
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append(message)
        else:
            self.unlisted += 1

    def add(self, other: "ImportResult") -> None:
        """Count what another run has done as well."""
        self.stored += other.stored
        self.already += other.already
        for skipped in other.skipped:
            self.skip(skipped)
        self.unlisted += other.unlisted
        self.mailboxes |= other.mailboxes
        self.left_out.add(other.left_out)


@dataclass(slots=True)
class _Batch:
    """Messages ready to be stored together, and their checkpoints."""

    arrivals: list[tuple[tuple[str, ...], Arrival]] = field(default_factory=list)
    """With the mailboxes of each."""
    identities: set[str] = field(default_factory=set)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    octets: int = 0
    end: int = 0


@may(OPERATOR)
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

    That the source can't be read further is among the skipped. Raises `OverQuota`, or the errors of database and blobs;
    what was stored until then stays and is not imported again.
    """
    result = ImportResult()

    def checkpoint_of(item: str) -> Checkpoint | None:
        return database.read_now(checkpoint.find, account, source.name, item)

    def is_known(identity: str) -> bool:
        return database.read_now(checkpoint.find, account, checkpoint.IDENTITIES, identity) is not None

    messages = _within(source_context, source, source.read(checkpoint_of))
    for batch in _batches(messages, blobs, result, now_ms, max_batch_messages, is_known):
        try:
            mailboxes_used, left_out = database.write_now(_store, account, source, batch, now_ms=now_ms)
        except DatabaseUnavailable:
            raise  # after a crash it may turn out to be durable
        except BaseException:
            for _, arrival in batch.arrivals:
                blobs.discard(arrival.message.blob)
            raise
        result.stored += len(batch.arrivals)
        result.mailboxes |= mailboxes_used
        result.left_out.add(left_out)
        progress(batch.end, result)
    return result


def _within(
    source_context: Callable[[], AbstractContextManager[None]], source: Source, messages: _Messages
) -> _Messages:
    """The same messages, each read in that context; where the source can't be read further, that comes last."""
    end, failure = 0, None
    while failure is None:
        with source_context():
            try:
                message = next(messages, None)
            except OSError as raised:
                message, failure = None, raised
        if message is not None:
            end = message.end
            yield message
        elif failure is None:
            return
    yield SkippedMessage(str(failure.filename or source.name), why(failure), None, end)


def _batches(
    messages: _Messages,
    blobs: Blobs,
    result: ImportResult,
    now_ms: int,
    max_messages: int,
    is_known: Callable[[str], bool],
) -> Iterator[_Batch]:
    batch = _Batch()
    for message in messages:
        batch.checkpoints |= {saved.item: saved for saved in _checkpoints(message)}
        batch.end = message.end
        match message:
            case SkippedMessage():
                result.skip(message)
            case AlreadyImported():
                result.already += message.messages
            case SourceMessage(identity=identity) if identity and (
                identity in batch.identities or is_known(identity)
            ):
                result.already += 1
            case SourceMessage():
                if message.identity:
                    batch.identities.add(message.identity)
                batch.arrivals.append((message.mailboxes, _arrival(message, blobs, now_ms)))
                batch.octets += len(message.octets)
        if (
            len(batch.arrivals) == max_messages
            or batch.octets >= MAX_BATCH_OCTETS
            or len(batch.checkpoints) >= MAX_BATCH_CHECKPOINTS
        ):
            yield batch
            batch = _Batch()
    if batch.checkpoints:
        yield batch


def _checkpoints(message: Found) -> Iterator[Checkpoint]:
    if isinstance(message, AlreadyImported):
        yield from message.checkpoints
        return
    if message.checkpoint:
        yield message.checkpoint
    if message.also:
        yield message.also


def _arrival(message: SourceMessage, blobs: Blobs, now_ms: int) -> Arrival:
    summary = summarize(message.octets)
    dates = (message.received_at_ms, summary.sent_at_ms, now_ms)
    received = next(at_ms for at_ms in dates if at_ms is not None and FIRST_MS <= at_ms <= LAST_MS)
    return Arrival(Message(blobs.keep_ready(message.octets), summary), message.flags, received)


def _store(
    tx: Transaction, account: AccountId, source: Source, batch: _Batch, *, now_ms: int
) -> tuple[set[str], LeftOut]:
    """Store a batch; returns the mailboxes that it came into, and the keywords that they had no room for."""
    used, left_out = set[str](), LeftOut()
    limit = quota.effective(tx, account)
    for names, group in groupby(batch.arrivals, key=lambda arrival: arrival[0]):
        first, *others = _mailboxes(tx, account, names or (source.mailbox,), source.mailbox, now_ms)
        used |= {mailbox.name for mailbox in (first, *others)}
        places = [mailbox.id for mailbox in (first, *others)]
        arrivals = fitted(tx, account, places, [arrival for _, arrival in group], left_out)
        appended = append_all(tx, account, first.id, arrivals, now_ms=now_ms, quota_octets=limit)
        uids = NumberSet(((appended[0].uid, appended[-1].uid),))
        for other in others:
            placements.copy(tx, account, first.id, uids, to=other.id, now_ms=now_ms)
    for saved in batch.checkpoints.values():
        checkpoint.save(tx, account, source.name, saved)
    for identity in batch.identities:
        checkpoint.save(tx, account, checkpoint.IDENTITIES, Checkpoint(identity))
    return used, left_out


def _mailboxes(
    tx: Transaction, account: AccountId, names: Sequence[str], other: str, now_ms: int
) -> list[Mailbox]:
    """The mailboxes of these names; where no more can be created, the other one, or INBOX."""
    found = dict[str, Mailbox]()
    for name in names:
        for possible in (name, other, INBOX):
            try:
                found.setdefault(possible, _mailbox_for_messages(tx, account, possible, now_ms))
            except mailboxes.TooManyNames:
                continue
            break
    return [*{mailbox.id: mailbox for mailbox in found.values()}.values()]


@may(OPERATOR)
def create_mailboxes(
    tx: Transaction, account: AccountId, found: Sequence[SourceMailbox], *, now_ms: int
) -> None:
    """Create the mailboxes of a source, also those without messages.

    One that exists keeps its role, and stays subscribed, unless it is empty: then it is as the source has it.
    """
    for wanted in found:
        try:
            mailbox = _mailbox(tx, account, wanted, now_ms)
        except mailboxes.TooManyNames:
            continue
        if wanted.subscribed or not mailbox.messages:
            mailboxes.subscribe(tx, account, wanted.name, subscribed=wanted.subscribed)
        if wanted.role in (None, mailbox.role) or (mailbox.role and mailbox.messages):
            continue
        holder = mailboxes.by_role(tx, account, wanted.role)
        if holder is None or not holder.messages:
            mailboxes.set_role(tx, account, mailbox.id, wanted.role)


@may(OPERATOR)
def subscribe(tx: Transaction, account: AccountId, names: Sequence[str]) -> None:
    """Subscribe names that have no mailbox."""
    for name in names:
        mailboxes.subscribe(tx, account, name)


def _mailbox(tx: Transaction, account: AccountId, wanted: SourceMailbox, now_ms: int) -> Mailbox:
    """The mailbox of this name, created if need be. Raises `TooManyNames`."""
    try:
        return mailboxes.by_name(tx, account, wanted.name)
    except NoSuchMailbox:
        created = mailboxes.create(tx, account, wanted.name, now_ms=now_ms, most=MAX_MAILBOXES)
        mailboxes.subscribe(tx, account, wanted.name, subscribed=wanted.subscribed)
        return created


def _mailbox_for_messages(tx: Transaction, account: AccountId, name: str, now_ms: int) -> Mailbox:
    """The mailbox of this name; where it is `Sent`, and the account's mailbox for sent mail has another name, that."""
    role = DEFAULT_MAILBOXES.get(name)
    try:
        return mailboxes.by_name(tx, account, name)
    except NoSuchMailbox:
        used = mailboxes.by_role(tx, account, role) if role else None
        return used or _mailbox(tx, account, SourceMailbox(name), now_ms)
