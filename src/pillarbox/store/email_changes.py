"""Which emails and threads were created, updated and destroyed since a state (RFC 8620 §5.2, RFC 8621 §3.2 and §4.3).

An id is created only where the client can't have it, as far as the log tells: where that is not certain, after
`\\Deleted` was taken away or a thread began anew, it is said to be created rather than updated, so that a client that
does not have it reads it. An id that is gone is said to be destroyed unless it came after the client's state.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import emails, logged, states
from pillarbox.store.logged import IN_LOOP, Bounds, Event, What
from pillarbox.store.states import State
from pillarbox.world.database import Transaction
from pillarbox.world.database.values import MAX_NUMBER


class Changes(Struct, frozen=True):
    """What changed between two states; each id is in one list."""

    since: State
    state: State
    """Where the client is then."""
    has_more: bool
    created: list[int]
    updated: list[int]
    destroyed: list[int]
    again: frozenset[int] = frozenset()
    """Those of the created that were there before perhaps, and were gone in between."""


def email_changes(
    tx: Transaction, account: AccountId, since: State, *, most: int, bounds: Bounds = IN_LOOP
) -> Changes:
    """The changes of emails since a state, at most so many.

    Raises `CannotCalculateChanges`, or `TooMuchToRead` where more must be looked at than `bounds` allow: then it is
    tried again with `IN_THREAD`, and cannot be calculated where that is not enough. Raises `NoSuchAccount`,
    `ValuesDamaged`.
    """
    now = states.read(tx, account)
    states.check(since, now.email, now.logged_from)
    if since == now.email:
        return Changes(since, since, False, [], [], [])
    log = logged.read(tx, account, since, now.email, bounds)
    log, events = logged.of_emails(tx, account, log, since, bounds)
    told = logged.first_of(events, log, since, most)
    arrived, destroyed = _ids(told.events, What.CREATED), _ids(told.events, What.DESTROYED)
    changed = _ids(told.events, What.UPDATED) | _ids(told.events, What.RESTORED)
    for mailbox, uids in _uids(told.events).items():
        changed.update(email for _, email, _ in emails.placed_in(tx, account, mailbox, uids))
    there = emails.visible(tx, account, arrived | changed)
    restored = logged.restored(events, since, changed)
    created = (arrived | restored) & there
    gone = (destroyed | changed) - there - arrived
    return Changes(
        since,
        told.state,
        told.has_more,
        sorted(created),
        sorted((changed & there) - created),
        sorted(gone),
        frozenset((restored - arrived) & there),
    )


def thread_changes(
    tx: Transaction, account: AccountId, since: State, *, most: int, bounds: Bounds = IN_LOOP
) -> Changes:
    """The changes of threads since a state, at most so many: which have other emails. Raises as the above."""
    now = states.read(tx, account)
    states.check(since, now.thread, now.logged_from)
    if since == now.thread:
        return Changes(since, since, False, [], [], [])
    log = logged.read(tx, account, since, now.thread, bounds)
    events = [*logged.of_threads(log.rows)]
    told = logged.first_of(events, log, since, most)
    came = _ids(told.events, What.CREATED) | _ids(told.events, What.RESTORED)
    changed = {*emails.threads(tx, account, came).values(), *_ids(told.events, What.DESTROYED)}
    for mailbox, uids in _uids(told.events).items():
        changed.update(thread for _, _, thread in emails.placed_in(tx, account, mailbox, uids))
    members = emails.members(tx, account, changed, most=bounds.messages)
    # Also by emails that are told of later: a thread may be there by those alone
    first_new = logged.first_arrived(events, since) or _BEYOND
    restored = logged.restored(events, since, {email for several in members.values() for email in several})
    created = {
        thread
        for thread, several in members.items()
        if all(email >= first_new or email in restored for email in several)
    }
    gone = {thread for thread in changed - members.keys() if thread < first_new}
    return Changes(
        since, told.state, told.has_more, sorted(created), sorted(members.keys() - created), sorted(gone)
    )


_BEYOND: Final = EmailId(MAX_NUMBER)


def _ids(events: Sequence[Event], what: What) -> set[int]:
    return {number for event in events if event.what is what and event.id for number in event.ids()}


def _uids(events: Sequence[Event]) -> dict[MailboxId, NumberSet]:
    """The messages among the events."""
    found: dict[MailboxId, list[tuple[int, int]]] = {}
    for event in events:
        if not event.id:
            found.setdefault(event.mailbox, []).append((event.first, event.last))
    return {mailbox: NumberSet.of_ranges(runs) for mailbox, runs in found.items()}
