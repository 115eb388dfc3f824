"""Emails and threads of mailboxes, counted as JMAP does: in memory, and kept current from the change log.

The rows of mailboxes have counts of messages; JMAP's are others (RFC 8621 §2). An email that has `\\Deleted` is not
there, unread is what has neither `\\Seen` nor `\\Draft`, and whether a thread is unread depends on its emails in all
mailboxes. So an account is counted once, and then only the threads are looked at that have changed: what each of them
adds to the counts is kept, in twelve octets.

As `mailbox_cache`, the cache belongs to one process and its event loop, holds committed state only, and is filled by a
verb:

    known = cache.version(account)
    counted = cache.take(account, known, await database.read(read, account, known))
"""

from array import array
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, affected, changes, emails, flag_runs, states, unfinished_copies
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.emails import Email
from pillarbox.store.fetch import FLAGS_OF_MESSAGE
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction

MAX_WEIGHT: Final = 1_000_000
"""Threads in the cache of a process, about; beyond, the accounts that were least recently used go."""
READ_TOGETHER: Final = 1_000
"""Emails that are read together, so that the thread which counts a large account lets the loop run between."""
MAX_ROWS: Final = 1_000
"""Messages that are looked at in the loop: some milliseconds."""
MAX_ROWS_IN_THREAD: Final = 10_000
"""And in a thread; more changes than that cost more than counting the account again."""

Thread: TypeAlias = tuple[tuple[tuple[MailboxId, str], ...], ...]
"""The emails of a thread: of each, the mailboxes and flags of its messages."""


class Version(NamedTuple):
    """Which state of an account this is."""

    modseq: ModSeq
    trash: MailboxId | None
    """The mailbox that is a world of its own."""


class Share(NamedTuple):
    """What a thread adds to the counts."""

    mailboxes: tuple[tuple[MailboxId, int, int], ...] = ()
    """Mailboxes that have it, with the number of its emails there, and of those that are unread."""
    is_unread: bool = False
    """Whether an email is unread that is not in the trash alone."""
    is_unread_in_trash: bool = False


NOTHING: Final = Share()


class Counts(NamedTuple):
    """The counts of a mailbox (RFC 8621 §2)."""

    total_emails: int = 0
    unread_emails: int = 0
    total_threads: int = 0
    unread_threads: int = 0


# --- what threads add


@lru_cache(maxsize=8192)
def share_of(thread: Thread, trash: MailboxId | None) -> Share:
    """What a thread adds to the counts."""
    counted: dict[MailboxId, list[int]] = {}
    is_unread = in_trash = False
    for messages in thread:
        is_new = not any(flag_text.SEEN in flags or flag_text.DRAFT in flags for _, flags in messages)
        boxes = {mailbox for mailbox, _ in messages}
        for mailbox in boxes:
            numbers = counted.setdefault(mailbox, [0, 0])
            numbers[0] += 1
            numbers[1] += is_new
        is_unread |= is_new and boxes != {trash}
        in_trash |= is_new and trash in boxes
    shares = tuple((box, total, unread) for box, (total, unread) in sorted(counted.items()))
    return Share(shares, is_unread, in_trash)


def _of_emails(several: Iterable[Email], trash: MailboxId | None) -> Share:
    return share_of(
        tuple(sorted(tuple((one.mailbox, one.flags) for one in email.placed) for email in several)), trash
    )


