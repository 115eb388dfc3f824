"""The selected mailbox as it is now: the cached mailbox, alone or with what a verb reads in the same transaction.

Where another task moves the cache on while we wait for the database, both are read again, so that what is sent to
the client always shows one state of the mailbox. Nothing may be awaited between taking a snapshot and using it.
"""

from collections.abc import Callable
from typing import TypeVar

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import mailbox_cache
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.mailbox_cache import CachedMailbox, Reading, Version
from pillarbox.world.database import Transaction

T = TypeVar("T")


async def current(session: SessionState, mailbox: MailboxId) -> CachedMailbox:
    """The mailbox as it is now. Raises `NoSuchMailbox`."""
    cache, account = session.caches.mailboxes, session.account_id
    while True:
        known = cache.version(account, mailbox)
        try:
            reading = await session.world.database.read(mailbox_cache.read, account, mailbox, known)
        except NoSuchMailbox:
            cache.forget(account, mailbox)
            raise
        cached = cache.take(account, mailbox, known, reading)
        if cached is not None:
            return cached


async def current_with(
    session: SessionState, mailbox: MailboxId, verb: Callable[[Transaction], T]
) -> tuple[CachedMailbox, T]:
    """The mailbox as it is now, and what the verb reads in the same transaction. Raises `NoSuchMailbox`."""
    cache, account = session.caches.mailboxes, session.account_id
    while True:
        known = cache.version(account, mailbox)
        try:
            reading, found = await session.world.database.read(_read_with, account, mailbox, known, verb)
        except NoSuchMailbox:
            cache.forget(account, mailbox)
            raise
        cached = cache.take(account, mailbox, known, reading)
        if cached is not None:
            return cached, found


def _read_with(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    known: Version | None,
    verb: Callable[[Transaction], T],
) -> tuple[Reading | None, T]:
    return mailbox_cache.read(tx, account, mailbox, known), verb(tx)
