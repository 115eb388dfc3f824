"""Messages and an open store for tests of the store's verbs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes
from pillarbox.store.append import Appended, Message, append
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.mailbox_cache import MailboxCache, read
from pillarbox.store.schema import SCHEMA
from pillarbox.world import blobs
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import open_transaction

ANNA: Final = AccountId(1)
BOB: Final = AccountId(2)
NOW_MS: Final = 1_700_000_000_000
DAY_MS: Final = 86_400_000


def octets(body: str = "Hello.\r\n", **fields: str) -> bytes:
    """A plain message: `octets("text", subject="Hi", message_id="<a@b>")`."""
    named = {"from": "Anna <anna@one.example>", "content_type": "text/plain; charset=utf-8"} | fields
    header = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in named.items())
    return (header + "\r\n" + body).encode()


def message(text: bytes | None = None) -> Message:
    """A message ready to be appended."""
    text = octets() if text is None else text
    return Message(blobs.prepare(text), summarize(text))


@contextmanager
def open_store(*accounts: AccountId) -> Iterator[SqliteTransaction]:
    """An open transaction on a store in which these accounts (if none is named, Anna) have mailboxes."""
    with open_transaction(blobs.SCHEMA, SCHEMA) as tx:
        for account in accounts or (ANNA,):
            mailboxes.create_defaults(tx, account, now_ms=NOW_MS)
        yield tx


def mailbox(tx: SqliteTransaction, name: str = "INBOX", account: AccountId = ANNA) -> MailboxId:
    """A mailbox's id by its name."""
    return mailboxes.by_name(tx, account, name).id


def put(
    tx: SqliteTransaction,
    text: bytes | None = None,
    *,
    to: str = "INBOX",
    flags: str = "",
    received_at_ms: int = NOW_MS,
    account: AccountId = ANNA,
) -> Appended:
    """Append a message."""
    return append(
        tx,
        account,
        mailbox(tx, to, account),
        message(text),
        flags=flags,
        received_at_ms=received_at_ms,
        now_ms=NOW_MS,
    )


def current(
    cache: MailboxCache, tx: Transaction, mailbox: MailboxId, account: AccountId = ANNA
) -> CachedMailbox:
    """The mailbox as it is now, by way of the cache."""
    known = cache.version(account, mailbox)
    cached = cache.take(account, mailbox, known, read(tx, account, mailbox, known))
    assert cached is not None, "nobody else uses this cache"
    return cached
