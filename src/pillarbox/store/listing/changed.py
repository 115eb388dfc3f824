"""What may have changed in lists of emails since a state (RFC 8620 §5.6)."""

from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.store import account_counters, emails, states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_changes import email_changes, thread_changes
from pillarbox.store.logged import IN_LOOP, Bounds
from pillarbox.store.states import State
from pillarbox.world.database import Transaction

MAX_CHANGED: Final = 10_000
"""Emails and threads; with more, a client had better read the list again."""


class Changed(Struct, frozen=True):
    """Ids of emails."""

    created: set[int]
    """What no list had, but for `again`."""
    others: set[int]
    """What lists may have had, and may have in another place; some are not there any more."""
    destroyed: set[int]
    """Those of the others that certainly are not."""
    again: frozenset[int] = frozenset()
    """Those of the created that lists may have had, where nobody knows that they were gone in between."""


def since(
    tx: Transaction,
    account: AccountId,
    state: State,
    version: ModSeq,
    *,
    whole_threads: bool,
    bounds: Bounds = IN_LOOP,
) -> Changed | None:
    """What has changed between a state and this version of the account; None where there is another one by now.

    `whole_threads`: all emails of a thread may be in another place where one has changed.

    Raises `CannotCalculateChanges`, or `TooMuchToRead` where more had to be looked at than `bounds` allow, or there is
    more than `MAX_CHANGED`.
    """
    if account_counters.modseq(tx, account) != version:
        return None
    found = email_changes(tx, account, state, most=MAX_CHANGED, bounds=bounds)
    if found.has_more:
        raise TooMuchToRead(account)
    created, destroyed = set(found.created), set(found.destroyed)
    others = {*found.updated, *destroyed}
    if whole_threads:
        threads = _threads(tx, account, state, created | others, bounds)
        members = emails.members(tx, account, threads, most=bounds.messages).values()
        others.update(email for several in members for email in several if email not in created)
    return Changed(created, others, destroyed, found.again)


def _threads(
    tx: Transaction, account: AccountId, state: State, changed: set[int], bounds: Bounds
) -> set[int]:
    """Those of the emails that have changed, and those that have lost some."""
    threads: set[int] = {*emails.threads(tx, account, changed).values()}
    # It is a state of emails: no thread may have changed since
    if state < states.read(tx, account).thread:
        found = thread_changes(tx, account, state, most=MAX_CHANGED, bounds=bounds)
        if found.has_more:
            raise TooMuchToRead(account)
        threads.update(found.created, found.updated)
    return threads
