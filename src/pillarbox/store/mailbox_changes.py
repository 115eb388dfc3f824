"""Which mailboxes were created, updated and destroyed since a state (RFC 8621 §2.2).

A mailbox is updated by what happens to itself (name, role, subscription), to a mailbox above it that comes or goes, and
to its messages; and its counts also by emails that are elsewhere, in threads that it has. Where more than a few
messages changed at once, the counts of all mailboxes are said to have changed.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from pillarbox.mail import mailbox_name
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.store import affected, emails, logged, states
from pillarbox.store.changes import Change, ChangeKind
from pillarbox.store.logged import IN_LOOP, Bounds, Log
from pillarbox.store.states import State
from pillarbox.world.database import Transaction

MAX_LOOKED_AT: Final = 500
"""Messages that changed with one MODSEQ, of which the threads are looked at."""
MAX_LOOKED_AT_TOGETHER: Final = 2_000
"""And with all those of which one answer tells."""


class MailboxChanges(Struct, frozen=True):
    """What changed between two states; each id is in one list."""

    since: State
    state: State
    """Where the client is then."""
    has_more: bool
    created: list[MailboxId]
    updated: list[MailboxId]
    destroyed: list[MailboxId]
    only_counts: bool
    """Whether nothing but counts of emails and threads has changed in those that are updated."""


def mailbox_changes(
    tx: Transaction, account: AccountId, since: State, *, most: int, bounds: Bounds = IN_LOOP
) -> MailboxChanges:
    """The changes of mailboxes since a state, at most so many.

    Raises `CannotCalculateChanges`, or `TooMuchToRead` where more must be looked at than `bounds` allow: then it is
    tried again with `IN_THREAD`, and cannot be calculated where that is not enough. Raises `NoSuchAccount`,
    `ValuesDamaged`.
    """
    now = states.read(tx, account)
    states.check(since, now.mailbox, now.logged_from)
    if since == now.mailbox:
        return MailboxChanges(since, since, False, [], [], [], False)
    log = _not_too_much(logged.read(tx, account, since, now.mailbox, bounds))
    found = _Found(tx, account)
    for modseq, rows in groupby(log.rows, key=lambda row: row.modseq):
        found.add(modseq, [*rows])
    found.look_at_others()
    found.look_at_threads(bounds.messages)
    places = sorted(place for place in found.places() if (*place, 0) > since)
    end, has_more = log.end, not log.is_complete
    if len(places) > most:
        modseq, mailbox = places[most - 1]
        is_whole = places[most][0] > modseq
        end, has_more = (State(modseq) if is_whole else State(modseq, mailbox, 0)), True
        places = places[:most]
    return found.told(since, end, has_more, {*places})


def _not_too_much(log: Log) -> Log:
    """The log up to where not too many messages are looked at."""
    looked_at = 0
    for modseq, several in groupby(log.rows, key=lambda row: row.modseq):
        number = affected.number([*several])
        looked_at += number if number <= MAX_LOOKED_AT else 0
        if looked_at > MAX_LOOKED_AT_TOGETHER:
            return Log([row for row in log.rows if row.modseq <= modseq], State(modseq), False)
    return log


class _Found:
    """By mailbox, the last MODSEQ with which something happened to it."""

    def __init__(self, tx: Transaction, account: AccountId) -> None:
        self._tx, self._account = tx, account
        self._names: dict[MailboxId, str] = dict(
            tx.rows("SELECT id, name FROM mailboxes WHERE account = ?", (account,))
        )
        self._created: dict[MailboxId, ModSeq] = {}
        self._destroyed: dict[MailboxId, ModSeq] = {}
        self._changed: dict[MailboxId, ModSeq] = {}
        self._counted: dict[MailboxId, ModSeq] = {}
        self._few: list[Change] = []
        """Rows of which the threads are looked at."""
        self._all_counted = ModSeq(0)
        """When the counts of all mailboxes may have changed last."""

    def add(self, modseq: ModSeq, rows: Sequence[Change]) -> None:
        """What happened with a MODSEQ, the highest so far."""
        for row in rows:
            match row.kind:
                case ChangeKind.MAILBOX_CREATED:
                    self._created[row.mailbox] = modseq
                case ChangeKind.MAILBOX_DELETED:
                    self._destroyed[row.mailbox] = modseq
                    self._all_counted = modseq  # it may have been the trash
                case ChangeKind.MAILBOX_ROLE:
                    self._changed[row.mailbox] = modseq
                    self._all_counted = modseq
                case ChangeKind.MAILBOX_RENAMED | ChangeKind.SUBSCRIBED:
                    self._changed[row.mailbox] = modseq
                case _:
                    self._counted[row.mailbox] = modseq
        if affected.number(rows) > MAX_LOOKED_AT:
            self._all_counted = modseq
        else:
            self._few += rows

    def look_at_others(self) -> None:
        """When all was added: at mailboxes below those that came or went, and at those that were counted with all."""
        ids = {name: mailbox for mailbox, name in self._names.items()}
        came_or_went = (*self._created.items(), *self._destroyed.items())
        went = max(
            (modseq for mailbox, modseq in came_or_went if mailbox not in self._names), default=ModSeq(0)
        )
        for mailbox, name in self._names.items():
            modseq, above = ModSeq(0), mailbox_name.parent(name)
            while above is not None and above not in ids:
                modseq, above = went, mailbox_name.parent(above)
            if above is not None:
                modseq = max(modseq, self._created.get(ids[above], ModSeq(0)))
            if modseq > self._changed.get(mailbox, 0):
                self._changed[mailbox] = modseq
            if self._all_counted > self._counted.get(mailbox, 0):
                self._counted[mailbox] = self._all_counted

    def look_at_threads(self, most: int | None) -> None:
        """Last: at what few messages each have to do with."""
        changed = affected.threads(self._tx, self._account, self._few)
        for thread, mailbox in emails.mailboxes_of_threads(self._tx, self._account, changed, most=most):
            if changed[thread] > self._counted.get(mailbox, 0):
                self._counted[mailbox] = changed[thread]

    def places(self) -> set[tuple[ModSeq, MailboxId]]:
        """All that there is to tell, in the order of the log; of mailboxes that are gone, only that."""
        there = {
            (modseq, mailbox)
            for some in (self._created, self._changed, self._counted)
            for mailbox, modseq in some.items()
            if mailbox in self._names and modseq >= self._created.get(mailbox, modseq)
        }
        return there | {(modseq, mailbox) for mailbox, modseq in self._destroyed.items()}

    def told(
        self, since: State, end: State, has_more: bool, places: set[tuple[ModSeq, MailboxId]]
    ) -> MailboxChanges:
        """The changes at these places."""

        def among(some: dict[MailboxId, ModSeq]) -> set[MailboxId]:
            return {mailbox for mailbox, modseq in some.items() if (modseq, mailbox) in places}

        created = among(self._created) & self._names.keys()
        changed = (among(self._changed) & self._names.keys()) - created
        updated = (among(self._counted) & self._names.keys() | changed) - created
        destroyed = {box for box in among(self._destroyed) if not self._is_new(box, since)}
        return MailboxChanges(
            since,
            end,
            has_more,
            sorted(created),
            sorted(updated),
            sorted(destroyed),
            bool(updated) and not changed,
        )

    def _is_new(self, mailbox: MailboxId, since: State) -> bool:
        """Whether it was created after the client's state."""
        created = self._created.get(mailbox)
        return created is not None and State(created, mailbox, 0) > since
