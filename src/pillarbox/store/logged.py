"""What the change log says of emails and threads since a state, in the order in which clients are told of it.

An *event* is a run of numbers of which the same happened. Of a MODSEQ, the numbers of a mailbox are in one event each,
so that what is up to any number can be told, and the rest later: a client that asks for few changes at a time gets all
of them, and each answer brings it further.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import changes, flag_runs, unfinished_copies
from pillarbox.store.changes import MAX_FLAGGED_RUNS, Change, ChangeKind, TooMuchChanged
from pillarbox.store.states import State
from pillarbox.world.database import Transaction


class Bounds(NamedTuple):
    """How much may be looked at for one answer."""

    rows: int
    """Of the log."""
    flags: int
    """Rows of flags."""
    messages: int | None
    """Messages of threads."""
    in_parts: bool
    """Whether an answer may tell of less than there is because of that, rather than `TooMuchChanged`."""


IN_LOOP: Final = Bounds(250, 1_000, 1_000, in_parts=False)
"""A millisecond or two."""
IN_THREAD: Final = Bounds(20_000, 500_000, None, in_parts=True)
"""The rows of the log are more than there are with one MODSEQ, for which IMAP's commands are cut into slices."""


class What(IntEnum):
    """What happened."""

    CREATED = 1
    """An email arrived."""
    UPDATED = 2
    """Messages of emails came, or have other flags."""
    DESTROYED = 3
    """An email was destroyed; or a thread lost one."""
    RESTORED = 4
    """An email may be there that was not."""


class Event(NamedTuple):
    """A run of numbers of which the same happened."""

    modseq: ModSeq
    mailbox: MailboxId
    """Whose UIDs they are; `NO_MAILBOX` for ids."""
    first: int
    last: int
    what: What
    id: int
    """The id of the first, where it is known: else 0."""

    def ids(self) -> range:
        """All ids."""
        return range(self.id, self.id + self.last - self.first + 1)


class Log(NamedTuple):
    """Rows of the log."""

    rows: list[Change]
    end: State
    """All up to here was read."""
    is_complete: bool
    """Whether there is nothing behind."""

    def shorter(self, rows: int) -> "Log":
        """So many of its first rows, without those of the last MODSEQ. Raises `TooMuchChanged` where none are left."""
        end = self.rows[rows].modseq if rows < len(self.rows) else self.end.modseq + 1
        whole = [row for row in self.rows[:rows] if row.modseq < end]
        if not whole:
            raise TooMuchChanged
        return Log(whole, State(whole[-1].modseq), False)


def read(tx: Transaction, account: AccountId, since: State, now: State, bounds: Bounds) -> Log:
    """The log after what was told, up to some MODSEQ. `now`: the state of the type that is asked for.

    Raises `TooMuchChanged` where it has more rows; where it may be read in parts, more with one MODSEQ.
    """
    rows = changes.log(tx, account, since.told, upto=now.modseq, limit=bounds.rows + 1)
    log = Log(rows, now, True)
    if len(rows) <= bounds.rows:
        return log
    if not bounds.in_parts:
        raise TooMuchChanged(account)
    return log.shorter(bounds.rows)


