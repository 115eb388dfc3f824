"""Mailboxes in use, cached in memory and kept current from the change log: the cache, and the verbs that fill it.

SELECT, FETCH FLAGS, STORE and searches by flag are answered from here without reading a row per message.
The cache belongs to one process and to its event loop. It holds committed state only, and no verb touches it:

    known = cache.version(account, mailbox)
    reading = await database.read(read, account, mailbox, known)
    cached = cache.take(account, mailbox, known, reading)

`read` returns what changed since `known`, or everything; where that is much it can refuse, and everything is read in
a thread. `take` applies a reading only to the state it was read
for. Where another task has moved the entry on meanwhile it returns `None`, and the caller reads again. One row is
read where nothing changed.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from pillarbox.mail.flags import NO_KEYWORDS
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.store import changes, flag_runs, mailbox_counts
from pillarbox.store.account_counters import MAX_MODSEQ, NoSuchMailbox
from pillarbox.store.cached_mailbox import LOOKED_AT, RECOUNT_OCTETS, CachedMailbox, Version
from pillarbox.store.changes import Delta, TooMuchChanged
from pillarbox.store.flags import FlagChange
from pillarbox.world.database import DatabaseDamaged, Transaction

MAX_WEIGHT: Final = 1_000_000
"""Messages in the cache of a process; beyond, the least recently used mailboxes go."""
MAX_MAILBOXES: Final = 4_096
"""Mailboxes in the cache of a process."""
MAX_APPLIED: Final = 1000
"""Different flags, and runs of messages, up to which a change is applied to a cached mailbox: some milliseconds. With
more, the mailbox is read again, in a thread."""
READ_TOGETHER: Final = 5_000
"""Rows that are read together, so that the thread which reads a large mailbox lets the loop run between."""


# --- reading


class Head(NamedTuple):
    """A mailbox's own row, as far as the cache and SELECT need it."""

    mailbox: MailboxId
    first_recent: Uid
    """The first UID that no session has claimed as \\Recent."""
    uid_next: Uid
    uid_validity: UidValidity
    modseq: ModSeq
    """The highest of the mailbox."""


class Reading(NamedTuple):
    """What one transaction saw of a mailbox that has changed since the version that its reader knew."""

    head: Head
    delta: Delta | None
    """What has changed since that version."""
    everything: CachedMailbox | None
    """In place of `delta`, the whole mailbox: where no version was known, or none that leads to this one."""


_VERSION: Final = "SELECT uid_validity, highest_modseq FROM mailboxes WHERE account = ? AND id = ?"
_HEAD: Final = "SELECT id, first_recent, uid_next, uid_validity, highest_modseq FROM mailboxes"
_HEAD_BY_ID: Final = _HEAD + " WHERE account = ? AND id = ?"
_HEAD_BY_NAME: Final = _HEAD + " WHERE account = ? AND name = ?"


def head_by_name(tx: Transaction, account: AccountId, name: str) -> Head:
    """A mailbox's row, by its canonical name. Raises `NoSuchMailbox`."""
    row = tx.row(_HEAD_BY_NAME, (account, name))
    if row is None:
        raise NoSuchMailbox(name)
    return Head(*row)


def stored_version(tx: Transaction, account: AccountId, mailbox: MailboxId) -> Version | None:
    """Which state a mailbox is in; `None` where there is no such mailbox."""
    row = tx.row(_VERSION, (account, mailbox))
    return None if row is None else Version(*row)


def _head(account: AccountId, row: tuple[int, ...]) -> Head:
    """The row of a mailbox that is to be read: where the cache has it, its numbers were checked then."""
    if {*map(type, row)} != {int} or max(row) > MAX_MODSEQ:
        raise flag_runs.damaged(account, MailboxId(row[0]))
    return Head(*row)  # type: ignore[arg-type] # in this order


def read(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    known: Version | None,
    *,
    max_rows: int | None = None,
) -> Reading | None:
    """What has become of a mailbox since `known`; `None` where nothing has.

    Raises `NoSuchMailbox`, or `TooMuchChanged` where that would go through more than `max_rows` messages.
    """
    row = tx.row(_HEAD_BY_ID, (account, mailbox))
    if row is None:
        raise NoSuchMailbox(mailbox)
    if known == row[3:]:
        return None
    head = _head(account, row)
    if known is None or known.uid_validity != head.uid_validity or known.modseq > head.modseq:
        if max_rows is not None and mailbox_counts.read(tx, account, mailbox).messages > max_rows:
            raise TooMuchChanged(mailbox)
        return Reading(head, None, _everything(tx, account, head))
    delta = changes.since(tx, account, mailbox, known.modseq, highest=head.modseq, max_rows=max_rows)
    return Reading(head, delta, None)


def load(
    tx: Transaction, account: AccountId, mailbox: MailboxId, *, together: int = READ_TOGETHER
) -> CachedMailbox:
    """The whole mailbox, read again, so many rows at a time. Raises `NoSuchMailbox`."""
    row = tx.row(_HEAD_BY_ID, (account, mailbox))
    if row is None:
        raise NoSuchMailbox(mailbox)
    return _everything(tx, account, _head(account, row), together)


def _everything(
    tx: Transaction, account: AccountId, head: Head, together: int = READ_TOGETHER
) -> CachedMailbox:
    try:
        uids, flags, modseqs, texts = _runs(tx, account, head, together)
    except (TypeError, OverflowError) as wrong:  # what is no number
        raise flag_runs.damaged(account, head.mailbox) from wrong
    flag_runs.check_texts(account, head.mailbox, texts)
    if modseqs and max(modseqs) > head.modseq:
        raise flag_runs.damaged(account, head.mailbox)
    if len(uids) < mailbox_counts.read(tx, account, head.mailbox).messages:
        raise flag_runs.damaged(account, head.mailbox)  # no message may be there and not be seen
    found = CachedMailbox(
        account,
        head.mailbox,
        Version(head.uid_validity, head.modseq),
        head.uid_next,
        uids,
        flags,
        modseqs,
        text_octets := sum(map(len, texts)),
        RECOUNT_OCTETS + 2 * text_octets,
        NO_KEYWORDS.including(texts),
    )
    found.first_unseen()  # here, rather than in the loop when it is asked for
    found.deleted()
    return found


