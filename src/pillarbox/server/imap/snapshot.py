"""The selected mailbox as it is now: the cached mailbox, alone or with what a verb reads in the same transaction.

Where another task moves the cache on while we wait for the database, both are read again, so that what is sent to
the client always shows one state of the mailbox. Nothing may be awaited between taking a snapshot and using it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.server.imap import keywords
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import mailbox_cache
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.cached_mailbox import CachedMailbox, Version
from pillarbox.store.changes import TooMuchChanged
from pillarbox.store.flags import FlagChange
from pillarbox.store.mailbox_cache import Reading
from pillarbox.world.database import Transaction

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def current(session: SessionState, mailbox: MailboxId) -> CachedMailbox:
    """The mailbox as it is now. Raises `NoSuchMailbox`."""
    cached, _ = await up_to_date(session, mailbox, _read_alone)
    return cached


def as_left(session: SessionState, mailbox: MailboxId, modseq: ModSeq) -> CachedMailbox | None:
    """The mailbox as the change with this MODSEQ left it, if the cache holds that: the database is not asked."""
    cached = session.caches.mailboxes.peek(session.account_id, mailbox)
    if cached is None or cached.modseq != modseq:
        return None
    _found(session, mailbox, cached)
    return cached


def current_with(
    session: SessionState, mailbox: MailboxId, verb: Callable[[Transaction], T]
) -> Coroutine[Any, Any, tuple[CachedMailbox, T]]:
    """The mailbox as it is now, and what the verb reads in the same transaction. Raises `NoSuchMailbox`."""
    return up_to_date(session, mailbox, _read_with, verb)


async def beside(session: SessionState, verb: Callable[[Transaction], T]) -> T:
    """What a verb reads that is not about the selected mailbox; the same transaction shows whether updates are due."""
    selected = session.machine.selected
    if selected is None:
        return await session.read(verb)
    version, found = await session.read(_version_with, session.account_id, selected.mailbox, verb)
    session.up_to_date = (
        version == (selected.uid_validity, selected.modseq) and not selected.pending_expunges.runs
    )
    return found


async def up_to_date(
    session: SessionState,
    mailbox: MailboxId,
    read: Callable[[Transaction, AccountId, MailboxId, Version | None, int, *Ts], tuple[Reading | None, T]],
    *arguments: *Ts,
) -> tuple[CachedMailbox, T]:
    """`current_with` for a verb that reads the mailbox itself: it gets the known version and the limit of rows."""
    cache, account, max_rows = session.caches.mailboxes, session.account_id, session.limits.max_rows_in_loop
    while True:
        known = cache.version(account, mailbox)
        try:
            reading, found = await session.world.database.read(
                read, account, mailbox, known, max_rows, *arguments
            )
        except NoSuchMailbox:
            cache.forget(account, mailbox)
            raise
        except TooMuchChanged:
            await _read_again(session, mailbox, known)
            continue
        cached = cache.take(account, mailbox, known, reading)
        if cached is not None:
            _found(session, mailbox, cached)
            return cached, found


def _found(session: SessionState, mailbox: MailboxId, cached: CachedMailbox) -> None:
    """Whether the client knows this state; whatever is sent of it may have a keyword that it was not sent yet."""
    selected = session.machine.selected
    if selected is None or selected.mailbox != mailbox:
        return
    if selected.keywords is not cached.keywords:
        session.write(keywords.newly_known(selected, cached.keywords))
    session.up_to_date = (
        cached.version == (selected.uid_validity, selected.modseq) and not selected.pending_expunges.runs
    )


async def apply(session: SessionState, mailbox: MailboxId, altered: FlagChange) -> None:
    """Apply a change of flags to the cached mailbox; others run meanwhile, and see it as it was or wait."""
    cache, account = session.caches.mailboxes, session.account_id
    if altered.changed <= session.limits.max_rows_in_loop:
        cache.apply(account, mailbox, altered)
    elif not await _others_catch_up(session, mailbox):
        with _catching_up(session, mailbox):
            for _ in cache.applying(account, mailbox, altered):
                await session.connection.give_way()


async def _read_again(session: SessionState, mailbox: MailboxId, known: Version | None) -> None:
    """Put the whole mailbox into the cache, read in a thread."""
    if await _others_catch_up(session, mailbox):
        return
    cache, account = session.caches.mailboxes, session.account_id
    with _catching_up(session, mailbox):
        try:
            reading = await session.world.database.read_in_thread(mailbox_cache.read, account, mailbox, None)
        except NoSuchMailbox:
            return  # so it will be found
        cache.take(account, mailbox, known, reading)


async def _others_catch_up(session: SessionState, mailbox: MailboxId) -> bool:
    """Whether another session was making the cached state, which has ended now: the mailbox may be up to date."""
    under_way = session.caches.catching_up.get((session.account_id, mailbox))
    if under_way is None:
        return False
    await asyncio.wait([under_way])
    return True


@contextmanager
def _catching_up(session: SessionState, mailbox: MailboxId) -> Iterator[None]:
    under_way, key = session.caches.catching_up, (session.account_id, mailbox)
    ended = under_way[key] = asyncio.get_running_loop().create_future()
    try:
        yield
    finally:
        del under_way[key]
        ended.set_result(None)


def _read_alone(
    tx: Transaction, account: AccountId, mailbox: MailboxId, known: Version | None, max_rows: int
) -> tuple[Reading | None, None]:
    return mailbox_cache.read(tx, account, mailbox, known, max_rows=max_rows), None


def _read_with(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    known: Version | None,
    max_rows: int,
    verb: Callable[[Transaction], T],
) -> tuple[Reading | None, T]:
    return mailbox_cache.read(tx, account, mailbox, known, max_rows=max_rows), verb(tx)


def _version_with(
    tx: Transaction, account: AccountId, mailbox: MailboxId, verb: Callable[[Transaction], T]
) -> tuple[Version | None, T]:
    return mailbox_cache.stored_version(tx, account, mailbox), verb(tx)
