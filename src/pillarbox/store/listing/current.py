"""The listed accounts of a process: read once, and kept current from the change log.

As `mailbox_cache`, the cache belongs to one process and its event loop, holds committed state only, and is filled by a
verb:

    known = cache.version(account)
    kept = cache.take(account, known, await database.read(read, account, known))
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, EmailId, ModSeq
from pillarbox.store import account_counters, affected, changes, emails, snoozing, states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.emails import Email
from pillarbox.store.listing.account import EMAIL_OCTETS, ListedAccount
from pillarbox.store.listing.lists import ListCache
from pillarbox.store.states import State
from pillarbox.world.database import Transaction

MAX_WEIGHT: Final = 1_000_000
"""Emails in the cache of a process, about; beyond, the accounts that were least recently used go."""
READ_TOGETHER: Final = 1_000
"""Emails that are read together, so that the thread which reads a large account lets the loop run between."""
MAX_ROWS: Final = 1_000
"""Rows that are looked at in the loop: some milliseconds."""
MAX_ROWS_IN_THREAD: Final = 20_000
"""With more, everything is read again."""


class Reading(NamedTuple):
    """What one transaction saw of an account that has changed since the version that its reader knew."""

    version: ModSeq
    state: State
    """Of its emails."""
    changed: dict[EmailId, Email | None]
    snoozed_ms: dict[EmailId, int]
    """Of what has changed: when it comes back, or has come back."""
    everything: ListedAccount | None
    """In place of that, all that there is."""


def read(
    tx: Transaction, account: AccountId, known: ModSeq | None, *, max_rows: int | None = MAX_ROWS
) -> Reading | None:
    """What has become of an account since `known`; `None` where nothing has.

    Raises `NoSuchAccount`, `ValuesDamaged`, or `TooMuchToRead` where that would go through more than `max_rows`
    messages: then it is read in a thread, without that limit.
    """
    version = account_counters.modseq(tx, account)
    if known == version:
        return None
    limit = MAX_ROWS_IN_THREAD if max_rows is None else max_rows
    now = states.read(tx, account)
    if known is not None and now.logged_from <= known < version:
        rows = changes.log(tx, account, known, limit=limit + 1)
        if len(rows) <= limit and affected.number(rows) <= limit:
            ids = affected.emails_of(tx, account, rows)
            there = emails.by_id(tx, account, ids, most=max_rows)
            changed = {email: there.get(email) for email in ids}
            return Reading(version, now.email, changed, snoozing.sort_times(tx, there.values()), None)
    if max_rows is not None and account_counters.usage(tx, account).messages > max_rows:
        raise TooMuchToRead(account)
    return Reading(version, now.email, {}, {}, _everything(tx, account, version))


def _everything(tx: Transaction, account: AccountId, version: ModSeq) -> ListedAccount:
    listed = ListedAccount(version)
    after: EmailId | None = EmailId(account_counters.email_bounds(account)[0] - 1)
    while after is not None:
        after, some = emails.between(tx, account, after, number=READ_TOGETHER)
        listed.add(some, snoozing.sort_times(tx, some))
    listed.ordered()
    return listed


class Kept:
    """An account with the lists that were made of it."""

    __slots__ = ("listed", "lists", "state")

    def __init__(self, listed: ListedAccount, state: State) -> None:
        self.listed = listed
        self.state = state
        """Of its emails, as clients have it."""
        self.lists = ListCache()

    @property
    def weight(self) -> int:
        """What it takes of memory, in emails."""
        return self.listed.weight + self.lists.octets // EMAIL_OCTETS


class ListingCache:
    """The cache of a process, bounded; the least recently used accounts go first."""

    __slots__ = ("_kept", "_max_weight", "_weight", "_weights")

    def __init__(self, max_weight: int = MAX_WEIGHT) -> None:
        self._max_weight = max_weight
        self._weight = 0
        self._kept: OrderedDict[AccountId, Kept] = OrderedDict()
        self._weights: dict[AccountId, int] = {}

    def version(self, account: AccountId) -> ModSeq | None:
        """Which state of an account is here, if any: to be given to `read`, and then to `take`."""
        kept = self._kept.get(account)
        return None if kept is None else kept.listed.version

    def take(self, account: AccountId, known: ModSeq | None, reading: Reading | None) -> Kept | None:
        """Bring the cache to the state that was read.

        `None` where the cache no longer holds `known`, the version that the reading starts from, or does not go on from
        it: read again.
        """
        if self.version(account) != known:
            return None
        kept = self._kept.get(account)
        if reading is not None:
            if reading.everything is not None:
                kept = Kept(reading.everything, reading.state)
            elif kept is not None:
                changed = kept.listed.change(reading.changed, reading.snoozed_ms)
                if changed is None or kept.listed.is_worn:
                    self.forget(account)
                    return None
                kept.listed.version, kept.state = reading.version, reading.state
                kept.lists.changed(kept.listed, changed)
        return None if kept is None else self.keep(account, kept)

    def keep(self, account: AccountId, kept: Kept) -> Kept:
        """Note that an account was used, and what it takes now."""
        self._kept[account] = kept
        self._kept.move_to_end(account)
        self._weight += kept.weight - self._weights.get(account, 0)
        self._weights[account] = kept.weight
        while len(self._kept) > 1 and self._weight > self._max_weight:
            self.forget(next(iter(self._kept)))
        return kept

    def forget(self, account: AccountId) -> None:
        """Remove an account from the cache."""
        if self._kept.pop(account, None) is not None:
            self._weight -= self._weights.pop(account)
