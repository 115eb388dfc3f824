"""The mailboxes of an account and their counts, as all methods read them."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.mailboxes.view import Shown, tree_of
from pillarbox.store import mailboxes, states, thread_counts
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.mailbox import Mailbox
from pillarbox.store.thread_counts import CountedAccount, Reading, Version
from pillarbox.world.database import Transaction

P = ParamSpec("P")
T = TypeVar("T")

MANY_NAMES: Final = 500
"""Mailboxes and subscriptions of an account from which on what goes through them is done in a thread."""


class Seen(Struct, frozen=True):
    """The mailboxes of an account at one moment."""

    state: str
    mailboxes: dict[MailboxId, Shown]


Order: TypeAlias = Callable[[Iterable[Shown]], list[Shown]]
"""Puts mailboxes in order; it may run in a thread."""


class _Read(Struct, frozen=True):
    """What one transaction saw."""

    seen: Seen
    counts: Reading | None


async def seen(
    context: Context, account: AccountId, *, counted: bool = False, order: Order = list
) -> tuple[Seen, CountedAccount | None]:
    """The mailboxes, in order, and their counts as of the same moment: to be used before waiting for anything."""
    while True:
        known = context.caches.counts.version(account)
        try:
            read = await read_names(
                context, account, _read, known, order, counted=counted, max_rows=thread_counts.MAX_ROWS
            )
        except TooMuchToRead:
            return await _counted_in_thread(context, account, order)
        numbers = context.caches.counts.take(account, known, read.counts) if counted else None
        if numbers is not None or not counted:
            return read.seen, numbers


async def _counted_in_thread(
    context: Context, account: AccountId, order: Order
) -> tuple[Seen, CountedAccount]:
    lock = context.caches.counting.setdefault(account, asyncio.Lock())
    async with lock:
        while True:
            known = context.caches.counts.version(account)
            read = await context.world.database.read_in_thread(
                _read, account, known, order, counted=True, max_rows=None
            )
            numbers = context.caches.counts.take(account, known, read.counts)
            if numbers is not None:
                return read.seen, numbers


async def read_names(
    context: Context,
    account: AccountId,
    verb: Callable[Concatenate[Transaction, AccountId, P], T],
    *arguments: P.args,
    **keywords: P.kwargs,
) -> T:
    """Run a verb that goes through all mailboxes of the account: in a thread, where they are many."""
    database = context.world.database
    many = await has_many_names(context, account)
    read = database.read_in_thread if many else database.read
    return await read(verb, account, *arguments, **keywords)


async def has_many_names(context: Context, account: AccountId) -> bool:
    """Whether what goes through all mailboxes is to be done in a thread."""
    return await context.world.database.read(mailboxes.count_names, account) > MANY_NAMES


def _read(
    tx: Transaction,
    account: AccountId,
    known: Version | None,
    order: Order,
    *,
    counted: bool,
    max_rows: int | None,
) -> _Read:
    state = states.read(tx, account).mailbox.text
    found = in_order(mailboxes.listing(tx, account), order)
    counts = thread_counts.read(tx, account, known, max_rows=max_rows) if counted else None
    return _Read(Seen(state, found), counts)


def in_order(listing: Iterable[Mailbox], order: Order) -> dict[MailboxId, Shown]:
    """The mailboxes as JMAP shows them."""
    return {shown.mailbox.id: shown for shown in order(tree_of(listing).values())}