def _runs(
    tx: Transaction, account: AccountId, head: Head, together: int
) -> "tuple[array[int], list[str], array[int], dict[str, str]]":
    """UIDs, flags and MODSEQs of all messages, and the different flags."""
    uids, flags, modseqs = array("I"), list[str](), array("Q")
    texts: dict[str, str] = {}
    last = 0
    while runs := tx.rows(_SOME_RUNS, (account, head.mailbox, last, together)):
        last = runs[-1][0]
        counts = [run[1] for run in runs]
        if len(uids) + sum(counts) >= head.uid_next:
            raise DatabaseDamaged(
                f"mailbox {head.mailbox} of account {account} has flags of too many messages"
            )
        shared = [texts.setdefault(run[2], run[2]) for run in runs]
        if len(runs) == sum(counts):
            uids.extend([run[0] for run in runs])
            flags += shared
            modseqs.extend([run[3] for run in runs])
            continue
        for (first, number, _, modseq), text in zip(runs, shared, strict=True):
            for start in range(first, first + number, LOOKED_AT):
                uids.extend(range(start, min(first + number, start + LOOKED_AT)))
            flags += [text] * number
            modseqs.extend(array("Q", [modseq]) * number)
    return uids, flags, modseqs, texts


_SOME_RUNS: Final = """
SELECT uid, more + 1, flags, modseq FROM flags WHERE account = ? AND mailbox = ? AND uid > ?
ORDER BY uid LIMIT ?"""


# --- the cache


class MailboxCache:
    """The cache of a process, bounded; the least recently used mailboxes go first."""

    __slots__ = ("_kept", "_max_weight", "_weight", "_weights")

    def __init__(self, max_weight: int = MAX_WEIGHT) -> None:
        self._max_weight = max_weight
        self._weight = 0
        self._kept: OrderedDict[tuple[AccountId, MailboxId], CachedMailbox] = OrderedDict()
        self._weights: dict[tuple[AccountId, MailboxId], int] = {}
        """What each was counted with."""

    def __len__(self) -> int:
        return len(self._kept)

    def peek(self, account: AccountId, mailbox: MailboxId) -> CachedMailbox | None:
        """The mailbox as it was last seen, if it is in the cache."""
        return self._kept.get((account, mailbox))

    def version(self, account: AccountId, mailbox: MailboxId) -> Version | None:
        """Which state of the mailbox is in the cache, if any: to be given to `read`, and then to `take`."""
        cached = self._kept.get((account, mailbox))
        return None if cached is None else cached.version

    def current(self, account: AccountId, head: Head) -> CachedMailbox | None:
        """The mailbox, if the cache holds it exactly as this row describes it."""
        key = account, head.mailbox
        cached = self._kept.get(key)
        if cached is None or cached.version != (head.uid_validity, head.modseq):
            return None
        self._kept.move_to_end(key)
        return cached

    def take(
        self, account: AccountId, mailbox: MailboxId, known: Version | None, reading: Reading | None
    ) -> CachedMailbox | None:
        """Bring the cache to the state that was read; the mailbox as of then.

        `None` where the cache no longer holds `known`, the version that the reading starts from: read again.
        While a mailbox is in the cache, the result is the same object.
        """
        key = account, mailbox
        cached = self._kept.get(key)
        if cached is None:
            if known is not None or reading is None or reading.everything is None:
                return None
            return self._keep(key, reading.everything)
        if cached.version != known:
            return None
        if reading is None:
            self._kept.move_to_end(key)
            return cached
        if reading.everything is not None:
            return self._keep(key, reading.everything)
        assert reading.delta is not None, "a reading has either"
        cached.advance(reading.delta, reading.head.uid_next)
        return self._keep(key, cached)

    def apply(self, account: AccountId, mailbox: MailboxId, altered: FlagChange) -> None:
        """Apply what `flags.alter` did, if the mailbox is here; where that is much, it is to be read again."""
        for _ in self.applying(account, mailbox, altered):
            pass

    def applying(self, account: AccountId, mailbox: MailboxId, altered: FlagChange) -> Iterator[None]:
        """`apply` in steps, between which others may run; see `CachedMailbox.applying`."""
        key = account, mailbox
        cached = self._kept.get(key)
        if cached is None:
            return
        if len(altered.rewritten) > MAX_APPLIED or len(altered.uids.runs) > MAX_APPLIED:
            self.forget(account, mailbox)
            return
        yield from cached.applying(altered)
        if self._kept.get(key) is cached:
            self._keep(key, cached)

    def forget(self, account: AccountId, mailbox: MailboxId) -> None:
        """Remove a mailbox from the cache."""
        key = account, mailbox
        if self._kept.pop(key, None) is not None:
            self._weight -= self._weights.pop(key)

    def _keep(self, key: tuple[AccountId, MailboxId], cached: CachedMailbox) -> CachedMailbox:
        self._kept[key] = cached
        self._kept.move_to_end(key)
        weight = cached.weight
        self._weight += weight - self._weights.get(key, 0)
        self._weights[key] = weight
        while len(self._kept) > 1 and (self._weight > self._max_weight or len(self._kept) > MAX_MAILBOXES):
            self.forget(*next(iter(self._kept)))
        return cached