def of_emails(
    tx: Transaction, account: AccountId, log: Log, since: State, bounds: Bounds
) -> tuple[Log, list[Event]]:
    """What happened to emails, and of which part of the log that is all.

    Raises `TooMuchChanged` where more rows of flags must be looked at; where it may be told in parts, for one MODSEQ.
    """
    while True:
        try:
            return log, [*_of_emails(tx, account, log, since, bounds.flags)]
        except TooMuchChanged:
            if not bounds.in_parts:
                raise
            log = log.shorter(len(log.rows) // 2)


def _of_emails(
    tx: Transaction, account: AccountId, log: Log, since: State, max_flags: int
) -> Iterator[Event]:
    yield from _arrived(log.rows)
    for modseq, rows in _of_no_mailbox(log.rows).items():
        destroyed = _runs(rows, ChangeKind.DESTROYED)
        restored = without(_runs(rows, ChangeKind.RESTORED), destroyed)
        updated = without(without(_runs(rows, ChangeKind.UPDATED), destroyed), restored)
        for what, runs in (
            (What.DESTROYED, destroyed),
            (What.RESTORED, restored),
            (What.UPDATED, updated),
        ):
            yield from _of_ids(modseq, runs, what)
    yield from _of_messages(tx, account, log, since, max_flags)


def of_threads(rows: Sequence[Change]) -> Iterator[Event]:
    """What happened to threads: emails that arrived, with their ids; messages that got `\\Deleted`; emails of which
    a message lost it; and threads that lost emails, with their own ids."""
    yield from _arrived(rows)
    for row in rows:
        if row.kind is ChangeKind.HIDDEN:
            yield Event(row.modseq, row.mailbox, row.first, row.last, What.UPDATED, 0)
    for modseq, several in _of_no_mailbox(rows).items():
        lost = _runs(several, ChangeKind.THREADS) or _runs(several, ChangeKind.DESTROYED)
        yield from _of_ids(modseq, without(_runs(several, ChangeKind.RESTORED), lost), What.RESTORED)
        yield from _of_ids(modseq, lost, What.DESTROYED)


class Told(NamedTuple):
    """The events that a client is told of."""

    events: list[Event]
    state: State
    """Where that brings it."""
    has_more: bool


def first_of(events: Iterable[Event], log: Log, since: State, most: int) -> Told:
    """The first events after a state, with at most so many numbers: at least one, where there is any."""
    told: list[Event] = []
    left = most
    coming = sorted(cut for event in events if (cut := _after(event, since)) is not None)
    for event in coming:
        number = event.last - event.first + 1
        if number > left:
            if left:
                told.append(event._replace(last=event.first + left - 1))
            last = told[-1]
            state = State(last.modseq, last.mailbox, last.last)
            return Told(told, State(last.modseq) if last.modseq < event.modseq else state, True)
        told.append(event)
        left -= number
    return Told(told, log.end, not log.is_complete)


def first_arrived(events: Iterable[Event], since: State) -> int | None:
    """The id of the first email that arrived after a state: ids rise."""
    coming = (_after(event, since) for event in events if event.what is What.CREATED)
    return min((event.id for event in coming if event is not None), default=None)


def restored(events: Iterable[Event], since: State, emails: Iterable[int]) -> set[int]:
    """Those of these emails that the client may not have, since they had `\\Deleted`."""
    coming = (_after(event, since) for event in events if event.what is What.RESTORED)
    runs = sorted((event.first, event.last) for event in coming if event is not None)
    found, place, reach = set[int](), 0, -1
    for email in sorted(emails) if runs else ():
        while place < len(runs) and runs[place][0] <= email:
            reach = max(reach, runs[place][1])
            place += 1
        if email <= reach:
            found.add(email)
    return found


def _after(event: Event, since: State) -> Event | None:
    """What of an event was not told."""
    place = event.modseq, event.mailbox
    if place != since[:2]:
        return event if place > since[:2] else None
    told = since.number - event.first + 1
    if told <= 0:
        return event
    if since.number >= event.last:
        return None
    return event._replace(first=since.number + 1, id=event.id and event.id + told)


def _arrived(rows: Sequence[Change]) -> Iterator[Event]:
    for row in rows:
        if row.email is not None:
            yield Event(row.modseq, row.mailbox, row.first, row.last, What.CREATED, row.email)


def _of_no_mailbox(rows: Sequence[Change]) -> dict[ModSeq, list[Change]]:
    found: dict[ModSeq, list[Change]] = {}
    for row in rows:
        if row.mailbox == changes.NO_MAILBOX:
            found.setdefault(row.modseq, []).append(row)
    return found


def _runs(rows: Sequence[Change], kind: ChangeKind) -> list[tuple[int, int]]:
    return [(row.first, row.last) for row in rows if row.kind is kind]


def _of_ids(modseq: ModSeq, runs: Iterable[tuple[int, int]], what: What) -> Iterator[Event]:
    for first, last in runs:
        yield Event(modseq, changes.NO_MAILBOX, first, last, what, first)


def without(runs: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending runs without others; numbers of any size."""
    found: list[tuple[int, int]] = []
    cut = iter([*others, (0, 0)])
    start, stop = next(cut)
    for first, last in runs:
        while first <= last:
            while start and stop < first:
                start, stop = next(cut)
            if not start or last < start:
                found.append((first, last))
                break
            if first < start:
                found.append((first, start - 1))
            first = stop + 1
    return found


# --- messages


def _of_messages(
    tx: Transaction, account: AccountId, log: Log, since: State, max_flags: int
) -> Iterator[Event]:
    """Messages that came or changed, and are there, by the MODSEQ of their last change."""
    changed: dict[MailboxId, list[tuple[int, int]]] = {}
    for row in log.rows:
        if row.kind is ChangeKind.FLAGGED or (row.kind is ChangeKind.APPENDED and row.email is None):
            changed.setdefault(row.mailbox, []).append((row.first, row.last))
    finished = [row for row in log.rows if row.kind is ChangeKind.COPIED]
    if not changed and not finished:
        return
    hidden = unfinished_copies.of_account(tx, account)
    left = max_flags
    for mailbox, runs in changed.items():
        uids = NumberSet.of_ranges(runs) - hidden.get(mailbox, NumberSet())
        left -= _looked_at(tx, account, mailbox, uids)
        if left < 0:
            raise TooMuchChanged(mailbox)
        arrived: dict[int, range] = {
            row.modseq: range(row.first, row.last + 1)
            for row in log.rows
            if row.email is not None and row.mailbox == mailbox
        }
        for first, last, modseq in _changed(tx, account, mailbox, uids, since.told):
            # Emails that arrived are told of as that
            if modseq <= log.end.modseq and first not in arrived.get(modseq, _NONE):
                yield Event(ModSeq(modseq), mailbox, first, last, What.UPDATED, 0)
    for row in finished:
        for first, last, _ in _changed(tx, account, row.mailbox, NumberSet(((row.first, row.last),)), 0):
            yield Event(row.modseq, row.mailbox, first, last, What.UPDATED, 0)


_NONE: Final = range(0)


def _looked_at(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> int:
    """How many rows of flags there may be."""
    messages: int | None = tx.value(
        "SELECT messages FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)
    )
    return min(messages or 0, len(uids))


def _changed(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, since: int
) -> list[tuple[int, int, int]]:
    """Runs of these messages with a MODSEQ above `since`, with that."""
    found = flag_runs.overlapping(tx, account, mailbox, uids.widened(MAX_FLAGGED_RUNS), since=since)
    parts = flag_runs.divided(found, uids)
    return [(first, last, modseq) for (first, last, _, modseq), inside in parts if inside]