class CountedAccount:
    """The counts of an account's mailboxes, exactly as of `version`."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._threads = array("Q")
        """Ascending; with those that are gone, whose share is `NOTHING`."""
        self._shares = array("I")
        """Of each, the place of its share among all different ones."""
        self._different: list[Share] = [NOTHING]
        self._places: dict[Share, int] = {NOTHING: 0}
        self._counts: dict[MailboxId, list[int]] = {}

    @property
    def weight(self) -> int:
        """What it takes of memory, in threads."""
        return len(self._threads) + 20 * len(self._different)

    def of(self, mailbox: MailboxId) -> Counts:
        """The counts of a mailbox."""
        return Counts(*self._counts.get(mailbox, ()))

    def add(self, shares: Iterable[tuple[int, Share]]) -> None:
        """Threads that were not there, ascending, behind all others."""
        places = array("I")
        for thread, share in shares:
            self._threads.append(thread)
            places.append(self._place(share))
        self._shares.extend(places)
        for place, number in Counter(places).items():
            self._count(self._different[place], number)

    def change(self, shares: Mapping[int, Share]) -> None:
        """What has become of these threads."""
        for thread, share in shares.items():
            place = bisect_left(self._threads, thread)
            if place == len(self._threads) or self._threads[place] != thread:
                self._threads.insert(place, thread)
                self._shares.insert(place, 0)
            before = self._different[self._shares[place]]
            if before != share:
                self._count(before, -1)
                self._count(share, 1)
                self._shares[place] = self._place(share)

    def _place(self, share: Share) -> int:
        place = self._places.get(share)
        if place is None:
            place = self._places[share] = len(self._different)
            self._different.append(share)
        return place

    def _count(self, share: Share, threads: int) -> None:
        for mailbox, total, unread in share.mailboxes:
            counts = self._counts.setdefault(mailbox, [0, 0, 0, 0])
            is_unread = share.is_unread_in_trash if mailbox == self.version.trash else share.is_unread
            for place, number in enumerate((total, unread, 1, is_unread)):
                counts[place] += threads * number


# --- reading


class Reading(NamedTuple):
    """What one transaction saw of an account that has changed since the version that its reader knew."""

    version: Version
    changed: dict[int, Share]
    """Threads that may have changed."""
    everything: CountedAccount | None
    """In place of that, all that there is: where no version was known, or none that leads to this one."""


def read(
    tx: Transaction, account: AccountId, known: Version | None, *, max_rows: int | None = MAX_ROWS
) -> Reading | None:
    """What has become of an account since `known`; `None` where nothing has.

    Raises `NoSuchAccount`, `ValuesDamaged`, or `TooMuchToRead` where that would go through more than `max_rows`
    messages: then it is read in a thread, without that limit.
    """
    version = Version(account_counters.modseq(tx, account), _trash(tx, account))
    if known == version:
        return None
    limit = MAX_ROWS_IN_THREAD if max_rows is None else max_rows
    if known is not None and known.trash == version.trash and known.modseq < version.modseq:
        rows = changes.log(tx, account, known.modseq, limit=limit + 1)
        is_known = known.modseq >= states.read(tx, account).logged_from
        if is_known and len(rows) <= limit and affected.number(rows) <= limit:
            changed = affected.threads(tx, account, rows)
            there = emails.of_threads(tx, account, changed, most=max_rows)
            shares = {thread: _of_emails(there.get(thread, ()), version.trash) for thread in changed}
            return Reading(version, shares, None)
    if max_rows is not None and account_counters.usage(tx, account).messages > max_rows:
        raise TooMuchToRead(account)
    return Reading(version, {}, _everything(tx, account, version))


def _trash(tx: Transaction, account: AccountId) -> MailboxId | None:
    found: MailboxId | None = tx.value(_TRASH, (account, Role.TRASH.value))
    return found


_TRASH: Final = "SELECT id FROM mailboxes WHERE account = ? AND role = ? ORDER BY id"


def _everything(tx: Transaction, account: AccountId, version: Version) -> CountedAccount:
    counted = CountedAccount(version)
    first, last = account_counters.email_bounds(account)
    hidden = unfinished_copies.of_account(tx, account)
    after = first - 1
    while after < last:
        end: int = tx.value(_END, (after, last, READ_TOGETHER)) or last
        rows = tx.rows(_SOME, (after, end, after, end, account))
        flag_runs.check_texts(account, MailboxId(0), {row[4] for row in rows})
        counted.add(_shares(rows, hidden, version.trash))
        after = end
    return counted


_END: Final = "SELECT email FROM placements WHERE email > ? AND email <= ? ORDER BY email LIMIT 1 OFFSET ?"
_SOME: Final = f"""
SELECT p.thread, p.email, p.mailbox, p.uid, f.flags
FROM (
  SELECT * FROM placements WHERE email > ? AND email <= ? AND thread = email
  UNION ALL SELECT * FROM placements WHERE thread > ? AND thread <= ? AND thread <> email
) p {FLAGS_OF_MESSAGE}
WHERE +p.account = ? AND f.flags NOT LIKE '%{flag_text.DELETED}%' ESCAPE '!'
ORDER BY p.thread, p.email, p.mailbox"""  # noqa: S608 - constants


def _shares(
    rows: Iterable[tuple[int, int, MailboxId, int, str]],
    hidden: Mapping[MailboxId, NumberSet],
    trash: MailboxId | None,
) -> Iterator[tuple[int, Share]]:
    """What threads add, of which these are all messages, in order."""
    for thread, of_thread in groupby(rows, itemgetter(0)):
        by_email: dict[int, list[tuple[MailboxId, int, str]]] = {}
        for _, email, mailbox, uid, flags in of_thread:
            by_email.setdefault(email, []).append((mailbox, uid, flags))
        yield thread, share_of(tuple(sorted([_shown(one, hidden) for one in by_email.values()])), trash)


def _shown(
    messages: list[tuple[MailboxId, int, str]], hidden: Mapping[MailboxId, NumberSet]
) -> tuple[tuple[MailboxId, str], ...]:
    if hidden:
        kept = [one for one in messages if one[1] not in hidden.get(one[0], NumberSet())]
        messages = kept or messages
    return tuple([(mailbox, flags) for mailbox, _, flags in messages])


# --- the cache


class CountsCache:
    """The counted accounts of a process, bounded; the least recently used go first."""

    __slots__ = ("_kept", "_max_weight", "_weight", "_weights")

    def __init__(self, max_weight: int = MAX_WEIGHT) -> None:
        self._max_weight = max_weight
        self._weight = 0
        self._kept: OrderedDict[AccountId, CountedAccount] = OrderedDict()
        self._weights: dict[AccountId, int] = {}

    def version(self, account: AccountId) -> Version | None:
        """Which state of an account is here, if any: to be given to `read`, and then to `take`."""
        counted = self._kept.get(account)
        return None if counted is None else counted.version

    def take(
        self, account: AccountId, known: Version | None, reading: Reading | None
    ) -> CountedAccount | None:
        """Bring the cache to the state that was read; the counts as of then, to be used before waiting.

        `None` where the cache no longer holds `known`, the version that the reading starts from: read again.
        """
        if self.version(account) != known:
            return None
        counted = self._kept.get(account)
        if reading is not None:
            if reading.everything is not None:
                counted = reading.everything
            elif counted is not None:
                counted.change(reading.changed)
                counted.version = reading.version
        return None if counted is None else self._keep(account, counted)

    def _keep(self, account: AccountId, counted: CountedAccount) -> CountedAccount:
        self._kept[account] = counted
        self._kept.move_to_end(account)
        self._weight += counted.weight - self._weights.get(account, 0)
        self._weights[account] = counted.weight
        while len(self._kept) > 1 and self._weight > self._max_weight:
            gone, _ = self._kept.popitem(last=False)
            self._weight -= self._weights.pop(gone)
        return counted
